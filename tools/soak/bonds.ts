/** Pairings, cuts and reboots of host-tests/bonds, for as many hours of virtual time as one likes. */
import type { BondFigures } from "../../host-tests/bonds/days.ts";
import { type Operation, step, ToolError } from "../events.ts";
import { nodeProgram } from "../paths.ts";
import { runProgram } from "../process.ts";

/** @throws StepFailed with the last steps before a bond was lost, came from nowhere, or did not encrypt. */
export async function* bonds({
  hours,
  seed,
}: {
  readonly hours: number;
  readonly seed: number;
}): Operation<BondFigures> {
  return yield* step("bonds", `Bonds, ${hours} hours of virtual time`, async () => {
    let figures: BondFigures | undefined;
    const { status, output } = await runProgram(
      process.execPath,
      [nodeProgram("mocha"), "host-tests/bonds/days.test.ts"],
      {
        environment: { OBSCURA_BOND_HOURS: String(hours), OBSCURA_BOND_SEED: String(seed) },
        onLine: (line) => {
          if (line.trim().startsWith("{")) figures = JSON.parse(line) as BondFigures;
        },
      },
    );
    if (status !== 0 || !figures)
      throw new ToolError("A bond was lost, or one is there that nobody made", output.trim());
    return { value: figures, detail: `${figures.steps} steps` };
  });
}
