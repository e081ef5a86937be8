/** `obscura deploy` that is interrupted, wherever it is: what it still asks of the camera, and what it says is left there. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { InterruptedError } from "../../../tools/events.ts";
import { type DeployState, deployFile, sayingWhatIsLeft } from "../../../tools/update/deploy.ts";
import { ManagementClient, openManagement } from "../../../tools/update/management-client.ts";
import { bundle, choice, FalseCamera, outcome } from "../../support/false-camera.ts";

describe("tools/update/deploy: Ctrl-C", () => {
  /** Interrupts in front of the camera's answer to a request; returns all that it was asked, and what is left there. */
  async function interruptAt(request: string, nth: number) {
    const camera = new FalseCamera();
    const interruption = new AbortController();
    const asked: string[] = [];
    camera.onRequest = (command, count) => {
      asked.push(command);
      if (command === request && count === nth) interruption.abort(new Error("Ctrl-C"));
      return undefined;
    };
    const state: DeployState = {};
    const options = { ...choice(), signal: interruption.signal, trialSeconds: 0, confirm: true, state };
    const { error } = await outcome(deployFile(bundle, camera.central, options));
    assert.equal((error as Error).message, "Ctrl-C");
    return { asked, left: state.left };
  }

  it("in an upload ends it with the frame that is under way", async () => {
    const { asked, left } = await interruptAt("1/1", 2);
    assert.deepEqual(asked.slice(-2), ["1/1", "1/1"]);
    assert.equal(left, "upload");
  });

  it("with the last frame, and with the mark, ends it before the camera is asked for more", async () => {
    const frames = (await interruptAt("1/0", 2)).asked.filter((command) => command === "1/1").length;
    const last = await interruptAt("1/1", frames);
    assert.equal(last.asked.at(-1), "1/1");
    assert.equal(last.left, "upload");
    const marked = await interruptAt("1/0", 2);
    assert.equal(marked.asked.at(-1), "1/0");
    assert.ok(!marked.asked.includes("0/5"), "no reset");
    assert.equal(marked.left, "mark");
  });

  it("in a trial leaves it unconfirmed", async () => {
    const { asked, left } = await interruptAt("1/0", 4);
    assert.equal(asked.filter((command) => command === "1/0").length, 4);
    assert.equal(left, "trial");
  });

  it("with the confirmation, or the mark of a revocation, says what may be done on the camera, though it is done", async () => {
    for (const [isRevocation, nth, sentence] of [
      [false, 5, /^The version may be confirmed on the camera already\.$/],
      [true, 2, /^The key may be revoked on the camera already\.$/],
    ] as const) {
      const camera = new FalseCamera();
      const interruption = new AbortController();
      camera.onRequest = (command, count) =>
        void (command === "1/0" && count === nth && interruption.abort(new Error("Ctrl-C")));
      const { signal } = interruption;
      const state: DeployState = {};
      const options = { ...choice(), signal, trialSeconds: 0, confirm: true, isRevocation, state };
      const work = deployFile(bundle, camera.central, options);
      const { error } = await outcome(sayingWhatIsLeft(work, signal, state));
      assert(error instanceof InterruptedError);
      assert.match(error.message, sentence);
    }
  });

  it("in a frame whose answer does not come ends at once", async () => {
    const interruption = new AbortController();
    let beginWait = (): void => undefined;
    const waits = new Promise<void>((resolve) => {
      beginWait = resolve;
    });
    const characteristic = {
      subscribe: async () => undefined,
      write: async () => undefined,
      notified: ({ signal }: { signal: AbortSignal }) => {
        beginWait();
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    };
    const service = { characteristic: async () => characteristic };
    const connection = { mtu: 515, exchangeMtu: async () => 515, service: async () => service };
    const link = await openManagement(connection as never, interruption.signal);
    const asked = new ManagementClient(link!).echo("hi");
    await waits;
    interruption.abort(new Error("Ctrl-C"));
    await assert.rejects(asked, /Ctrl-C/);
    await assert.rejects(link!.write(new Uint8Array(1)), /Ctrl-C/);
  });
});
