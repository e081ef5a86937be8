/** What looks at the computer, at a log and at a patch: `obscura doctor`, `obscura trace` and `obscura patch`. */
import { runDoctor } from "../../doctor/command.mjs";
import { describePatch } from "../../patch/patch.ts";
import { traceLog } from "../../trace/command.ts";
import type { CommandLine } from "../command-line.ts";
import { jsonOption } from "../options.ts";
import { perform } from "../perform.ts";

/** Adds `doctor`. */
export function addDoctor(cli: CommandLine): void {
  cli
    .command("doctor", "list what is installed, what is missing, and how to get it")
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => cli.end(await runDoctor(options.json ? ["--json"] : [])));
}

/** Adds `trace`. */
export function addTrace(cli: CommandLine): void {
  cli
    .command("trace", "translate the stacks in a camera's log to files, lines and columns of TypeScript")
    .argument("[log]", "a file with the log; standard input without one")
    .option("-m, --maps <folder...>", "folders with the .map files of builds that were made elsewhere")
    .addOption(jsonOption())
    .action(async (file: string | undefined, options: { maps?: string[]; json?: boolean }) => {
      const { maps = [] } = options;
      const log = { maps, signal: cli.abort, ...(file === undefined ? {} : { file }) };
      await perform(traceLog(log), cli.rendererFor(options));
    });
}

/** Adds `patch`. */
export function addPatch(cli: CommandLine): void {
  cli
    .command("patch", "check the patch of a Bluetooth controller, and describe it")
    .argument("<file>", "an HCD file, from the vendor of the module")
    .addOption(jsonOption())
    .action(async (file: string, options: { json?: boolean }) => {
      await perform(describePatch(file), cli.rendererFor(options));
    });
}
