/** The boards in boards/, each a folder with a board.json. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ToolError, UsageError } from "../events.ts";
import { displayPath, root } from "../paths.ts";
import { readChecked } from "./json.ts";
import { DEFAULT_MANIFEST, findManifest, type Manifest } from "./manifest.ts";
import { outputFolder, whyReserved } from "./output-folder.ts";

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
  readonly name: string;
  readonly cpu: string;
  readonly toolchain?: string;
  readonly memory: readonly MemoryRegion[];
  readonly flash: readonly FlashFigures[];
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

interface MemoryRegion {
  readonly name: string;
  readonly use: string;
  readonly address: string;
  readonly size: number;
}

interface FlashFigures {
  readonly name: string;
  readonly size: number;
  readonly eraseUnit: number;
  readonly programUnit: number;
}

const boardsRoot = join(root, "boards");

/** Most bytes of anything: the C side counts them in 32 bits. */
const MEMORY_MAX = 0xffffffff;

/** Uses that the tools look for one region of. */
const SINGLE_USES = ["rom", "application", "patch"];

/** Of the area `update`: two of state, and two slots of one or more (firmware/native/slots.c). */
const UPDATE_UNITS_MIN = 4;

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
  const file = join(folder, "board.json");
  const board = readChecked<BoardFile>(file, join(boardsRoot, "schema.json"), "board");
  const mistakes = [...boardMistakes(name, board), ...toolchainMistakes(folder, board)];
  if (mistakes.length > 0) {
    throw new ToolError(mistakes.map((mistake) => `${displayPath(file)}: ${mistake}`).join("\n"));
  }
  const manifest = findManifest(which);
  const figures: Record<string, number> = { ...figuresOf(board), ...manifest.figures };
  const heapMaxBytes = figures.HEAP_CHUNKS! + figures.HEAP_SLOTS! * slotBytes(board) + figures.HEAP_GROWTH!;
  if (heapMaxBytes > MEMORY_MAX)
    throw new ToolError(
      `${displayPath(file)}: "heap" makes ${heapMaxBytes} bytes with the figures of the manifest ${manifest.name}; it is at most ${MEMORY_MAX}`,
    );
  return {
    name,
    title: board.title,
    runs: board.run.kind,
    folder,
    output: outputFolder(name, manifest.name === DEFAULT_MANIFEST ? undefined : manifest.name, names),
    toolchain: board.toolchain === undefined ? undefined : join(folder, board.toolchain),
    manifest,
    figures,
    heapMaxBytes,
  };
}

/** What a schema cannot say of a board.json, a sentence for each mistake. */
export function boardMistakes(
  folder: string,
  { flash, memory, name }: Pick<BoardFile, "flash" | "memory" | "name">,
): string[] {
  const mistakes: string[] = [];
  if (name !== folder) mistakes.push(`"name" is "${name}"; it is the name of the folder, "${folder}"`);
  const why = whyReserved(name);
  if (why !== undefined) mistakes.push(`"name" is "${name}"; ${why}`);
  for (const [key, items] of Object.entries({ memory, flash })) {
    const names = items.map((item) => item.name);
    for (const twice of new Set(names.filter((each, at) => names.indexOf(each) !== at)))
      mistakes.push(`"${key}" has "${twice}" twice; each has a name of its own`);
  }
  for (const [at, area] of flash.entries()) {
    for (const mistake of flashMistakes(area)) mistakes.push(`"flash[${at}]", ${area.name}: ${mistake}`);
  }
  return [...mistakes, ...memoryMistakes(memory)];
}

function memoryMistakes(memory: readonly MemoryRegion[]): string[] {
  const mistakes: string[] = [];
  if (memory.length > 0 && !memory.some(({ use }) => use === "image"))
    mistakes.push('"memory" has no region whose "use" is "image": the linker needs one');
  for (const use of SINGLE_USES) {
    const names = memory.filter((region) => region.use === use).map(({ name }) => name);
    if (names.length > 1)
      mistakes.push(
        `"memory" has several regions whose "use" is "${use}", ${names.join(" and ")}; there is one at most`,
      );
  }
  const regions = memory.map(({ name, address, size }) => ({
    name,
    start: Number(address),
    end: Number(address) + size,
  }));
  for (const [at, region] of regions.entries()) {
    if (region.end > MEMORY_MAX + 1)
      mistakes.push(`"memory[${at}]", ${region.name}, ends behind the 32 bits of an address`);
    for (const other of regions.slice(at + 1)) {
      if (region.start < other.end && other.start < region.end)
        mistakes.push(`"memory" has ${region.name} and ${other.name}, which overlap`);
    }
  }
  return mistakes;
}

/** What `toolchain` says that is not so. @param folder the board's */
function toolchainMistakes(
  folder: string,
  { cpu, toolchain }: Pick<BoardFile, "cpu" | "toolchain">,
): string[] {
  if (toolchain === undefined)
    return cpu === "native"
      ? []
      : [
          `the key "toolchain" is missing: without it the computer's own compiler is taken, and "cpu" is "${cpu}"`,
        ];
  if (statSync(join(folder, toolchain), { throwIfNoEntry: false })?.isFile()) return [];
  return [`"toolchain" is "${toolchain}"; there is no such file in the board's folder`];
}

function flashMistakes({ eraseUnit, name, programUnit, size }: FlashFigures): string[] {
  const isPower = Number.isInteger(Math.log2(eraseUnit));
  if (!isPower) return [`"eraseUnit" is ${eraseUnit}; it is a power of two`];
  if (eraseUnit < programUnit)
    return [`"eraseUnit" is ${eraseUnit}, less than the ${programUnit} bytes that are programmed together`];
  if (size % eraseUnit !== 0 || size < 2 * eraseUnit)
    return [`"size" is ${size}; it is a multiple of "eraseUnit", ${eraseUnit}, and at least two of them`];
  if (name === "update" && size < UPDATE_UNITS_MIN * eraseUnit)
    return [
      `"size" is ${size}; it is at least ${UPDATE_UNITS_MIN} times "eraseUnit", ${eraseUnit}: two units of state, and two slots of half the rest`,
    ];
  return [];
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
