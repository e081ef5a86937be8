/** The patch of a Bluetooth controller, in a file of the user's: nobody may hand on what its vendor made. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { BleError } from "../../firmware/ble/errors.ts";
import { checkPatch, type PatchFigures } from "../../firmware/controllers/patch.ts";
import { type Operation, ToolError, UsageError } from "../events.ts";
import { displayPath } from "../paths.ts";

/** A patch that is whole. */
export interface Patch extends PatchFigures {
  /** The content of its file. */
  readonly content: Uint8Array;
}

/**
 * @throws UsageError when there is no such file; ToolError when it is not one whole patch.
 */
export function readPatch(file: string): Patch {
  let content: Uint8Array;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw new UsageError(`The patch cannot be read: ${(error as Error).message}`);
  }
  const source = {
    size: content.length,
    read: (offset: number, length: number) =>
      Uint8Array.prototype.slice.call(content, offset, offset + length),
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

/** `obscura patch`: checks a patch and describes it. */
export async function* describePatch(file: string): Operation {
  const { records, bytes, lowest, end, content } = readPatch(file);
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
