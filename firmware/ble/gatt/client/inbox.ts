/** Values that a server sent by itself, until the application takes them: of one characteristic, in their order. */
import type { Account } from "../../budget.ts";

/** Who waits for a value. */
export interface ValueTaker {
  /** Returns whether it took the value: false when it waits no longer. */
  resolve(value: Uint8Array): boolean;
}

export class Inbox {
  /** Values that were dropped because it was full, the oldest each time, or because the link's share of the memory was. */
  dropped = 0;
  private limit: number;
  private readonly values: Uint8Array[] = [];
  private takers: ValueTaker[] = [];
  /** Undefined once the link has ended: what is left is the application's. */
  private account: Account | undefined;
  private readonly onFirstDrop: () => void;

  /** @param onFirstDrop called with the first value that is dropped. */
  constructor(account: Account, limit: number, onFirstDrop: () => void) {
    this.account = account;
    this.limit = limit;
    this.onFirstDrop = onFirstDrop;
  }

  /** Values that nobody has taken. */
  get size(): number {
    return this.values.length;
  }

  /** Keeps so many values from now on; the oldest of those beyond are dropped and counted. */
  resize(limit: number): void {
    this.limit = limit;
    while (this.values.length > limit) this.drop();
  }

  /** A value has come: it is for who waits for the longest time, or kept. */
  push(value: Uint8Array): void {
    for (let taker = this.takers.shift(); taker; taker = this.takers.shift()) {
      if (taker.resolve(value)) return;
    }
    if (this.values.length >= this.limit) this.drop();
    // A peer that fills its share loses its own oldest values first.
    while (this.account && !this.account.fits(value.length) && this.values.length > 0) this.drop();
    if (this.account?.take(value.length) === false) return this.count();
    this.values.push(value);
  }

  /** The oldest value. */
  take(): Uint8Array | undefined {
    const value = this.values.shift();
    if (value) this.account?.give(value.length);
    return value;
  }

  /** The next value is for `taker`, after those who wait already. */
  join(taker: ValueTaker): void {
    this.takers.push(taker);
  }

  leave(taker: ValueTaker): void {
    this.takers = this.takers.filter((other) => other !== taker);
  }

  /** The link has ended: what is kept is not accounted for any more. */
  close(): void {
    const { account } = this;
    this.account = undefined;
    if (account) for (const { length } of this.values) account.give(length);
  }

  private drop(): void {
    if (this.take()) this.count();
  }

  private count(): void {
    if (this.dropped++ === 0) this.onFirstDrop();
  }
}
