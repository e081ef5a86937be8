/**
 * A vendor's patch in the HCD format: HCI commands one behind the other, each as it goes over the line without its
 * packet indicator. Write RAM (0xFC4C) carries an address and bytes, Launch RAM (0xFC4E) ends the file.
 */
import { HciError } from "../ble/errors.ts";
import type { ByteSource } from "../platform/platform.ts";

/** What a patch is made of. */
export interface PatchFigures {
  /** Records, the launch included. */
  readonly records: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** The least address that is written, and the one behind the greatest. */
  readonly lowest: number;
  readonly end: number;
}

export const WRITE_RAM = 0xfc4c;
export const LAUNCH_RAM = 0xfc4e;

/** Bytes of an address at the front of a record's parameters. */
export const ADDRESS_BYTES = 4;

/** Behind the last address. */
const ADDRESS_END = 0x1_0000_0000;

/** Opcode and length. */
const HEADER_BYTES = 3;

/** Opcode, length, and a byte of what follows, of the record that begins at `offset`; see `checkPatch`. */
function headerAt(source: ByteSource, offset: number): number {
  const left = source.size - offset;
  if (left < HEADER_BYTES) throw damaged(offset, "the patch ends without Launch RAM: it is cut short");
  const header = source.u32(offset);
  const opcode = header & 0xffff;
  if (opcode !== WRITE_RAM && opcode !== LAUNCH_RAM) {
    throw damaged(offset, `0x${opcode.toString(16).padStart(4, "0")} is no command of a patch`);
  }
  const length = (header >> 16) & 0xff;
  // A launch has no data.
  if (length < (opcode === WRITE_RAM ? ADDRESS_BYTES + 1 : ADDRESS_BYTES))
    throw damaged(offset, `a record of ${length} bytes is too short`);
  if (left < HEADER_BYTES + length) {
    throw damaged(offset, "the record reaches behind the end: the patch is cut short");
  }
  return header;
}

/**
 * Walks a whole patch.
 * @throws HciError `patch-damaged` with the offset and what is wrong there.
 */
export function checkPatch(source: ByteSource): PatchFigures {
  let records = 0;
  let lowest = 0xffff_ffff;
  let end = 0;
  for (let offset = 0; ; ) {
    const header = headerAt(source, offset);
    const length = (header >> 16) & 0xff;
    records++;
    const address = addressAt(source, offset);
    offset += HEADER_BYTES + length;
    if ((header & 0xffff) === LAUNCH_RAM) {
      if (records === 1) throw damaged(0, "the patch writes nothing");
      return { records, bytes: offset, lowest, end };
    }
    if (address < lowest) lowest = address;
    const recordEnd = address + length - ADDRESS_BYTES;
    if (recordEnd > ADDRESS_END) {
      throw damaged(offset - HEADER_BYTES - length, "the record reaches behind the last address of 32 bits");
    }
    if (recordEnd > end) end = recordEnd;
  }
}

/** The address at the front of the parameters of the record that begins at `offset`. */
export function addressAt(source: ByteSource, offset: number): number {
  return source.u32(offset + HEADER_BYTES);
}

/** The parameters of the record that begins at `offset`. */
export function parametersAt(source: ByteSource, offset: number): Uint8Array {
  return source.read(offset + HEADER_BYTES, (source.u32(offset) >> 16) & 0xff);
}

function damaged(offset: number, what: string): HciError {
  return new HciError("patch-damaged", `The controller's patch is damaged at byte ${offset}: ${what}.`);
}
