/** Bytes as tests write them: `hex` digits with spaces where they help, and little-endian helpers. */

/** The bytes of hexadecimal digits; white space is ignored. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16),
  );
}

/** Lower-case hexadecimal digits, two a byte, a space between bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** A view over a copy of these bytes that starts at an odd offset, so that a forgotten byteOffset shows. */
export function shiftedView(bytes: Uint8Array): DataView {
  const room = new Uint8Array(bytes.length + 12).fill(0xa5);
  room.set(bytes, 7);
  return new DataView(room.buffer, 7, bytes.length);
}

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Two bytes, least significant first. */
export function le16(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff];
}

/** Bytes 0, 1, 2 … */
export function counting(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (first + at) & 0xff);
}
