/** Programs that the tools run. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ToolError } from "../../../tools/events.ts";
import { endPrograms, mustRun, ninjaProgress } from "../../../tools/process.ts";

describe("programs that a tool waits for", () => {
  it("end when the tool is interrupted, and what waited for them fails", async () => {
    let ready: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const script = "console.log('started'); setInterval(() => {}, 1000)";
    const waiting = mustRun(process.execPath, ["-e", script], "it was ended", { onLine: () => ready() });
    await started;
    endPrograms();
    await assert.rejects(waiting, (error: unknown) => {
      return error instanceof ToolError && error.message === "it was ended" && error.output === "started";
    });
  });

  it("report Ninja's progress", () => {
    const calls: [number, number][] = [];
    const onLine = ninjaProgress((done, total) => calls.push([done, total]));
    onLine("[3/210] Building C object fx.o");
    onLine("ninja: no work to do.");
    assert.deepEqual(calls, [[3, 210]]);
  });
});
