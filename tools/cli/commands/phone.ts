/** `obscura phone`. */
import { FileRecords } from "../../central/file-records.ts";
import { UsageError } from "../../events.ts";
import { checkStandardInput } from "../../input-file.ts";
import { runPhone } from "../../phone/command.ts";
import { type CommandLine, prepare } from "../command-line.ts";
import { airOf, airOption, jsonOption } from "../options.ts";
import { perform } from "../perform.ts";

interface PhoneCommandOptions {
  readonly radio: string;
  readonly bonds?: string;
  readonly json?: boolean;
}

/** @throws UsageError for what names no file; as `FileRecords`, and before a radio is looked for. */
function bondsFile(file: string): string {
  if (file === "") throw new UsageError("--bonds is empty: give a file, or leave the option out.");
  return new FileRecords(file).file;
}

/** Adds `phone`. */
export function addPhone(cli: CommandLine): void {
  cli
    .command("phone", "a phone that does what you type, near a camera that runs with --no-phone")
    .addOption(airOption())
    .option(
      "--bonds <file>",
      "keep the phone's bonds in this file; it forgets them at its end without it",
      bondsFile,
    )
    .addOption(jsonOption())
    .action(async (options: PhoneCommandOptions) => {
      const { bonds } = options;
      const radio = airOf(options.radio);
      checkStandardInput("input");
      if (radio.kind === "bridge") await prepare(["python"]);
      const typed = process.stdin.isTTY && process.stdout.isTTY && !options.json;
      const prompt = typed ? { prompt: () => void process.stdout.write("> ") } : {};
      await perform(
        runPhone({
          ...{ radio, input: process.stdin, signal: cli.abort },
          ...prompt,
          ...(bonds === undefined ? {} : { bonds }),
        }),
        cli.rendererFor(options),
      );
    });
}
