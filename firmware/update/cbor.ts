/**
 * CBOR as management clients speak it (RFC 8949): maps from text to integers, bytes, text, booleans, null, and arrays and maps
 * of those. What a client sends is bounded by its frame, in depth and in number; whatever else CBOR has is skipped where it
 * stands for a value that nobody reads, and refused where it cannot be skipped.
 */
import { utf8Decode, utf8Encode } from "../ble/utf8.ts";

/** A value as it is read and written. Undefined is written as nothing in a map, and read for what has no value here. */
export type CborValue = number | string | boolean | null | undefined | Uint8Array | CborArray | CborMap;
export interface CborArray extends ReadonlyArray<CborValue> {}
export interface CborMap {
  readonly [key: string]: CborValue;
}

/** Arrays and maps within one another, and values of one message: no client needs nearly as many. */
export const DEPTH_MAX = 6;
export const VALUES_MAX = 64;

/** Major types (RFC 8949, 3.1). */
const MAJOR = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5, TAG: 6, SIMPLE: 7 } as const;

/** Additional information (RFC 8949, 3): the argument follows in 1, 2, 4 or 8 bytes, or there is no length. */
const ONE_BYTE = 24;
const EIGHT_BYTES = 27;
const INDEFINITE = 31;
const BREAK = 0xff;

const FALSE = 20;
const TRUE = 21;
const NULL = 22;

/** The message is none that a client of this server sends. */
export class CborError extends Error {
  override name = "CborError";
}

/**
 * Reads the one map that `bytes` hold. Byte strings are views into `bytes`. A map of a length that is not known before is
 * taken, as clients in Java write it; a string of such a length is not.
 * @throws CborError for anything else, for a key that comes twice, and for more than `VALUES_MAX` values.
 */
export function decodeMap(bytes: Uint8Array): CborMap {
  const reader = new CborReader(bytes);
  const value = reader.value(0);
  if (!reader.isAtEnd) throw new CborError("bytes behind the map");
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new CborError("no map");
  return value as CborMap;
}

class CborReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;
  private values = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  value(depth: number): CborValue {
    if (++this.values > VALUES_MAX) throw new CborError("too many values");
    const initial = this.byte();
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (major === MAJOR.SIMPLE) return this.simple(info);
    if (info === INDEFINITE) {
      if (major !== MAJOR.ARRAY && major !== MAJOR.MAP) throw new CborError("a string in pieces");
      return this.items(major, Number.POSITIVE_INFINITY, depth);
    }
    const argument = this.argument(info);
    switch (major) {
      case MAJOR.UNSIGNED:
        return argument;
      case MAJOR.NEGATIVE:
        return -1 - argument;
      case MAJOR.BYTES:
        return this.take(argument);
      case MAJOR.TEXT:
        return utf8Decode(this.take(argument));
      case MAJOR.TAG:
        // What it says of the value behind it is of no interest here.
        return this.nested(depth, () => this.value(depth + 1));
      default:
        return this.items(major, argument, depth);
    }
  }

  private items(major: number, count: number, depth: number): CborArray | CborMap {
    return this.nested(depth, () =>
      major === MAJOR.MAP ? this.map(count, depth) : this.array(count, depth),
    );
  }

  private nested<T>(depth: number, read: () => T): T {
    if (depth >= DEPTH_MAX) throw new CborError("too deep");
    return read();
  }

  private array(count: number, depth: number): CborArray {
    const values: CborValue[] = [];
    while (this.hasNext(values.length, count)) values.push(this.value(depth + 1));
    return values;
  }

  private map(count: number, depth: number): CborMap {
    // Without a prototype: a key may have any name.
    const map: Record<string, CborValue> = Object.create(null);
    for (let read = 0; this.hasNext(read, count); read++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw new CborError("a key that is no text");
      if (key in map) throw new CborError("a key that comes twice");
      map[key] = this.value(depth + 1);
    }
    return map;
  }

  private hasNext(read: number, count: number): boolean {
    if (count !== Number.POSITIVE_INFINITY) return read < count;
    if (this.at < this.bytes.length && this.bytes[this.at] === BREAK) {
      this.at++;
      return false;
    }
    return true;
  }

  /** False, true, null; what else there is has no meaning here (RFC 8949, 3.3), and floating-point numbers have none either. */
  private simple(info: number): CborValue {
    if (info === FALSE || info === TRUE) return info === TRUE;
    if (info === NULL) return null;
    if (info >= ONE_BYTE) {
      if (info > EIGHT_BYTES) throw new CborError("a malformed value");
      this.take(1 << (info - ONE_BYTE));
    }
    return undefined;
  }

  private argument(info: number): number {
    if (info < ONE_BYTE) return info;
    if (info > EIGHT_BYTES) throw new CborError("a malformed length");
    const width = 1 << (info - ONE_BYTE);
    const at = this.at;
    this.take(width);
    switch (width) {
      case 1:
        return this.view.getUint8(at);
      case 2:
        return this.view.getUint16(at);
      case 4:
        return this.view.getUint32(at);
      default: {
        const argument = this.view.getUint32(at) * 0x1_0000_0000 + this.view.getUint32(at + 4);
        if (argument > Number.MAX_SAFE_INTEGER) throw new CborError("a number that is too large");
        return argument;
      }
    }
  }

  private byte(): number {
    return this.take(1)[0]!;
  }

  private take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.bytes.length) throw new CborError("truncated");
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}

/** The bytes of a map, its entries in the order given; entries whose value is undefined are left out. */
export function encodeMap(map: CborMap): Uint8Array {
  const pieces: Uint8Array[] = [];
  writeValue(pieces, map);
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function writeValue(pieces: Uint8Array[], value: CborValue): void {
  if (typeof value === "number") writeNumber(pieces, value);
  else if (typeof value === "string") {
    const bytes = utf8Encode(value);
    pieces.push(head(MAJOR.TEXT, bytes.length), bytes);
  } else if (typeof value === "boolean") pieces.push(head(MAJOR.SIMPLE, value ? TRUE : FALSE));
  else if (value === null || value === undefined) pieces.push(head(MAJOR.SIMPLE, NULL));
  else if (value instanceof Uint8Array) pieces.push(head(MAJOR.BYTES, value.length), value);
  else if (Array.isArray(value)) {
    pieces.push(head(MAJOR.ARRAY, value.length));
    for (const item of value as CborArray) writeValue(pieces, item);
  } else {
    const entries = Object.entries(value as CborMap).filter(([, item]) => item !== undefined);
    pieces.push(head(MAJOR.MAP, entries.length));
    for (const [key, item] of entries) {
      writeValue(pieces, key);
      writeValue(pieces, item);
    }
  }
}

function writeNumber(pieces: Uint8Array[], value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer that CBOR can carry`);
  pieces.push(value < 0 ? head(MAJOR.NEGATIVE, -1 - value) : head(MAJOR.UNSIGNED, value));
}

/** The initial byte and the argument in as few bytes as hold it (RFC 8949, 4.2.1). */
function head(major: number, argument: number): Uint8Array {
  const high = major << 5;
  if (argument < ONE_BYTE) return new Uint8Array([high | argument]);
  const width = argument < 0x100 ? 0 : argument < 0x1_0000 ? 1 : argument < 0x1_0000_0000 ? 2 : 3;
  const bytes = new Uint8Array(1 + (1 << width));
  bytes[0] = high | (ONE_BYTE + width);
  for (let at = bytes.length - 1, rest = argument; at > 0; at--) {
    bytes[at] = rest % 0x100;
    rest = Math.floor(rest / 0x100);
  }
  return bytes;
}
