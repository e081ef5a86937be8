/** Values that a peer sends, one after the other, for `for await`. */
import type { Pending, WaitOptions } from "./wait.ts";

/** Why the loop ended a step. */
const LEFT = new Error("the loop over values was left");

/** Waits for the next value; `onBegin` gets the wait, unless there is a value already. */
export type TakeValue = (
  options: WaitOptions,
  onBegin: (pending: Pending<Uint8Array>) => void,
) => Promise<Uint8Array>;

/** Can be left while it waits, and loses no value by that. */
export class ValueIterator implements AsyncIterableIterator<Uint8Array> {
  private readonly take: TakeValue;
  private readonly options: WaitOptions;
  private readonly waiting = new Set<Pending<Uint8Array>>();
  private isOver = false;

  /** Not for applications. */
  constructor(take: TakeValue, options: WaitOptions) {
    this.take = take;
    this.options = options;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.isOver) return { value: undefined, done: true };
    let mine: Pending<Uint8Array> | undefined;
    try {
      const value = await this.take(this.options, (pending) => {
        mine = pending;
        this.waiting.add(pending);
      });
      return { value, done: false };
    } catch (error) {
      this.isOver = true;
      if (error === LEFT) return { value: undefined, done: true };
      throw error;
    } finally {
      if (mine) this.waiting.delete(mine);
    }
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.isOver = true;
    for (const pending of [...this.waiting]) pending.reject(LEFT);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
