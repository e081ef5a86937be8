/** The map that GNU ld writes (-Wl,-Map): which input file each piece of the image came from. */

/** A piece of an output section. */
export interface Piece {
  /** Output section, `.text`. */
  readonly section: string;
  /** Input section, `.text.h4_feed`; empty for what the linker itself put there. */
  readonly input: string;
  readonly size: number;
  /** Object file or `archive.a(member.o)`; empty for what the linker itself put there. */
  readonly file: string;
}

const outputSection = /^(\.[\w.-]+|COMMON)(?:\s|$)/;
/** ` .text.name  0xADDRESS  0xSIZE file`; a long name stands on a line of its own. */
const piece = /^ (\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.*))?$/;

/** Reads the pieces that have a size. */
export function readMap(text: string): Piece[] {
  const start = text.indexOf("\nLinker script and memory map\n");
  if (start < 0) throw new Error("This is no linker map");
  const pieces: (Piece & { size: number; readonly address: number })[] = [];
  let section = "";
  // Joins what ld broke behind a long name.
  const lines = text
    .slice(start)
    .replace(/^( \S+)\n\s+(?=0x)/gm, "$1 ")
    .split("\n");
  for (const line of lines) {
    section = outputSection.exec(line)?.[1] ?? section;
    const found = piece.exec(line);
    if (!found) continue;
    const [, input = "", at = "", length = "", file = ""] = found;
    const address = Number.parseInt(at, 16);
    const size = Number.parseInt(length, 16);
    if (size === 0) continue;
    const last = pieces.at(-1);
    // Strings that ld merged are listed with the size they had before.
    if (last?.section === section && last.address <= address) {
      last.size = Math.min(last.size, address - last.address);
    }
    pieces.push({ section, input: input === "*fill*" ? "" : input, size, file, address });
  }
  return pieces;
}
