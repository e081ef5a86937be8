/** What `obscura deploy` and `obscura logs` say of a camera that was heard, and then is silent, leaves, or answers nonsense. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { GattError, TimeoutError } from "../../../firmware/aioble/errors.ts";
import { HciError } from "../../../firmware/ble/errors.ts";
import { ToolError } from "../../../tools/events.ts";
import { cameraFault } from "../../../tools/update/camera-faults.ts";
import { followLogs } from "../../../tools/update/logs.ts";
import { choice, deployTo, FalseCamera, failsIn, outcome } from "../../support/false-camera.ts";

describe("tools/update/camera-faults: obscura deploy", () => {
  const silent = /^The camera was heard, but neither connects nor answers within \d+ s\. Bring it nearer/;
  const left = /^The link to the camera has ended\. .*remote power off \(0x15\)\. Bring it nearer/;

  it("ends well with a camera that does as it should", async () => {
    const { events, error } = await deployTo(new FalseCamera());
    assert.equal(error, undefined);
    const done = events.filter((event) => event.type === "step:done").map(({ step }) => step);
    assert.deepEqual(done, ["find", "upload", "try", "confirm"]);
  });

  it("says that the camera does not connect", async () => {
    const camera = new FalseCamera();
    camera.onConnect = () => new TimeoutError(10_000);
    await failsIn(camera, "find", silent);
  });

  it("says that a bond could not be kept, before it connects", async () => {
    const camera = new FalseCamera();
    let connections = 0;
    camera.onConnect = () => void connections++;
    camera.onRoom = () => {
      throw new ToolError("No space is left for bonds.json: free some, and run this again.");
    };
    await failsIn(camera, "find", /^No space is left for bonds\.json: /);
    assert.equal(connections, 0);
  });

  it("says that the camera does not answer", async () => {
    const camera = new FalseCamera();
    camera.onRequest = () => new TimeoutError(5000);
    await failsIn(camera, "find", silent);
  });

  for (const [name, command] of [
    ["first request", "0/0"],
    ["list", "1/0"],
  ] as const)
    it(`says that the camera leaves in the ${name}`, async () => {
      const camera = new FalseCamera();
      camera.onRequest = (asked) => (asked === command ? camera.leave() : undefined);
      await failsIn(camera, "find", left);
    });

  it("says that the camera leaves in the upload again and again, or stays away", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked) => (asked === "1/1" ? camera.leave() : undefined);
    await failsIn(camera, "upload", left);
    const away = new FalseCamera();
    away.onRequest = (asked) => (asked === "1/1" ? away.leave() : undefined);
    away.onConnect = (count) => (count > 1 ? new TimeoutError(10_000) : undefined);
    await failsIn(away, "upload", /^The camera has not come back\. The camera was heard, but neither/);
  });

  it("says that the camera leaves when it is asked to try, and in the wait of the trial", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked, count) => (asked === "1/0" && count === 2 ? camera.leave() : undefined);
    await failsIn(camera, "try", left);
    const waiting = new FalseCamera();
    waiting.onRequest = (asked, count) => (asked === "1/0" && count >= 4 ? waiting.leave() : undefined);
    await failsIn(waiting, "confirm", left);
    const away = new FalseCamera();
    away.onRequest = (asked, count) => (asked === "1/0" && count >= 4 ? away.leave() : undefined);
    away.onConnect = (count) => (count > 2 ? new TimeoutError(10_000) : undefined);
    const sentence = /^The camera has not come back\. .* A trial ends by itself 300 s after it began: .*\.$/;
    await failsIn(away, "confirm", sentence);
  });

  it("takes a camera that resets before its answer has left it for one that has", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked) => (asked === "0/5" ? camera.restart() : undefined);
    assert.equal((await deployTo(camera)).error, undefined);
  });

  it("says that what the camera answers is malformed, or no answer at all", async () => {
    const nonsense = new FalseCamera();
    nonsense.onRequest = () => new Uint8Array([0xff]);
    await failsIn(nonsense, "find", /^The camera's answer is malformed \(/);
    const listless = new FalseCamera();
    listless.onRequest = (asked) => (asked === "1/0" ? {} : undefined);
    await failsIn(listless, "find", /^The camera refuses: the camera does not say what it runs$/);
    for (const off of [-1, 1.5e9, "all"]) {
      const wild = new FalseCamera();
      wild.onRequest = (asked) => (asked === "1/1" ? { off } : undefined);
      await failsIn(wild, "upload", /^The camera refuses: the camera does not say what it has$/);
    }
    const stuck = new FalseCamera();
    stuck.onRequest = (asked) => (asked === "1/1" ? { off: 0 } : undefined);
    await failsIn(stuck, "upload", /^The camera refuses: the camera takes no more of the file$/);
  });
});

describe("tools/update/camera-faults: obscura logs", () => {
  const follow = (camera: FalseCamera, once = true) =>
    outcome(followLogs(camera.central, { ...choice(), maps: [], once }));

  it("has a fault that is one sentence, when the camera does not connect or does not answer", async () => {
    const camera = new FalseCamera();
    camera.onConnect = () => new TimeoutError(10_000);
    const deaf = new FalseCamera();
    deaf.onRequest = (asked) => (asked === "64/0" ? new TimeoutError(5000) : undefined);
    for (const each of [camera, deaf]) {
      const fault = cameraFault((await follow(each)).error);
      assert(fault instanceof ToolError);
      assert.match(fault.message, /^The camera was heard, but neither connects nor answers within \d+ s\. /);
    }
  });

  it("goes on when the camera is back, and ends when it stays away", async () => {
    const camera = new FalseCamera();
    camera.onConnect = (count) => (count === 2 ? new TimeoutError(10_000) : undefined);
    const patient = { ...choice(), returnMs: 60_000, maps: [] };
    camera.onRequest = (asked, count) => {
      if (asked !== "64/0") return undefined;
      if (count === 1) return camera.leave();
      return count === 2 ? undefined : { lines: [] };
    };
    const { events, error } = await outcome(followLogs(camera.central, { ...patient, once: true }));
    assert.equal(error, undefined);
    assert.deepEqual(
      events.map((event) => (event.type === "line" ? event.text : event.type)),
      ["info", "a line"],
    );
    const away = new FalseCamera();
    away.onRequest = (asked) => (asked === "64/0" ? away.leave() : undefined);
    away.onConnect = (count) => (count > 1 ? new TimeoutError(10_000) : undefined);
    const { error: ended } = await follow(away, false);
    assert(ended instanceof ToolError);
    assert.match(ended.message, /^The camera has not come back\. /);
  });
});

describe("tools/update/camera-faults", () => {
  it("leaves defects and this computer's controller what they are", () => {
    for (const error of [new TypeError("x"), new HciError("controller-lost", "gone"), undefined])
      assert.equal(cameraFault(error), error);
    const fault = cameraFault(new GattError(0x0e));
    assert(fault instanceof ToolError);
    assert.match(fault.message, /^The camera does not do what was asked: /);
  });
});
