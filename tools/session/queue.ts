/** A queue between callbacks and one reader. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly items: T[] = [];
  private wake: (() => void) | undefined;
  private isClosed = false;

  put(item: T): void {
    this.items.push(item);
    this.wake?.();
  }

  /** Drops what was put and not taken. */
  drain(): void {
    this.items.length = 0;
  }

  /** Ends the iteration after what was put before. */
  close(): void {
    this.isClosed = true;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      while (this.items.length > 0) yield this.items.shift() as T;
      if (this.isClosed) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }
}
