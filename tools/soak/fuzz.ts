/** The fuzz targets of host-tests/fuzz, for as long as one likes. */
import { type Operation, step, ToolError } from "../events.ts";
import { nodeProgram } from "../paths.ts";
import { runProgram } from "../process.ts";

/** Figures of one target, as fuzz.test.ts prints them. */
export interface FuzzResult {
  readonly name: string;
  readonly seed: number;
  readonly inputs: number;
  readonly packets: number;
  readonly heapGrowthKiB: number;
}

/** Runs every target for `seconds`. @throws StepFailed with the input that broke something. */
export async function* fuzz(options: {
  readonly seconds: number;
  readonly seed: number;
}): Operation<FuzzResult[]> {
  const { seconds, seed } = options;
  return yield* step("fuzz", `Fuzz targets, ${seconds} s each`, async () => {
    const results: FuzzResult[] = [];
    const { status, output } = await runProgram(
      process.execPath,
      [nodeProgram("mocha"), "host-tests/fuzz/fuzz.test.ts"],
      {
        environment: { OBSCURA_FUZZ_SECONDS: String(seconds), OBSCURA_FUZZ_SEED: String(seed) },
        onLine: (line) => {
          if (line.trim().startsWith("{")) results.push(JSON.parse(line) as FuzzResult);
        },
      },
    );
    if (status !== 0) throw new ToolError("A fuzz target failed", output.trim());
    return { value: results, detail: `${results.length} targets` };
  });
}
