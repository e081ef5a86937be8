/** `obscura phone`. */
import { parseHci } from "../../camera/command.ts";
import { UsageError } from "../../events.ts";
import { runPhone } from "../../phone/command.ts";
import type { CommandLine } from "../command-line.ts";
import { jsonOption } from "../options.ts";
import { perform } from "../perform.ts";

/** Adds `phone`. */
export function addPhone(cli: CommandLine): void {
  cli
    .command("phone", "a virtual phone that does what you type, near a camera that runs with --no-phone")
    .argument(
      "<controller>",
      "what `obscura run --no-phone` names for a host of yours: tcp:HOST:PORT or unix:PATH",
    )
    .addOption(jsonOption())
    .action(async (hci: string, options: { json?: boolean }) => {
      try {
        parseHci(hci);
      } catch (error) {
        throw new UsageError((error as Error).message);
      }
      const typed = process.stdin.isTTY && process.stdout.isTTY && !options.json;
      const prompt = typed ? { prompt: () => void process.stdout.write("> ") } : {};
      await perform(
        runPhone({ hci, input: process.stdin, signal: cli.abort, ...prompt }),
        cli.rendererFor(options),
      );
    });
}
