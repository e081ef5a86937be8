/** The last lines of the camera's console, for clients that look at it over the air. */

/** Lines that are kept, and characters of each: what is longer is cut. */
export const LINES_MAX = 32;
export const LINE_LENGTH_MAX = 160;

export class ConsoleLines {
  private readonly lines: string[] = [];
  /** Lines so far. */
  private count = 0;

  /** Keeps what was written: a line, or several with the stack of an error. */
  add(level: string, text: string): void {
    for (const line of `${level}: ${text}`.split("\n")) {
      this.lines[this.count++ % LINES_MAX] =
        line.length > LINE_LENGTH_MAX ? line.slice(0, LINE_LENGTH_MAX) : line;
    }
  }

  /**
   * Lines from number `from` on, as many as `mayTake` has room for, and the number of the one after them. What has gone since
   * is left out, so that the first line may have a higher number: `first`.
   */
  since(
    from: number,
    mayTake: (line: string) => boolean,
  ): { readonly first: number; readonly next: number; readonly lines: readonly string[] } {
    const first = Math.min(Math.max(from, this.count - LINES_MAX, 0), this.count);
    const lines: string[] = [];
    for (let at = first; at < this.count; at++) {
      const line = this.lines[at % LINES_MAX]!;
      if (!mayTake(line)) break;
      lines.push(line);
    }
    return { first, next: first + lines.length, lines };
  }
}
