/** Reads advertising data and scan responses (Vol 3, Part C, 11; Core Specification Supplement, Part A). */
import { UUID } from "../uuid.ts";
import { AD_TYPE } from "./advertising-data.ts";

/** Bytes of one UUID in a list of each type. */
const UUID_LENGTHS: Readonly<Record<number, number>> = {
  [AD_TYPE.INCOMPLETE_16_BIT_UUIDS]: 2,
  [AD_TYPE.COMPLETE_16_BIT_UUIDS]: 2,
  [AD_TYPE.INCOMPLETE_32_BIT_UUIDS]: 4,
  [AD_TYPE.COMPLETE_32_BIT_UUIDS]: 4,
  [AD_TYPE.INCOMPLETE_128_BIT_UUIDS]: 16,
  [AD_TYPE.COMPLETE_128_BIT_UUIDS]: 16,
};

/**
 * Calls `visit` for each AD structure in `data` until it returns true; returns whether it did. A structure of length 0 is
 * stepped over: senders fill up with them. One that reaches beyond the end is the last, and is left out.
 */
export function someStructure(
  data: Uint8Array,
  visit: (type: number, start: number, end: number) => boolean,
): boolean {
  for (let at = 0; at < data.length; ) {
    const length = data[at]!;
    const end = at + 1 + length;
    if (end > data.length) return false;
    if (length > 0 && visit(data[at + 1]!, at + 2, end)) return true;
    at = end;
  }
  return false;
}

/** The contents of every structure of this type, as views of `data`. */
export function structuresOf(data: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  someStructure(data, (type, start, end) => {
    if (type === wanted) found.push(data.subarray(start, end));
    return false;
  });
  return found;
}

/** Calls `visit` for each service UUID in the lists of `data` until it returns true; half a UUID at the end is left out. */
export function someService(data: Uint8Array, visit: (uuid: UUID) => boolean): boolean {
  return someStructure(data, (type, start, end) => {
    const length = UUID_LENGTHS[type];
    if (length === undefined) return false;
    for (let at = start; at + length <= end; at += length) {
      if (visit(new UUID(data.subarray(at, at + length)))) return true;
    }
    return false;
  });
}
