/** A deployment in a thread of its own: what the application may do to the tool. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { type ApartOptions, deployApart } from "../../../tools/energy/apart.ts";
import { loadProfile, processorFigures } from "../../../tools/energy/command.ts";
import type { EnergyReport } from "../../../tools/energy/deployment.ts";
import { ToolError } from "../../../tools/events.ts";

describe("energy: a deployment in a thread", function () {
  this.timeout(300_000);
  let folder = "";

  const play = (application: string, options: Partial<ApartOptions> = {}): Promise<EnergyReport> =>
    deployApart({
      ...{ application, profile: loadProfile("openmv-ae3"), days: 0.001, processor: processorFigures() },
      ...{ earlyRadio: true, lightSleep: true },
      ...options,
    });

  const written = (name: string, text: string): string => {
    const file = join(folder, `${name}.ts`);
    writeFileSync(file, text);
    return file;
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-energy-"));
  });

  after(() => rmSync(folder, { recursive: true }));

  it("reports as one in the tool, with rejections that nobody takes on the way", async () => {
    const sleeper =
      'import { deepSleep } from "power"; void Promise.reject(new Error("nobody")); await deepSleep({ durationMs: 20_000 });';
    const report = await play(written("sleeper", sleeper));
    assert.equal(report.starts, 5);
    assert.equal(report.wakes, 4);
  });

  it("that fails is a ToolError with what it failed with", async () => {
    await assert.rejects(play(join(import.meta.dirname, "broken.ts")), {
      name: "ToolError",
      message: /failed in the simulated camera: .*no such sensor/s,
    });
  });

  it("that takes all memory, or computes without an end, is ended with a sentence", async () => {
    const greedy = written(
      "greedy",
      "const all: number[][] = []; for (;;) all.push(new Array(10_000).fill(1.5));",
    );
    await assert.rejects(play(greedy, { heapMb: 192 }), {
      name: "ToolError",
      message: "The application takes more than 192 MB in the simulated camera.",
    });
    const spinning = written("spinning", "for (;;) await null;");
    await assert.rejects(play(spinning, { stillMs: 300 }), {
      name: "ToolError",
      message: "The application computes without an end: for 0.3 s no time has passed in its camera.",
    });
  });

  it("ends by its signal, whatever the application computes", async () => {
    const abort = new AbortController();
    const interrupt = (): void => void setTimeout(() => abort.abort(new ToolError("interrupted")), 300);
    const playing = play(written("busy", "for (;;);"), { signal: abort.signal, onStart: interrupt });
    await assert.rejects(playing, { name: "ToolError", message: "interrupted" });
  });
});
