/** Bounded waiting: every wait of the interoperability suite goes through here, so that none hangs. */
import { setTimeout as sleep } from "node:timers/promises";

/** A wait that came to its end; the message says what was awaited. */
export class WaitError extends Error {
  override name = "WaitError";
}

/** A net for what never comes: nothing that comes takes as long, on the busiest machine. OBSCURA_PATIENCE_MS sets another. */
export const PATIENCE_MS = Number(process.env.OBSCURA_PATIENCE_MS ?? 180_000);

/**
 * The value of `wanted`.
 * @throws WaitError after `timeoutMs`, with `what` in the sentence.
 */
export async function within<T>(wanted: Promise<T>, what: string, timeoutMs = PATIENCE_MS): Promise<T> {
  const timer = new AbortController();
  // A wait that nobody waits for any more keeps no process: mocha has a limit of its own for each test.
  const tooLate = sleep(timeoutMs, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new WaitError(`waited ${timeoutMs} ms for ${what}`);
  });
  try {
    return await Promise.race([wanted, tooLate]);
  } finally {
    timer.abort();
    tooLate.catch(() => undefined);
  }
}

/**
 * Values that one side puts in and the other side waits for, in their order. `close` makes every wait fail with
 * its reason once the values are used up.
 */
export class Mailbox<T> {
  private readonly values: T[] = [];
  private readonly waiting: { resolve: (value: T) => void; reject: (reason: Error) => void }[] = [];
  private closed: Error | undefined;

  put(value: T): void {
    const next = this.waiting.shift();
    if (next === undefined) this.values.push(value);
    else next.resolve(value);
  }

  close(reason: Error): void {
    this.closed ??= reason;
    for (const { reject } of this.waiting.splice(0)) reject(this.closed);
  }

  /** The values that nobody took yet; takes them. */
  drain(): T[] {
    return this.values.splice(0);
  }

  /** @throws WaitError after `timeoutMs`, or the reason of `close`. */
  async take(what: string, timeoutMs = PATIENCE_MS): Promise<T> {
    if (this.values.length > 0) return this.values.shift() as T;
    if (this.closed !== undefined) throw this.closed;
    const entry = { resolve: (_: T): void => undefined, reject: (_: Error): void => undefined };
    const wanted = new Promise<T>((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
    this.waiting.push(entry);
    try {
      return await within(wanted, what, timeoutMs);
    } finally {
      const index = this.waiting.indexOf(entry);
      if (index >= 0) this.waiting.splice(index, 1);
    }
  }

  /** The next value for which `accept` holds; those before it are dropped. */
  async takeWhere(accept: (value: T) => boolean, what: string, timeoutMs = PATIENCE_MS): Promise<T> {
    const end = performance.now() + timeoutMs;
    try {
      for (;;) {
        const value = await this.take(what, Math.max(1, end - performance.now()));
        if (accept(value)) return value;
      }
    } catch (error) {
      // What was left of the time says nothing to the reader: the whole of it does.
      throw error instanceof WaitError ? new WaitError(`waited ${timeoutMs} ms for ${what}`) : error;
    }
  }
}
