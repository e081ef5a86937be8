/** Seeded numbers, so that a run can be repeated. Not fit for the keys of real devices. */
export class SeededRandom {
  private state: number;

  /** @param seed any integer; the same seed gives the same numbers. */
  constructor(seed: number) {
    this.state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
    for (let turn = 0; turn < 8; turn++) this.u32();
  }

  /** 32 bits, by the shifts that G. Marsaglia found ("Xorshift RNGs", 2003). */
  u32(): number {
    let state = this.state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state >>> 0;
    return this.state;
  }

  /** From 0 to just below 1. */
  fraction(): number {
    return this.u32() / 0x100000000;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  /** `length` bytes. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.u32() >>> 24;
    return bytes;
  }
}
