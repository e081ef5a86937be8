/** `npm run size`: flash and RAM by module, bytecode by TypeScript module; `--json` prints one JSON object. */
import { listBoards } from "../build/boards.ts";
import { exitStatus, perform } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { exitStatusHelp, manifestOption, runVerb, verb } from "../cli/verb.ts";
import type { Sizes } from "../size/modules.ts";
import { type SizeReport, size } from "../size/size.ts";

const defaultBoard = "mps2-an500";

interface Options {
  readonly board: string;
  readonly manifest: string;
  readonly json?: boolean;
}

const command = () =>
  verb("size", "Shows where the bytes of an image go.")
    .option("-b, --board <board>", `one of: ${listBoards().join(", ")}`, defaultBoard)
    .addOption(manifestOption())
    .option("--json", "print one JSON object")
    .addHelpText("after", exitStatusHelp);

/** Lines of one table. */
function table(title: string, { total, modules }: Sizes): string[] {
  const row = (name: string, bytes: number) => {
    const percent = ((bytes / total) * 100).toFixed(1);
    return `  ${String(bytes).padStart(8)} ${percent.padStart(5)} %  ${name}`;
  };
  return [
    title,
    ...Object.entries(modules).map(([name, bytes]) => row(name, bytes)),
    row("total", total),
    "",
  ];
}

/** The report for a person. */
export function sizeText({ board, flash, ram, bytecode }: SizeReport): string {
  return [
    ...table(`Flash of ${board} in bytes, without an application`, flash),
    ...table(`RAM of ${board} in bytes, as the linker placed it`, ram),
    ...table("Bytecode of the firmware in bytes, by module (shares are estimated)", bytecode),
  ].join("\n");
}

/** Returns the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runVerb<Options>(command(), args, async ({ board, manifest, json }) => {
    const report = await perform(size(board, manifest), textRenderer(process.stderr));
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : sizeText(report));
    return exitStatus.success;
  });
