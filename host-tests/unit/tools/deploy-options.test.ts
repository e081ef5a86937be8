/** What `obscura deploy` does besides an upload and its trial: ends another's trial, revokes a key, pairs anew. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { reportFailure } from "../../../tools/cli/perform.ts";
import type { Finder } from "../../../tools/update/camera-finder.ts";
import { type DeployState, deployFile } from "../../../tools/update/deploy.ts";
import { followLogs } from "../../../tools/update/logs.ts";
import { bundle, choice, FalseCamera, failsIn, outcome } from "../../support/false-camera.ts";

describe("tools/update/deploy: a trial of another version", () => {
  const OTHER = new Uint8Array(32).fill(7);

  /** A camera that tries another version until it is reset. */
  function tryingCamera(): FalseCamera {
    const camera = new FalseCamera();
    let isTrying = true;
    camera.onRequest = (asked) => {
      if (asked === "0/5") isTrying = false;
      if (!isTrying) return undefined;
      if (asked === "1/1") return { rc: 10, rsn: "A trial is running; confirm it, or reset the camera." };
      const image = { slot: 0, version: "9.0.0", hash: OTHER, active: true, confirmed: false };
      return asked === "1/0" ? { images: [image] } : undefined;
    };
    return camera;
  }

  const attempt = (more: object) =>
    outcome(
      deployFile(bundle, tryingCamera().central, { ...choice(), trialSeconds: 0, confirm: true, ...more }),
    );

  it("is left alone, and the sentence names --end-trial", async () => {
    await failsIn(tryingCamera(), "upload", /^A version is on trial on the camera.*--end-trial/);
    const { error } = await attempt({ state: { trial: "00" } });
    assert.match((error as Error).message, /--end-trial/);
  });

  for (const [running, expected] of [
    ["shipped", "the application of its image runs"],
    ["recovery", "no application runs, but the recovery service"],
  ] as const)
    it(`says what runs when it has been ended: ${running}`, async () => {
      const camera = tryingCamera();
      const { onRequest } = camera;
      let hasReset = false;
      camera.onRequest = (asked, count) => {
        if (asked === "64/1") return { running };
        const isFirst = asked === "1/0" && hasReset;
        hasReset = asked === "0/5" || (hasReset && !isFirst);
        return isFirst ? { images: [] } : onRequest(asked, count);
      };
      const options = { ...choice(), trialSeconds: 0, confirm: true, endTrial: true };
      const { events } = await outcome(deployFile(bundle, camera.central, options));
      const ended = events.find((event) => event.type === "step:done" && event.step === "end-trial");
      assert.equal((ended as { readonly detail?: string }).detail, expected);
    });

  it("says that the recovery service runs after a version that has failed, and no application", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked, count) => {
      if (asked === "64/1") return { running: "recovery", revert: "The last trial has ended: it failed." };
      return asked === "1/0" && count > 2 ? { images: [] } : undefined;
    };
    const sentence =
      /^The camera runs no application, but its recovery service\. The last trial has ended: it failed\.$/;
    await failsIn(camera, "try", sentence);
  });

  it("is ended by a reset with --end-trial, and where it was begun here", async () => {
    for (const more of [{ endTrial: true }, { state: { trial: Buffer.from(OTHER).toString("hex") } }]) {
      const { events, error } = await attempt(more);
      assert.equal(error, undefined);
      const done = events.filter((event) => event.type === "step:done").map(({ step }) => step);
      assert.deepEqual(done, ["find", "end-trial", "upload", "try", "confirm"]);
    }
  });
});

describe("tools/update/deploy: a revocation", () => {
  const options = () => ({ ...choice(), trialSeconds: 0, confirm: true, isRevocation: true });

  it("is carried out when it is marked: nothing is tried, reset or confirmed", async () => {
    const camera = new FalseCamera();
    const asked: string[] = [];
    camera.onRequest = (command) => void asked.push(command);
    const { events, error } = await outcome(deployFile(bundle, camera.central, options()));
    assert.equal(error, undefined);
    const done = events.filter((event) => event.type === "step:done").map(({ step }) => step);
    assert.deepEqual(done, ["find", "upload", "revoke"]);
    assert.deepEqual([asked.at(-1), asked.includes("0/5")], ["1/0", false]);
  });

  it("that the camera refuses is one sentence, and an interruption says what may be done already", async () => {
    const camera = new FalseCamera();
    const rsn = "this camera does not trust the key that the file revokes";
    camera.onRequest = (command, count) => (command === "1/0" && count === 2 ? { rc: 1, rsn } : undefined);
    const state: DeployState = {};
    const { events, error } = await outcome(deployFile(bundle, camera.central, { ...options(), state }));
    assert.equal(reportFailure(error), 1);
    const failures = events.filter((event) => event.type === "step:fail");
    assert.deepEqual(
      failures.map(({ step, message }) => [step, message]),
      [["revoke", `The camera refuses: ${rsn}`]],
    );
    assert.equal(state.left, "revocation");
  });
});

describe("tools/update/deploy: --pair-anew", () => {
  it("deletes the bond with the camera that was found, once, before it connects", async () => {
    const deleted: string[] = [];
    const camera = new FalseCamera();
    let connections = 0;
    camera.onConnect = (count) => {
      connections = count;
      return undefined;
    };
    const bonds = {
      delete: (device: { addrHex(): string }) => {
        assert.equal(connections, 0);
        deleted.push(device.addrHex());
        return true;
      },
    };
    const aioble = { ...camera.central.aioble, security: { bonds } };
    const central = { ...camera.central, aioble } as unknown as Finder;
    const state: DeployState = {};
    const options = { ...choice(), trialSeconds: 0, confirm: true, pairAnew: true, state };
    assert.equal((await outcome(deployFile(bundle, central, options))).error, undefined);
    assert.equal((await outcome(deployFile(bundle, central, options))).error, undefined);
    assert.deepEqual(deleted, ["c0:00:00:00:00:01"]);
    assert.equal(state.camera, "c0:00:00:00:00:01");
    connections = 0;
    const shown = followLogs(central, { ...choice(), maps: [], once: true, pairAnew: true });
    await shown.next();
    await shown.return(undefined);
    assert.equal(deleted.length, 2);
  });
});
