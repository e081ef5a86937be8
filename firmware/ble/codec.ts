/**
 * Packets are declared as objects of codecs; decoding, encoding and a readable trace come from the declaration.
 * A codec never throws on what a peer sent: it marks the reader as failed, and the whole packet is refused.
 */
import { UUID } from "./uuid.ts";

/** Reads little-endian fields from a bounded range. After a read past the end, `failed` is true for good. */
export class Reader {
  readonly view: DataView;
  position: number;
  readonly end: number;
  failed = false;

  constructor(view: DataView, start: number, end: number) {
    this.view = view;
    this.position = start;
    this.end = Math.min(end, view.byteLength);
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Claims `length` bytes and returns their offset, or -1 when there are fewer. */
  take(length: number): number {
    const at = this.position;
    if (length > this.end - at) {
      this.failed = true;
      this.position = this.end;
      return -1;
    }
    this.position = at + length;
    return at;
  }

  /** A copy of the next `length` bytes; empty when there are fewer. */
  bytes(length: number): Uint8Array {
    const at = this.take(length);
    return at < 0 ? new Uint8Array(0) : copyBytes(this.view, at, length);
  }
}

/** Copies a range of a view into an array of its own. */
export function copyBytes(view: DataView, start: number, length: number): Uint8Array {
  const from = view.byteOffset + start;
  return new Uint8Array(view.buffer.slice(from, from + length) as ArrayBuffer);
}

/** Copies `length` bytes of a view, from `start` on, into `target` from `at` on. */
export function copyInto(
  target: Uint8Array,
  at: number,
  view: DataView,
  start: number,
  length: number,
): void {
  target.set(new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + start, length), at);
}

/**
 * Whether both hold the same bytes. From the end: addresses of one manufacturer's devices begin alike. Secrets are compared by
 * `isSameSecret` (`smp/toolbox.ts`).
 */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one === other) return true;
  let at = one.length;
  if (at !== other.length) return false;
  while (--at >= 0) if (one[at] !== other[at]) return false;
  return true;
}

/** A view over the bytes of an array, without a copy. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

/** Collects little-endian fields in a buffer that grows. */
export class Writer {
  private buffer: Uint8Array;
  private view: DataView;
  length = 0;

  constructor(capacity = 32) {
    this.buffer = new Uint8Array(capacity);
    this.view = viewOf(this.buffer);
  }

  /** Makes room; the buffer and its view may be other ones afterwards. */
  private reserve(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
      grown.set(this.buffer);
      this.buffer = grown;
      this.view = viewOf(grown);
    }
    this.length = needed;
    return at;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value, true);
  }

  bytes(value: Uint8Array): void {
    const at = this.reserve(value.length);
    this.buffer.set(value, at);
  }

  zeros(count: number): void {
    this.reserve(count); // The buffer is zero behind what was written.
  }

  /** What was written so far, as an array of its own. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}

/** How one field is read and written. */
export interface Codec<T> {
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
  /** A key: no trace shows it. */
  readonly isSecret?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of codecs of any value type
export type Fields = Readonly<Record<string, Codec<any>>>;

/** Of packets without a body. */
export const NO_FIELDS: Fields = Object.freeze({});

/** The values that a table of codecs stands for. */
export type Values<F extends Fields> = { [K in keyof F]: F[K] extends Codec<infer T> ? T : never };

/** Hexadecimal digits of `bytes`, two each, in order. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length; index++) text += (bytes[index]! + 256).toString(16).slice(1);
  return text;
}

export const u8: Codec<number> = {
  read(reader) {
    const at = reader.take(1);
    return at < 0 ? 0 : reader.view.getUint8(at);
  },
  write: (writer, value) => writer.u8(value),
};

export const i8: Codec<number> = {
  read(reader) {
    const at = reader.take(1);
    return at < 0 ? 0 : reader.view.getInt8(at);
  },
  write: (writer, value) => writer.u8(value),
};

export const u16: Codec<number> = {
  read(reader) {
    const at = reader.take(2);
    return at < 0 ? 0 : reader.view.getUint16(at, true);
  },
  write: (writer, value) => writer.u16(value),
};

/** A connection handle: 12 bits, the four above them are reserved and mean nothing (Vol 4, Part E, 5.4.2 and 7.7). */
export const handle: Codec<number> = {
  read: (reader) => u16.read(reader) & 0x0fff,
  write: (writer, value) => writer.u16(value),
};

export const u32: Codec<number> = {
  read(reader) {
    const at = reader.take(4);
    return at < 0 ? 0 : reader.view.getUint32(at, true);
  },
  write: (writer, value) => writer.u32(value),
};

/** Exactly `length` bytes, padded with zeros when fewer are given. */
/* @__NO_SIDE_EFFECTS__ */
export function bytes(length: number): Codec<Uint8Array> {
  return {
    read: (reader) => reader.bytes(length),
    write(writer, value) {
      if (value.length > length) throw new RangeError(`${value.length} bytes for a field of ${length}`);
      writer.bytes(value);
      writer.zeros(length - value.length);
    },
  };
}

/** As `codec`, of a key. */
/* @__NO_SIDE_EFFECTS__ */
export function secret<T>(codec: Codec<T>): Codec<T> {
  return { ...codec, isSecret: true };
}

/** All bytes to the end of the packet. */
export const rest: Codec<Uint8Array> = {
  read: (reader) => reader.bytes(reader.remaining),
  write: (writer, value) => writer.bytes(value),
};

/** A device address: six bytes in printed (big-endian) order; on the wire little-endian (Vol 4, Part E, 5.2). */
export const address: Codec<Uint8Array> = {
  read: (reader) => reader.bytes(6).reverse(),
  write(writer, value) {
    for (let index = 5; index >= 0; index--) writer.u8(value[index] ?? 0);
  },
};

/** Lower-case hexadecimal with colons. */
export function formatAddress(value: Uint8Array): string {
  let text = "";
  for (let index = 0; index < value.length; index++) {
    text += (index > 0 ? ":" : "") + (value[index]! + 256).toString(16).slice(1);
  }
  return text;
}

/** A UUID that takes the rest of the packet: 2 or 16 bytes (Vol 3, Part F, 3.2.1). */
export const uuid: Codec<UUID> = {
  read(reader) {
    const length = reader.remaining;
    if (length === 2 || length === 16) return new UUID(reader.bytes(length));
    reader.failed = true;
    return new UUID(0);
  },
  write: (writer, value) => writer.bytes(value.attBytes),
};

/** Reads every field in order. Undefined when the range is too short; bytes left over are refused when `exact`. */
export function decode<F extends Fields>(
  fields: F,
  view: DataView,
  start: number,
  end: number,
  exact = false,
): Values<F> | undefined {
  const values: Record<string, unknown> = {};
  if ((fields as Fields) === NO_FIELDS) return exact && start < end ? undefined : (values as Values<F>);
  const reader = new Reader(view, start, end);
  const names = Object.keys(fields);
  const count = names.length;
  for (let index = 0; index < count; index++) {
    const name = names[index]!;
    values[name] = fields[name]!.read(reader);
  }
  if (reader.failed || (exact && reader.remaining > 0)) return undefined;
  return values as Values<F>;
}

/** Writes every field in order after what `writer` already holds. */
export function encodeInto<F extends Fields>(writer: Writer, fields: F, values: Values<F>): void {
  const names = Object.keys(fields);
  const count = names.length;
  for (let index = 0; index < count; index++) {
    const name = names[index]!;
    fields[name]!.write(writer, values[name]);
  }
}

/** The bytes of one packet body. */
export function encode<F extends Fields>(fields: F, values: Values<F>): Uint8Array {
  const writer = new Writer();
  encodeInto(writer, fields, values);
  return writer.finish();
}
