/** The boards in boards/, each a folder with a board.json. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../events.ts";
import { buildRoot, root } from "../paths.ts";
import { loadManifest, type Manifest } from "./manifest.ts";

/** A board that images can be built for. */
export interface Board {
  readonly name: string;
  /** One line about it. */
  readonly title: string;
  /** boards/<name> */
  readonly folder: string;
  /** build/<name> */
  readonly output: string;
  /** CMake's toolchain file; the host board has none. */
  readonly toolchain: string | undefined;
  readonly manifest: Manifest;
  /** Sizes and rates for the C side; the board's own win over the manifest's. */
  readonly figures: Readonly<Record<string, number>>;
}

/** What the build reads of a board.json; boards/schema.json describes the whole. */
interface BoardFile {
  readonly title?: string;
  readonly description?: string;
  readonly manifest?: string;
  readonly heap?: { readonly chunkBytes?: number; readonly slots?: number; readonly stackSlots?: number };
}

const boardsRoot = join(root, "boards");

/** Names of the boards, in alphabetical order. */
export function listBoards(): string[] {
  return readdirSync(boardsRoot)
    .filter((name) => existsSync(join(boardsRoot, name, "board.cmake")))
    .sort();
}

/** @throws UsageError, with the boards that there are. */
export function loadBoard(name: string): Board {
  const boards = listBoards();
  if (!boards.includes(name)) {
    throw new UsageError(`There is no board "${name}". Boards: ${boards.join(", ")}.`);
  }
  const folder = join(boardsRoot, name);
  const file = join(folder, "board.json");
  const board = (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}) as BoardFile;
  const toolchain = join(folder, "toolchain.cmake");
  const manifest = loadManifest(resolve(folder, board.manifest ?? "../../manifests/camera.json"));
  return {
    name,
    title: board.title ?? board.description ?? name,
    folder,
    output: join(buildRoot, name),
    toolchain: existsSync(toolchain) ? toolchain : undefined,
    manifest,
    figures: { ...manifest.figures, ...heapFigures(board) },
  };
}

function heapFigures({ heap = {} }: BoardFile): Record<string, number> {
  const { chunkBytes, slots, stackSlots } = heap;
  return {
    ...(chunkBytes === undefined ? {} : { HEAP_CHUNKS: chunkBytes }),
    ...(slots === undefined ? {} : { HEAP_SLOTS: slots }),
    ...(stackSlots === undefined ? {} : { HEAP_STACK: stackSlots }),
  };
}
