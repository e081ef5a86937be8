/** The waits of tests that meet real processes: none for ever, and none that outlives its test. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Mailbox, WaitError } from "../../interop/wait.ts";

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("a wait for what a process sends", () => {
  it("ends with what was awaited", async () => {
    await assert.rejects(
      new Mailbox<number>().take("a number", 1),
      new WaitError("waited 1 ms for a number"),
    );
  });

  it("keeps no process alive that has nothing else to do", async () => {
    const box = new Mailbox<number>();
    const before = timers();
    const waiting = box.take("a number");
    assert.equal(timers(), before);
    box.close(new Error("nobody is left"));
    await assert.rejects(waiting, /nobody is left/);
  });
});
