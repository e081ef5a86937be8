/**
 * A queue of items that an application iterates over. Written by hand and not as an async generator, because a
 * generator's `return()` waits behind a pending `next()`: a stream that is left must end at once.
 */

interface Waiting<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}

/** What a stream reports to its source. */
export interface StreamSource<T> {
  /** There is room again after an item was taken. */
  onTaken?(item: T): void;
  /** The stream was left, or ended; called once. Whoever leaves it waits for what this returns. */
  onEnd?(): void | Promise<void>;
  /** The stream was left, and these items had not been taken. */
  onLeft?(items: readonly T[]): void;
}

export class Stream<T> implements AsyncIterableIterator<T> {
  private readonly source: StreamSource<T>;
  private readonly items: T[] = [];
  private readonly waiting: Waiting<T>[] = [];
  private ended: { readonly error?: unknown } | undefined = undefined;
  private closing: void | Promise<void> = undefined;

  constructor(source: StreamSource<T> = {}) {
    this.source = source;
  }

  /** Items that nobody has taken yet. */
  get size(): number {
    return this.items.length;
  }

  get isEnded(): boolean {
    return this.ended !== undefined;
  }

  /** Adds an item; one that comes after the end is dropped. */
  push(item: T): void {
    if (this.ended) return;
    const waiting = this.waiting.shift();
    if (waiting) waiting.resolve({ value: item, done: false });
    else this.items.push(item);
  }

  /** Ends the stream once what it holds has been taken; with `{ error }` the next step rejects. */
  end(reason: { readonly error?: unknown } = {}): void {
    if (this.ended) return;
    this.ended = reason;
    for (const waiting of this.waiting.splice(0)) this.finish(waiting);
    this.closing = this.source.onEnd?.();
  }

  /** Takes back the items that nobody has taken yet for which `unwanted` returns true. */
  discard(unwanted: (item: T) => boolean): void {
    for (let at = this.items.length - 1; at >= 0; at--) {
      if (unwanted(this.items[at]!)) this.items.splice(at, 1);
    }
  }

  private finish(waiting: Waiting<T>): void {
    const error = this.ended;
    if (error && "error" in error) {
      this.ended = {};
      waiting.reject(error.error);
    } else {
      waiting.resolve({ value: undefined, done: true });
    }
  }

  next(): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      if (this.items.length > 0) {
        const item = this.items.shift()!;
        resolve({ value: item, done: false });
        this.source.onTaken?.(item);
      } else if (this.ended) {
        this.finish({ resolve, reject });
      } else {
        this.waiting.push({ resolve, reject });
      }
    });
  }

  /** Leaves the stream: a pending `next` ends at once, and what was not taken is handed back to the source. */
  async return(): Promise<IteratorResult<T>> {
    const left = this.items.splice(0);
    this.end();
    this.ended = {};
    if (left.length > 0) this.source.onLeft?.(left);
    await this.closing;
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** `await using`: the same as leaving it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
