/** A flash area in memory, with flash's manners: programming clears bits, erasing sets a whole unit. */
import type { FlashArea } from "../firmware/platform/platform.ts";

export class MemoryFlash implements FlashArea {
  readonly size: number;
  readonly eraseUnit: number;
  readonly programUnit: number;
  /** The content; a test may damage it. */
  readonly bytes: Uint8Array;

  constructor(size = 16_384, eraseUnit = 4096, programUnit = 8) {
    this.size = size;
    this.eraseUnit = eraseUnit;
    this.programUnit = programUnit;
    this.bytes = new Uint8Array(size).fill(0xff);
  }

  read(offset: number, length: number): Uint8Array {
    this.check("read", offset, length, 1);
    return this.bytes.slice(offset, offset + length);
  }

  program(offset: number, bytes: Uint8Array): void {
    this.check("program", offset, bytes.length, this.programUnit);
    for (let index = 0; index < bytes.length; index++) {
      this.bytes[offset + index] = this.bytes[offset + index]! & bytes[index]!;
    }
  }

  erase(offset: number, length: number): void {
    this.check("erase", offset, length, this.eraseUnit);
    this.bytes.fill(0xff, offset, offset + length);
  }

  sync(): void {}

  private check(what: string, offset: number, length: number, unit: number): void {
    if (
      offset < 0 ||
      length < 0 ||
      offset + length > this.size ||
      offset % unit !== 0 ||
      length % unit !== 0
    ) {
      throw new Error(`flash: cannot ${what} ${length} bytes at ${offset}`);
    }
  }
}
