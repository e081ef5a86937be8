/** `obscura init`. */
import { initialise } from "../../init/init.ts";
import type { CommandLine } from "../command-line.ts";
import { jsonOption } from "../options.ts";
import { perform } from "../perform.ts";

/** Adds `init`. */
export function addInit(cli: CommandLine): void {
  cli
    .command("init", "make a folder with a new application")
    .argument("<folder>", "a new folder, or one that is empty")
    .addOption(jsonOption())
    .action(async (folder: string, options: { json?: boolean }) => {
      await perform(initialise(folder), cli.rendererFor(options));
    });
}
