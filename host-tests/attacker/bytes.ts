/** Bytes as tests write them. */

/** Hexadecimal digits, with spaces wherever they help, or bytes. @throws RangeError for anything else. */
export function bytes(what: string | Uint8Array): Buffer {
  if (typeof what !== "string") return Buffer.from(what);
  const digits = what.replaceAll(" ", "");
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits))
    throw new RangeError(`"${what}" is not hexadecimal`);
  return Buffer.from(digits, "hex");
}

/** 16 bits, least significant byte first. */
export const u16 = (value: number): Buffer => Buffer.from([value & 0xff, (value >> 8) & 0xff]);
