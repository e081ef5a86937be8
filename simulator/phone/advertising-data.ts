/** Reads advertising data (Vol 3, Part C, 11; Core Specification Supplement, Part A, 1). */
import { hex } from "../../firmware/ble/codec.ts";
import { companyName, identify, textOf, uuidOf } from "./assigned-numbers.ts";

/** One AD structure; `raw` is hexadecimal. */
export interface AdStructure {
  readonly type: number;
  readonly name: string;
  readonly raw: string;
  readonly decoded: string | null;
}

const NAMES: Readonly<Record<number, string>> = {
  1: "Flags",
  2: "Incomplete list of 16 bit service UUIDs",
  3: "Complete list of 16 bit service UUIDs",
  4: "Incomplete list of 32 bit service UUIDs",
  5: "Complete list of 32 bit service UUIDs",
  6: "Incomplete list of 128 bit service UUIDs",
  7: "Complete list of 128 bit service UUIDs",
  8: "Shortened local name",
  9: "Complete local name",
  10: "TX power level",
  22: "Service data 16 bit UUID",
  25: "Appearance",
  255: "Manufacturer specific data",
};
const FLAGS = [
  "LE limited discoverable",
  "LE general discoverable",
  "BR/EDR not supported",
  "LE and BR/EDR controller",
  "LE and BR/EDR host",
];
/** Bytes of one UUID in each kind of list. */
const UUID_LISTS: Readonly<Record<number, number>> = { 2: 2, 3: 2, 4: 4, 5: 4, 6: 16, 7: 16 };

/** The AD structures in their order. One that claims more bytes than there are ends the list, with what there is. */
export function parseAdvertisingData(data: Uint8Array): AdStructure[] {
  const structures: AdStructure[] = [];
  for (let at = 0; at < data.length && data[at] !== 0; at += 1 + data[at]!) {
    const value = data.subarray(at + 2, at + 1 + data[at]!);
    const type = data[at + 1] ?? 0;
    const name = NAMES[type] ?? `AD type 0x${type.toString(16)}`;
    structures.push({ type, name, raw: hex(value), decoded: decodeStructure(type, value) });
  }
  return structures;
}

/** The bytes of the first structure of one of these types. */
export function adValue(data: Uint8Array, ...types: number[]): Uint8Array | undefined {
  for (let at = 0; at < data.length && data[at] !== 0; at += 1 + data[at]!) {
    if (types.includes(data[at + 1] ?? 0)) return data.subarray(at + 2, at + 1 + data[at]!);
  }
  return undefined;
}

function decodeStructure(type: number, value: Uint8Array): string | null {
  const width = UUID_LISTS[type];
  if (width !== undefined && value.length % width === 0) {
    const uuids: string[] = [];
    for (let at = 0; at < value.length; at += width) {
      const { uuid, name } = identify(uuidOf(value.slice(at, at + width)));
      uuids.push(name === null ? uuid : `${uuid} ${name}`);
    }
    return uuids.join(", ");
  }
  if (type === 1 && value.length === 1) {
    return FLAGS.filter((_, index) => (value[0]! >> index) & 1).join(", ");
  }
  if (type === 8 || type === 9) return textOf(value);
  if (type === 22 && value.length >= 2) {
    const { uuid, name } = identify(uuidOf(value.slice(0, 2)));
    return `${name === null ? uuid : `${uuid} ${name}`}: ${hex(value.slice(2))}`;
  }
  if (type === 25 && value.length === 2) return `0x${hex(value.slice().reverse())}`;
  if (type === 255 && value.length >= 2) {
    const company = value[0]! | (value[1]! << 8);
    return `0x${hex(value.slice(0, 2).reverse())} (${companyName(company)}): ${hex(value.slice(2))}`;
  }
  return null;
}
