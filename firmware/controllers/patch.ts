/**
 * A vendor's patch in the HCD format: HCI commands one behind the other, each as it goes over the line without its
 * packet indicator. Write RAM (0xFC4C) carries an address and bytes, Launch RAM (0xFC4E) ends the file.
 */
import { HciError } from "../ble/errors.ts";
import type { ByteSource } from "../platform/platform.ts";

/** One record of a patch. */
export interface PatchRecord {
  readonly opcode: number;
  /** Where its parameters begin in the source, and how many bytes they are: 4 to 255. */
  readonly offset: number;
  readonly length: number;
}

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

/** Opcode and length. */
const HEADER_BYTES = 3;

/**
 * The record that begins at `offset`.
 * @throws HciError `patch-damaged` where no whole record of a patch begins.
 */
export function readRecord(source: ByteSource, offset: number): PatchRecord {
  if (offset + HEADER_BYTES > source.size) {
    throw damaged(offset, "the patch ends without Launch RAM: it is cut short");
  }
  const header = source.read(offset, HEADER_BYTES);
  const opcode = header[0]! | (header[1]! << 8);
  const length = header[2]!;
  if (opcode !== WRITE_RAM && opcode !== LAUNCH_RAM) {
    throw damaged(offset, `0x${opcode.toString(16).padStart(4, "0")} is no command of a patch`);
  }
  if (length < ADDRESS_BYTES) throw damaged(offset, `a record of ${length} bytes holds no address`);
  if (offset + HEADER_BYTES + length > source.size) {
    throw damaged(offset, "the record reaches behind the end: the patch is cut short");
  }
  return { opcode, offset: offset + HEADER_BYTES, length };
}

/** Where the record behind `record` begins. */
export function endOf(record: PatchRecord): number {
  return record.offset + record.length;
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
    const record = readRecord(source, offset);
    records++;
    offset = endOf(record);
    if (record.opcode === LAUNCH_RAM) {
      if (records === 1) throw damaged(0, "the patch writes nothing");
      return { records, bytes: offset, lowest, end };
    }
    const address = addressOf(source.read(record.offset, ADDRESS_BYTES));
    lowest = Math.min(lowest, address);
    end = Math.max(end, address + record.length - ADDRESS_BYTES);
  }
}

/** The address at the front of a record's parameters. */
export function addressOf(parameters: Uint8Array): number {
  return (parameters[0]! | (parameters[1]! << 8) | (parameters[2]! << 16) | (parameters[3]! << 24)) >>> 0;
}

function damaged(offset: number, what: string): HciError {
  return new HciError("patch-damaged", `The controller's patch is damaged at byte ${offset}: ${what}.`);
}
