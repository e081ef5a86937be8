/** A second model of the CYW43 chip, in Python, which shares nothing with the simulator's: what it makes of what a driver sent. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { venvProgram } from "../../tools/paths.ts";

/** What the chip became of it; as `chip_model.py` prints it. */
export interface Verdict {
  /** `rom`, `download` or `patched`. */
  readonly mode: string;
  /** In baud. */
  readonly rate: number;
  readonly records: number;
  /** Of the records as they came. */
  readonly sha256: string;
  /** Bytes at another rate than the chip's. */
  readonly noise: number;
  readonly faults: readonly string[];
  readonly opcodes: readonly number[];
}

/** @param events `power 0`, `power 1` and `bytes BAUD HEX`, in their order. */
export function judge(events: readonly string[]): Verdict {
  const script = join(import.meta.dirname, "chip_model.py");
  const { status, stdout, stderr } = spawnSync(venvProgram("python"), [script], {
    input: `${events.join("\n")}\n`,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Verdict;
}
