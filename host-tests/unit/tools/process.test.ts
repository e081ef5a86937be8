/** Programs that the tools run. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { ninjaProgress } from "../../../tools/process.ts";

describe("programs that a tool waits for", () => {
  it("end when the tool is interrupted, and what waited for them fails; no others are started", async () => {
    // In a process of its own: this one goes on to start programs.
    const script = `
      import { endPrograms, mustRun } from ${JSON.stringify(join(root, "tools/process.ts"))};
      const endless = "console.log('started'); setInterval(() => {}, 1000)";
      const failures = [];
      const note = ({ message, output }) => failures.push({ message, output });
      const waiting = mustRun(process.execPath, ["-e", endless], "it was ended", { onLine: endPrograms });
      await waiting.catch(note);
      await mustRun(process.execPath, ["-e", "console.log('another')"], "another was ended").catch(note);
      console.log(JSON.stringify(failures));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import=tsx", "--input-type=module", "-e", script],
      { cwd: root },
    );
    assert.deepEqual(JSON.parse(stdout), [
      { message: "it was ended", output: "started" },
      { message: "interrupted", output: "" },
    ]);
  });

  it("report Ninja's progress", () => {
    const calls: [number, number][] = [];
    const onLine = ninjaProgress((done, total) => calls.push([done, total]));
    onLine("[3/210] Building C object fx.o");
    onLine("ninja: no work to do.");
    assert.deepEqual(calls, [[3, 210]]);
  });
});
