/**
 * `npm run bench`: one JSON object on standard output, everything else on standard error. `--update-baseline` also makes
 * the figures the new baseline. `--profile` prints where the instructions go instead, as Markdown.
 */
import { bench } from "../bench/bench.ts";
import {
  describeChange,
  descriptions,
  type Figures,
  findFalls,
  findRises,
  readBaseline,
  writeBaseline,
} from "../bench/figures.ts";
import { profile, profileText } from "../bench/profile.ts";
import { PATHS } from "../bench/script.ts";
import { DEFAULT_MANIFEST } from "../build/manifest.ts";
import { Interruption } from "../cli/interruption.ts";
import { exitStatus, perform } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { exitStatusHelp, manifestOption, runVerb, verb } from "../cli/verb.ts";
import { UsageError } from "../events.ts";

interface Options {
  readonly manifest: string;
  readonly updateBaseline?: boolean;
  readonly profile?: boolean;
}

const command = () =>
  verb("bench", "Prints one JSON object: figures by board.")
    .addOption(manifestOption())
    .option("--update-baseline", "write them to tools/bench/baseline.json; say in the commit why they rose")
    .option(
      "--profile",
      "print tables instead: instructions by module of the firmware and by function, on mps2-an500",
    )
    .addHelpText(
      "after",
      `
Of all figures but those per second, less is better. Figures of a path (${[...PATHS].join(", ")}) are without collections
of garbage; all others have their share of them, by the bytes that they allocate.
${Object.entries(descriptions)
  .map(([figure, text]) => `  ${figure.padEnd(20)} ${text}`)
  .join("\n")}

Needs qemu-system-arm, arm-none-eabi-gcc and valgrind (\`npx --no obscura doctor\`). Takes a minute.
${exitStatusHelp}`,
    );

const say = (line: string) => process.stderr.write(`${line}\n`);

function reportChanges(figures: Figures): void {
  const baseline = readBaseline();
  for (const change of findRises(baseline, figures))
    say(`worse than the baseline: ${describeChange(change)}`);
  for (const change of findFalls(baseline, figures))
    say(`better than the baseline: ${describeChange(change)}`);
}

/** Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  // Programs that run beside the tool are ended when it exits, which a signal alone does not make it do.
  const interruption = new Interruption();
  interruption.signal.addEventListener("abort", () => process.exit(interruption.status));
  try {
    return await runVerb<Options>(command(), args, async ({ manifest, updateBaseline, profile: wanted }) => {
      if (wanted) {
        process.stdout.write(profileText(await perform(profile(manifest), textRenderer(process.stderr))));
        return exitStatus.success;
      }
      if (updateBaseline && manifest !== DEFAULT_MANIFEST) {
        throw new UsageError(`The baseline is that of the manifest ${DEFAULT_MANIFEST}.`);
      }
      const figures = await perform(bench(manifest), textRenderer(process.stderr));
      if (updateBaseline) writeBaseline(figures);
      else if (manifest === DEFAULT_MANIFEST) reportChanges(figures);
      process.stdout.write(`${JSON.stringify(figures)}\n`);
      return exitStatus.success;
    });
  } finally {
    interruption.release();
  }
}
