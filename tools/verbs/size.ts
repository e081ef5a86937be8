/** `npm run size`: flash and RAM by module, bytecode by TypeScript module; `--json` prints one JSON object. */
import { listBoards } from "../build/boards.ts";
import { exitStatus, perform, tellFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { UsageError } from "../events.ts";
import type { Sizes } from "../size/modules.ts";
import { type SizeReport, size } from "../size/size.ts";

const defaultBoard = "mps2-an500";

const help = `usage: npm run -s size [-- --json] [--board <board>]

Shows where the bytes of an image go. <board> is one of ${listBoards().join(", ")}; by default ${defaultBoard}.
`;

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

interface Options {
  readonly board: string;
  readonly json: boolean;
}

function parse(args: readonly string[]): Options {
  let board = defaultBoard;
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    if (arg === "--json") json = true;
    else if ((arg === "--board" || arg === "-b") && args[at + 1] !== undefined) board = args[++at]!;
    else throw new UsageError(`size does not understand "${arg}". Options: --json, --board <board>, --help.`);
  }
  return { board, json };
}

/** Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    if (args.includes("--help")) {
      process.stdout.write(help);
      return exitStatus.success;
    }
    const { board, json } = parse(args);
    const report = await perform(size(board), textRenderer(process.stderr));
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : sizeText(report));
    return exitStatus.success;
  } catch (error) {
    return tellFailure(error);
  }
}
