import type { FlashArea } from "../platform/platform.ts";
import { crc32 } from "./crc32.ts";

/** "OBRS", and the version of the format that records.ts describes. */
const MAGIC = 0x5352424f;
const VERSION = 1;
export const BANK_HEADER_SIZE = 16;

export const RECORD_HEADER_SIZE = 12;
export const KEY_LENGTH_MAX = 32;
export const VALUE_LENGTH_MAX = 512;

export const RECORD_KIND = Object.freeze({ VALUE: 0x01, DELETION: 0x02 });

/** Where a record lies; `offset` counts from the start of the bank. */
export interface Location {
  readonly key: string;
  readonly offset: number;
  readonly valueLength: number;
}

/** A record's header and key, as read. */
export interface RecordHeader extends Location {
  readonly kind: number;
  readonly crc: number;
}

/** How a bank's log ends. */
export interface LogEnd {
  /** The offset behind the last record. */
  readonly offset: number;
  /** Behind the last record there is nothing but erased flash. */
  readonly clean: boolean;
}

/**
 * One of the two halves of a record store's area: a header with the bank's generation, then records one after the
 * other. All offsets count from the start of the bank. Any operation throws what the flash throws.
 */
export class Bank {
  readonly size: number;
  /** Where the first record lies. */
  readonly start: number;
  private readonly flash: FlashArea;
  private readonly base: number;

  constructor(flash: FlashArea, index: 0 | 1) {
    this.flash = flash;
    this.size = Math.floor(flash.size / flash.eraseUnit / 2) * flash.eraseUnit;
    this.base = index * this.size;
    this.start = this.align(BANK_HEADER_SIZE);
  }

  /** The space that a record takes, in bytes. */
  recordSize(keyLength: number, valueLength: number): number {
    return this.align(RECORD_HEADER_SIZE + keyLength + valueLength);
  }

  /** The generation, or undefined when the bank was not written to its end. */
  readGeneration(): number | undefined {
    const bytes = this.read(0, BANK_HEADER_SIZE);
    const header = viewOf(bytes);
    const isValid =
      header.getUint32(0, true) === MAGIC &&
      header.getUint32(4, true) === VERSION &&
      header.getUint32(12, true) === crc32(bytes.subarray(0, 12));
    return isValid ? header.getUint32(8, true) : undefined;
  }

  /** Whether the bank looks as if it had never been written: it has neither its own header nor a record's. */
  isNew(): boolean {
    try {
      return this.isBlank(0, this.start + RECORD_HEADER_SIZE);
    } catch {
      return false;
    }
  }

  erase(): void {
    this.flash.erase(this.base, this.size);
  }

  /** Makes the bank valid: the last write of a compaction. */
  writeGeneration(generation: number): void {
    const bytes = this.blank(this.start);
    const header = viewOf(bytes);
    header.setUint32(0, MAGIC, true);
    header.setUint32(4, VERSION, true);
    header.setUint32(8, generation, true);
    header.setUint32(12, crc32(bytes.subarray(0, 12)), true);
    this.flash.program(this.base, bytes);
  }

  /** Returns the offset behind the record. */
  writeRecord(offset: number, generation: number, kind: number, key: string, value: Uint8Array): number {
    const bytes = this.blank(this.recordSize(key.length, value.length));
    const header = viewOf(bytes);
    header.setUint8(0, kind);
    header.setUint8(1, key.length);
    header.setUint16(2, value.length, true);
    header.setUint32(4, ~header.getUint32(0, true), true);
    for (let i = 0; i < key.length; i++) bytes[RECORD_HEADER_SIZE + i] = key.charCodeAt(i);
    bytes.set(value, RECORD_HEADER_SIZE + key.length);
    const end = RECORD_HEADER_SIZE + key.length + value.length;
    header.setUint32(8, this.recordCrc(bytes.subarray(0, end), offset, generation), true);
    this.flash.program(this.base + offset, bytes);
    return offset + bytes.length;
  }

  sync(): void {
    this.flash.sync();
  }

  readValue(record: Location): Uint8Array {
    return this.read(record.offset + RECORD_HEADER_SIZE + record.key.length, record.valueLength);
  }

  /** Whether a record can be read and its CRC is right. */
  isIntact(record: RecordHeader, generation: number): boolean {
    const length = RECORD_HEADER_SIZE + record.key.length + record.valueLength;
    try {
      const bytes = this.read(record.offset, length);
      return this.recordCrc(bytes, record.offset, generation) === record.crc;
    } catch {
      return false;
    }
  }

  /**
   * Walks the headers of all records, oldest first, without a look at their CRC: of the records of one key only the
   * newest matters. Throws nothing: flash that cannot be read ends the log.
   */
  walk(visit: (record: RecordHeader) => void): LogEnd {
    let offset = this.start;
    try {
      for (;;) {
        const record = this.readHeader(offset);
        // As far as one torn record can reach.
        if (!record)
          return { offset, clean: this.isBlank(offset, this.recordSize(KEY_LENGTH_MAX, VALUE_LENGTH_MAX)) };
        visit(record);
        offset += this.recordSize(record.key.length, record.valueLength);
      }
    } catch {
      return { offset, clean: false };
    }
  }

  private readHeader(offset: number): RecordHeader | undefined {
    if (offset + RECORD_HEADER_SIZE > this.size) return undefined;
    const header = viewOf(this.read(offset, RECORD_HEADER_SIZE));
    if (header.getUint32(4, true) !== ~header.getUint32(0, true) >>> 0) return undefined;
    const kind = header.getUint8(0);
    const keyLength = header.getUint8(1);
    const valueLength = header.getUint16(2, true);
    if (kind !== RECORD_KIND.VALUE && kind !== RECORD_KIND.DELETION) return undefined;
    if (keyLength === 0 || keyLength > KEY_LENGTH_MAX || valueLength > VALUE_LENGTH_MAX) return undefined;
    if (offset + this.recordSize(keyLength, valueLength) > this.size) return undefined;
    const key = String.fromCharCode(...this.read(offset + RECORD_HEADER_SIZE, keyLength));
    return { offset, kind, key, valueLength, crc: header.getUint32(8, true) };
  }

  /** Whether so many bytes of the flash are erased from `offset` on, or all to the bank's end. */
  private isBlank(offset: number, length: number): boolean {
    const bytes = viewOf(this.read(offset, Math.min(length, this.size - offset)));
    let at = 0;
    for (; at + 4 <= bytes.byteLength; at += 4) if (bytes.getInt32(at) !== -1) return false;
    for (; at < bytes.byteLength; at++) if (bytes.getUint8(at) !== 0xff) return false;
    return true;
  }

  private recordCrc(bytes: Uint8Array, offset: number, generation: number): number {
    const place = new Uint8Array(8);
    const view = viewOf(place);
    view.setUint32(0, generation, true);
    view.setUint32(4, offset, true);
    const crc = crc32(bytes.subarray(0, 4), crc32(place));
    return crc32(bytes.subarray(RECORD_HEADER_SIZE), crc);
  }

  private read(offset: number, length: number): Uint8Array {
    return this.flash.read(this.base + offset, length);
  }

  private blank(length: number): Uint8Array {
    return new Uint8Array(length).fill(0xff);
  }

  private align(length: number): number {
    const unit = this.flash.programUnit;
    return Math.ceil(length / unit) * unit;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
