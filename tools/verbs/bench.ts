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
import { exitStatus, perform, tellFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { UsageError } from "../events.ts";

const updateFlag = "--update-baseline";
const profileFlag = "--profile";

const help = `usage: npm run -s bench [-- ${updateFlag} | ${profileFlag}]

Prints one JSON object: figures by board. Of all but notificationsPerSecond, less is better.
${Object.entries(descriptions)
  .map(([figure, text]) => `  ${figure.padEnd(18)} ${text}`)
  .join("\n")}
${updateFlag} writes them to tools/bench/baseline.json; say in the commit why they rose.
${profileFlag} prints tables instead: instructions by room of the firmware and by function, on mps2-an500.
Needs qemu-system-arm, arm-none-eabi-gcc and valgrind (\`npx --no obscura doctor\`). Takes a minute.
`;

const say = (line: string) => process.stderr.write(`${line}\n`);

function tellChanges(figures: Figures): void {
  const baseline = readBaseline();
  for (const change of findRises(baseline, figures))
    say(`worse than the baseline: ${describeChange(change)}`);
  for (const change of findFalls(baseline, figures))
    say(`better than the baseline: ${describeChange(change)}`);
}

/** Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  // Programs that run beside the tool are ended when it exits, which a signal alone does not make it do.
  const interrupt = () => process.exit(exitStatus.interrupted);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, interrupt);
  try {
    if (args.includes("--help")) {
      process.stdout.write(help);
      return exitStatus.success;
    }
    const unknown = args.find((arg) => arg !== updateFlag && arg !== profileFlag);
    if (unknown !== undefined) {
      throw new UsageError(
        `bench has no option "${unknown}". Options: ${updateFlag}, ${profileFlag}, --help.`,
      );
    }
    if (args.includes(profileFlag)) {
      process.stdout.write(profileText(await perform(profile(), textRenderer(process.stderr))));
      return exitStatus.success;
    }
    const figures = await perform(bench(), textRenderer(process.stderr));
    if (args.includes(updateFlag)) writeBaseline(figures);
    else tellChanges(figures);
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    return exitStatus.success;
  } catch (error) {
    return tellFailure(error);
  } finally {
    for (const name of signals) process.off(name, interrupt);
  }
}
