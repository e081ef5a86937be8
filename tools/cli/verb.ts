/** Arguments of npm's scripts, as commander reads them: `npm run bench -- --help`. */
import { Command, CommanderError, Option } from "commander";
import { DEFAULT_MANIFEST, findManifest, listManifests } from "../build/manifest.ts";
import { UsageError } from "../events.ts";
import { exitStatus, reportFailure } from "./perform.ts";

/** What the exit status means, at the end of every help. */
export const exitStatusHelp = `
Exit status: 0 when everything succeeded, 1 when something failed, 2 for a mistake on the command line, 130 after
Ctrl-C, 143 after SIGTERM.`;

/** The option that chooses an image's manifest. */
export const manifestOption = (): Option =>
  new Option(
    "-m, --manifest <manifest>",
    `what goes into the image: a .json file, or one of ${listManifests().join(", ")}`,
  )
    .default(DEFAULT_MANIFEST)
    .argParser((which) => {
      findManifest(which);
      return which;
    });

/** A script of package.json, to which options are added. */
export const verb = (name: string, description: string): Command =>
  new Command(`npm run -s ${name} --`)
    .description(description)
    .helpOption("-h, --help", "print this")
    .configureOutput({ writeErr: () => {} })
    .exitOverride();

/** What commander says, as the beginning of a sentence to which more is added. */
export const saidOf = ({ message }: CommanderError): string =>
  message
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
    .replace(/\.$/, "");

/** The options that there are, as a sentence. */
export const optionsOf = ({ options }: Command): string =>
  `Options: ${[...options.map(({ long }) => long), "--help"].join(", ")}.`;

/** Reads the arguments and does the work; returns the exit status. */
export async function runVerb<T extends object>(
  command: Command,
  args: readonly string[],
  work: (options: T) => Promise<number>,
): Promise<number> {
  try {
    command.parse(args, { from: "user" });
    return await work(command.opts<T>());
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportFailure(error);
    if (error.exitCode === 0) return exitStatus.success;
    return reportFailure(new UsageError(`${saidOf(error)}. ${optionsOf(command)}`));
  }
}
