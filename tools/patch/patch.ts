/** The patch of a Bluetooth controller, in a file of the user's: nobody may hand on what its vendor made. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BleError } from "../../firmware/ble/errors.ts";
import { checkPatch, type PatchFigures } from "../../firmware/controllers/patch.ts";
import { u32At } from "../../simulator/chips/line.ts";
import type { Board } from "../build/boards.ts";
import { type Operation, step, ToolError, UsageError } from "../events.ts";
import { readInput } from "../input-file.ts";
import { displayPath } from "../paths.ts";

/** A patch that is whole. */
export interface Patch extends PatchFigures {
  /** The content of its file. */
  readonly content: Uint8Array;
}

/** Eight times what the largest area of a board takes. */
const PATCH = { what: "patch", bytesMax: 1_048_576 };

/**
 * @throws UsageError when there is no such file, or it can be no patch's; ToolError when it is not one whole patch.
 */
export function readPatch(file: string): Patch {
  return wholePatch(file, readInput(file, PATCH));
}

/** @throws ToolError when it is not one whole patch. */
function wholePatch(file: string, content: Uint8Array): Patch {
  const source = {
    size: content.length,
    read: (offset: number, length: number) =>
      Uint8Array.prototype.slice.call(content, offset, offset + length),
    u32: (offset: number) => u32At(content, offset),
  };
  try {
    const figures = checkPatch(source);
    if (figures.bytes < content.length) {
      throw new ToolError(
        `${displayPath(file)} goes on for ${content.length - figures.bytes} bytes behind its Launch RAM: it is not one patch.`,
      );
    }
    return { ...figures, content };
  } catch (error) {
    if (error instanceof BleError) throw new ToolError(`${displayPath(file)}: ${error.message}`);
    throw error;
  }
}

/** A patch that lies ready for a board's flash. */
export interface PlacedPatch {
  /** The file to be written. */
  readonly file: string;
  /** Where it goes: region with the use `patch` of board.json. */
  readonly address: string;
  readonly records: number;
  readonly bytes: number;
}

/**
 * Checks a patch and puts it beside a board's image, for the flash area that the board has for it.
 * @throws UsageError when the board has no such area, or the file is not there; ToolError when it is not one whole patch, or
 * larger than the area.
 */
export function placePatch(
  { folder, name, output }: Pick<Board, "folder" | "name" | "output">,
  file: string,
): PlacedPatch {
  const { memory } = JSON.parse(readFileSync(join(folder, "board.json"), "utf8")) as {
    readonly memory: readonly { readonly use: string; readonly address: string; readonly size: number }[];
  };
  const area = memory.find(({ use }) => use === "patch");
  if (!area) {
    throw new UsageError(
      `The board ${name} has no area for a controller's patch (use "patch" in its board.json).`,
    );
  }
  const { bytes, content, records } = readPatch(file);
  if (bytes > area.size) {
    throw new ToolError(`${displayPath(file)} has ${bytes} bytes; the area of ${name} takes ${area.size}.`);
  }
  const placed = join(output, "patch.hcd");
  mkdirSync(output, { recursive: true });
  writeFileSync(placed, content);
  return { file: placed, address: area.address, records, bytes };
}

/** `obscura patch`: checks a patch and describes it. */
export async function* describePatch(file: string): Operation {
  const content = readInput(file, PATCH);
  const { records, bytes, lowest, end } = yield* step("patch", "Patch", async () => ({
    value: wholePatch(file, content),
    detail: displayPath(file),
  }));
  const hex = (address: number): string => `0x${address.toString(16).padStart(8, "0")}`;
  // At the rates that boards use, ten bits a byte, one record after the other.
  const wire = [115_200, 2_000_000, 3_000_000]
    .map((baud) => `${Math.round((content.length * 10 * 1000) / baud)} ms at ${baud}`)
    .join(", ");
  const facts = [
    ["records", String(records)],
    ["bytes", String(bytes)],
    ["writes", `${hex(lowest)} to ${hex(end - 1)}`],
    ["time on the wire", `${wire} baud`],
    ["sha-256", createHash("sha256").update(content).digest("hex")],
  ] as const;
  for (const [name, value] of facts) yield { type: "text", text: `${name.padEnd(18)}${value}` };
}
