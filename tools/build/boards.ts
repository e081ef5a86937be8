/** The boards in boards/, each a folder with a board.json. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../events.ts";
import { buildRoot, root } from "../paths.ts";
import { readChecked } from "./json.ts";
import { DEFAULT_MANIFEST, findManifest, type Manifest } from "./manifest.ts";

/** A board that images can be built for. */
export interface Board {
  readonly name: string;
  /** One line about it. */
  readonly title: string;
  /** How this computer runs its images: as a process, in QEMU, or not at all. */
  readonly runs: "process" | "qemu" | "hardware";
  /** boards/<name> */
  readonly folder: string;
  /** build/<name>, or build/<name>-<manifest> for another manifest than the one with everything. */
  readonly output: string;
  /** CMake's toolchain file; the host board has none. */
  readonly toolchain: string | undefined;
  readonly manifest: Manifest;
  /** Sizes and rates for the C side: the board's, unless the manifest says otherwise. */
  readonly figures: Readonly<Record<string, number>>;
  /** Bytes that slots and chunks can have: the heap's floor and its growth. */
  readonly heapMaxBytes: number;
}

/** What the build reads of a board.json; boards/schema.json describes the whole. */
interface BoardFile {
  readonly cpu: string;
  readonly title: string;
  readonly heap: {
    readonly chunkBytes: number;
    readonly slots: number;
    readonly growthBytes: number;
    readonly stackSlots: number;
  };
  readonly radio: {
    readonly baud: number;
    readonly flowControl: boolean;
    readonly downloadBaud?: number;
    readonly runBaud?: number;
  };
  readonly run: { readonly kind: "process" | "qemu" | "hardware" };
}

const boardsRoot = join(root, "boards");

/** Names of the boards, in alphabetical order. @param boards the folder that they are in */
export function listBoards(boards = boardsRoot): string[] {
  return readdirSync(boards)
    .filter((name) => existsSync(join(boards, name, "board.json")))
    .sort();
}

/**
 * @param which path or name of the image's manifest
 * @param boards the folder that the board is in
 * @throws UsageError, with the boards and manifests that there are; ToolError for a board.json that does not follow its
 * schema.
 */
export function loadBoard(name: string, which: string = DEFAULT_MANIFEST, boards = boardsRoot): Board {
  const names = listBoards(boards);
  if (!names.includes(name)) {
    throw new UsageError(`There is no board "${name}". Boards: ${names.join(", ")}.`);
  }
  const folder = join(boards, name);
  const board = readChecked<BoardFile>(join(folder, "board.json"), join(boardsRoot, "schema.json"), "board");
  const toolchain = join(folder, "toolchain.cmake");
  const manifest = findManifest(which);
  const figures: Record<string, number> = { ...figuresOf(board), ...manifest.figures };
  return {
    name,
    title: board.title,
    runs: board.run.kind,
    folder,
    output: join(buildRoot, manifest.name === DEFAULT_MANIFEST ? name : `${name}-${manifest.name}`),
    toolchain: existsSync(toolchain) ? toolchain : undefined,
    manifest,
    figures,
    heapMaxBytes: figures.HEAP_CHUNKS! + figures.HEAP_SLOTS! * slotBytes(board) + figures.HEAP_GROWTH!,
  };
}

/** A slot has four pointers' size. */
const slotBytes = ({ cpu }: BoardFile): number => (cpu === "native" ? 32 : 16);

/** What the C side is compiled with, of what board.json says. */
export const figuresOf = (board: Pick<BoardFile, "heap" | "radio">): Record<string, number> => ({
  ...heapFigures(board),
  ...radioFigures(board),
});

const heapFigures = ({ heap }: Pick<BoardFile, "heap">): Record<string, number> => ({
  HEAP_CHUNKS: heap.chunkBytes,
  HEAP_SLOTS: heap.slots,
  HEAP_GROWTH: heap.growthBytes,
  HEAP_STACK: heap.stackSlots,
});

const radioFigures = ({ radio }: Pick<BoardFile, "radio">): Record<string, number> => ({
  HCI_BAUD: radio.baud,
  HCI_FLOW: radio.flowControl ? 1 : 0,
  RADIO_DOWNLOAD_BAUD: radio.downloadBaud ?? radio.baud,
  RADIO_RUN_BAUD: radio.runBaud ?? radio.baud,
});
