/** The Bluetooth Base UUID in little-endian order, its first four bytes (the last four here) zero (Vol 3, Part B, 2.5.1). */
const BASE = [0xfb, 0x34, 0x9b, 0x5f, 0x80, 0x00, 0x00, 0x80, 0x00, 0x10, 0x00, 0x00];

const HEX = "0123456789abcdef";

function hexDigits(bytes: Uint8Array): string {
  let text = "";
  for (let index = bytes.length - 1; index >= 0; index--) {
    const byte = bytes[index]!;
    text += HEX[byte >> 4]! + HEX[byte & 15]!;
  }
  return text;
}

/** @param width 2 or 4 */
function littleEndian(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  bytes[0] = value;
  bytes[1] = value >>> 8;
  if (width > 2) {
    bytes[2] = value >>> 16;
    bytes[3] = value >>> 24;
  }
  return bytes;
}

function parseHex(text: string): Uint8Array {
  const digits = text.split("-").join("").toLowerCase();
  if (digits.length !== 4 && digits.length !== 8 && digits.length !== 32) {
    throw new TypeError(`invalid UUID "${text}": give 4, 8 or 32 hexadecimal digits, dashes where you like`);
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < digits.length; index++) {
    const digit = HEX.indexOf(digits[index]!);
    if (digit < 0) throw new TypeError(`invalid UUID "${text}": "${digits[index]}" is not hexadecimal`);
    const at = bytes.length - 1 - (index >> 1);
    bytes[at] = bytes[at]! * 16 + digit;
  }
  return bytes;
}

/**
 * A 16-, 32- or 128-bit UUID. Two UUIDs are equal when their 128-bit values are, whatever their widths
 * (Vol 3, Part B, 2.5.1).
 */
export class UUID {
  /** The value in the width it was given, little-endian: 2, 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  /** The 16- or 32-bit short form, or -1 when the value does not lie in the Bluetooth Base range. */
  readonly short: number;

  /**
   * @param value an integer 0..0xFFFF (16-bit) or up to 0xFFFFFFFF (32-bit); a string of 4, 8 or 32 hexadecimal
   * digits with dashes anywhere; or 2, 4 or 16 bytes in little-endian order.
   * @throws TypeError for anything else, RangeError for an integer out of range.
   */
  constructor(value: number | string | Uint8Array | UUID) {
    let bytes: Uint8Array;
    if (typeof value === "number") {
      if (!(value >= 0 && value <= 0xffffffff) || Math.floor(value) !== value) {
        throw new RangeError(`invalid UUID ${value}: give an integer from 0 to 0xFFFFFFFF`);
      }
      bytes = littleEndian(value, value > 0xffff ? 4 : 2);
    } else if (typeof value === "string") {
      bytes = parseHex(value);
    } else if (value instanceof UUID) {
      bytes = value.bytes;
    } else if (
      value instanceof Uint8Array &&
      (value.length === 2 || value.length === 4 || value.length === 16)
    ) {
      bytes = value.slice();
    } else {
      throw new TypeError("invalid UUID: give an integer, a hexadecimal string, or 2, 4 or 16 bytes");
    }
    this.bytes = bytes;
    this.short = typeof value === "number" ? value : UUID.shortForm(bytes);
  }

  private static shortForm(bytes: Uint8Array): number {
    let at = 0;
    if (bytes.length === 16) {
      for (let index = 0; index < BASE.length; index++) if (bytes[index] !== BASE[index]) return -1;
      at = 12;
    }
    let value = 0;
    for (let index = bytes.length - 1; index >= at; index--) value = value * 256 + bytes[index]!;
    return value;
  }

  /** Width in bytes as given: 2, 4 or 16. */
  get width(): number {
    return this.bytes.length;
  }

  /** All 128 bits, little-endian. */
  get bytes128(): Uint8Array {
    if (this.short < 0) return this.bytes;
    const full = new Uint8Array(16);
    full.set(BASE);
    full.set(littleEndian(this.short, 4), 12);
    return full;
  }

  /** As ATT carries it: 2 bytes when the value has a 16-bit form, else 16; 32-bit forms are widened (Vol 3, Part G, 2.5.4). */
  get attBytes(): Uint8Array {
    if (this.short < 0) return this.bytes;
    if (this.short > 0xffff) return this.bytes128;
    return this.bytes.length === 2 ? this.bytes : littleEndian(this.short, 2);
  }

  /** Whether both stand for the same 128-bit value. Anything but a UUID is unequal. */
  equals(other: unknown): boolean {
    if (!(other instanceof UUID)) return false;
    if (this.short >= 0 || other.short >= 0) return this.short === other.short;
    return hexDigits(this.bytes) === hexDigits(other.bytes);
  }

  /** Orders by 128-bit value: negative, 0 or positive. */
  compareTo(other: UUID): number {
    const a = hexDigits(this.bytes128);
    const b = hexDigits(other.bytes128);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  /** `UUID(0x180f)` or `UUID('6e400001-b5a3-f393-e0a9-e50e24dcca9e')`. */
  toString(): string {
    const digits = hexDigits(this.bytes);
    if (digits.length < 32) return `UUID(0x${digits})`;
    const parts = [
      digits.slice(0, 8),
      digits.slice(8, 12),
      digits.slice(12, 16),
      digits.slice(16, 20),
      digits.slice(20),
    ];
    return `UUID('${parts.join("-")}')`;
  }

  toJSON(): string {
    return this.toString();
  }
}
