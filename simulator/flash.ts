/** An area of NOR flash in memory, whose power can be cut and whose operations can fail. */
import type { BackgroundFlash } from "../firmware/platform/platform.ts";
import { SeededRandom } from "./random.ts";

/** Thrown by every operation from the power cut on. */
export class PowerCut extends Error {
  override name = "PowerCut";
}

/** Thrown by an operation that the flash itself fails. */
export class FlashFailure extends Error {
  override name = "FlashFailure";
}

export interface FlashModel {
  readonly size: number;
  readonly eraseUnit: number;
  readonly programUnit: number;
  /** Operations since the last sync are lost, torn or kept one by one at a cut, as with a file in a cache. */
  readonly writeBack: boolean;
  /** Torn program units throw when read, until they are erased, as flash with error correction does. */
  readonly unreadable: boolean;
}

/** A small area whose operations are durable at once. */
export const DEFAULT_FLASH: FlashModel = {
  size: 16_384,
  eraseUnit: 4096,
  programUnit: 8,
  writeBack: false,
  unreadable: false,
};

type Change =
  | { readonly kind: "program"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "erase"; readonly offset: number; readonly length: number };

/**
 * NOR flash in memory: programming clears bits, erasing sets them, both checked for alignment; programming a unit
 * twice is an error, as flash with error correction forbids it.
 */
export class SimulatedFlash implements BackgroundFlash {
  readonly size: number;
  readonly eraseUnit: number;
  readonly programUnit: number;
  /** Calls of program, erase and sync so far. */
  operations = 0;
  /** The content; a test may damage it. */
  readonly content: Uint8Array;
  private readonly model: FlashModel;
  private readonly random: SeededRandom;
  /** What a cut cannot touch. */
  private durable: Uint8Array;
  private pending: Change[] = [];
  private readonly tornUnits: Set<number>;
  private cutAt = Number.POSITIVE_INFINITY;
  private failAt = Number.POSITIVE_INFINITY;
  private isOff = false;

  /** @param random decides what a power cut leaves of what was under way. */
  constructor(
    model: FlashModel = DEFAULT_FLASH,
    random: SeededRandom = new SeededRandom(1),
    content?: Uint8Array,
    tornUnits: Iterable<number> = [],
  ) {
    this.model = model;
    this.size = model.size;
    this.eraseUnit = model.eraseUnit;
    this.programUnit = model.programUnit;
    this.random = random;
    this.content = content ?? new Uint8Array(model.size).fill(0xff);
    this.durable = this.content.slice();
    this.tornUnits = new Set(tornUnits);
  }

  /** Cuts the power in the middle of the operation after the next `count`. */
  cutAfter(count: number): void {
    this.cutAt = this.operations + count;
  }

  /** Fails the operation after the next `count`, once, with the flash left as by a cut. */
  failAfter(count: number): void {
    this.failAt = this.operations + count;
  }

  /** The flash as the next start finds it. */
  restart(): SimulatedFlash {
    const content = this.isOff ? this.durable : this.content;
    return new SimulatedFlash(this.model, this.random, content.slice(), this.tornUnits);
  }

  read(offset: number, length: number): Uint8Array {
    this.checkRange(offset, length, 1);
    if (this.isOff) throw new PowerCut();
    for (const unit of this.tornUnits) {
      if (unit < offset + length && unit + this.programUnit > offset)
        throw new FlashFailure(`torn at ${unit}`);
    }
    return this.content.slice(offset, offset + length);
  }

  program(offset: number, bytes: Uint8Array): void {
    this.checkRange(offset, bytes.length, this.programUnit);
    const isErased = this.content.subarray(offset, offset + bytes.length).every((byte) => byte === 0xff);
    if (!isErased && !this.isOff) throw new Error(`programming twice at ${offset}`);
    this.operate({ kind: "program", offset, bytes: bytes.slice() });
  }

  erase(offset: number, length: number): void {
    this.checkRange(offset, length, this.eraseUnit);
    this.operate({ kind: "erase", offset, length });
  }

  sync(): void {
    this.operate(undefined);
    this.durable = this.content.slice();
    this.pending = [];
  }

  async programInBackground(offset: number, bytes: Uint8Array): Promise<void> {
    await undefined;
    this.program(offset, bytes);
  }

  async eraseInBackground(offset: number, length: number): Promise<void> {
    await undefined;
    this.erase(offset, length);
  }

  private operate(change: Change | undefined): void {
    if (this.isOff) throw new PowerCut();
    const operation = this.operations++;
    if (operation === this.cutAt) this.cut(change);
    if (operation === this.failAt) {
      if (change) this.tear(change, this.content);
      throw new FlashFailure(`operation ${operation} failed`);
    }
    if (!change) return;
    this.apply(change, this.content);
    this.pending.push(change);
  }

  private apply(change: Change, content: Uint8Array): void {
    const { offset } = change;
    const length = change.kind === "program" ? change.bytes.length : change.length;
    for (const unit of [...this.tornUnits]) {
      if (change.kind === "erase" && unit >= offset && unit < offset + length) this.tornUnits.delete(unit);
    }
    if (change.kind === "erase") content.fill(0xff, offset, offset + length);
    else for (let i = 0; i < length; i++) content[offset + i]! &= change.bytes[i]!;
  }

  private cut(inFlight: Change | undefined): never {
    this.isOff = true;
    for (const change of this.pending) {
      const fate = this.model.writeBack ? this.random.below(4) : 0;
      if (fate <= 1) this.apply(change, this.durable);
      if (fate === 2) this.tear(change, this.durable);
    }
    if (inFlight) this.tear(inFlight, this.durable);
    throw new PowerCut();
  }

  /** Carries a change out in part: anything from not at all to wholly, in no order that one could rely on. */
  private tear(change: Change, content: Uint8Array): void {
    if (change.kind === "erase") this.tearErase(change.offset, change.length, content);
    else this.tearProgram(change.offset, change.bytes, content);
  }

  private tearErase(offset: number, length: number, content: Uint8Array): void {
    for (let unit = offset; unit < offset + length; unit += this.eraseUnit) {
      const fate = this.random.below(4);
      for (let i = unit; i < unit + this.eraseUnit; i++) {
        if (fate === 1) content[i] = 0xff;
        if (fate === 2) content[i] = this.random.below(256);
        if (fate === 3) content[i]! |= this.random.below(256);
      }
    }
  }

  private tearProgram(offset: number, bytes: Uint8Array, content: Uint8Array): void {
    const style = this.random.below(4);
    const until = this.random.below(bytes.length + 1);
    for (let i = 0; i < bytes.length; i++) {
      // Whole up to a byte, which is torn; whole from a byte on; every bit for itself; wholly.
      let missed = 0;
      if (style === 0) missed = i < until ? 0 : i === until ? this.random.below(256) : 0xff;
      if (style === 1) missed = i < until ? 0xff : 0;
      if (style === 2) missed = this.random.below(256);
      content[offset + i]! &= bytes[i]! | missed;
    }
    if (!this.model.unreadable || style === 3) return;
    const units = bytes.length / this.programUnit;
    this.tornUnits.add(offset + this.random.below(units) * this.programUnit);
  }

  private checkRange(offset: number, length: number, unit: number): void {
    const isValid = offset >= 0 && length > 0 && offset + length <= this.size;
    if (length === 0 && unit === 1) return;
    if (!isValid || offset % unit !== 0 || length % unit !== 0) {
      throw new Error(`flash: ${length} bytes at ${offset} (unit ${unit}, size ${this.size})`);
    }
  }
}
