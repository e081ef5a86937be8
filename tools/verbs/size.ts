/** `npm run size`: flash and RAM by module, bytecode by TypeScript module; `--json` prints a JSON object for each board. */
import { listBoards } from "../build/boards.ts";
import { exitStatus, perform } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { exitStatusHelp, manifestOption, runVerb, verb } from "../cli/verb.ts";
import type { Sizes } from "../size/modules.ts";
import { type SizeReport, size } from "../size/size.ts";

/** The boards whose images are those of a camera. */
const CAMERAS: readonly string[] = ["mps2-an500", "mps3-an547"];

interface Options {
  readonly board?: readonly string[];
  readonly manifest: string;
  readonly json?: boolean;
}

const command = () =>
  verb("size", "Shows where the bytes of an image go.")
    .option(
      "-b, --board <board>",
      `one of: ${listBoards().join(", ")}; may be given several times; without it: ${CAMERAS.join(", ")}`,
      (board: string, others: readonly string[] = []) => [...others, board],
    )
    .addOption(manifestOption())
    .option("--json", "print a JSON object of a line for each board")
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

/** The reports for a person; the bytecode is the same on every board. */
export function sizeText(reports: readonly SizeReport[]): string {
  return [
    ...reports.flatMap(({ board, flash, ram }) => [
      ...table(`Flash of ${board} in bytes, without an application`, flash),
      ...table(`RAM of ${board} in bytes, as the linker placed it`, ram),
    ]),
    ...table("Bytecode of the firmware in bytes, by module (shares are estimated)", reports[0]!.bytecode),
  ].join("\n");
}

/** Returns the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runVerb<Options>(command(), args, async ({ board, manifest, json }) => {
    const reports: SizeReport[] = [];
    for (const each of board ?? CAMERAS)
      reports.push(await perform(size(each, manifest), textRenderer(process.stderr)));
    process.stdout.write(
      json ? `${reports.map((report) => JSON.stringify(report)).join("\n")}\n` : sizeText(reports),
    );
    return exitStatus.success;
  });
