/** The lines of a program, for one reader that waits for some of them. */
import { ToolError } from "../events.ts";
import { FILLER } from "./script.ts";

/** Lines that a failure shows. */
const SHOWN = 40;

export class LineBox {
  /** Everything that came. */
  readonly lines: string[] = [];
  private readonly name: string;
  private readonly patienceMs: number;
  private next = 0;
  private ended: string | undefined;
  private wake: () => void = () => undefined;

  /** @param patienceMs how long one line may be waited for */
  constructor(name: string, patienceMs: number) {
    this.name = name;
    this.patienceMs = patienceMs;
  }

  /** Takes a line, unless it is there only to fill the console. */
  put(line: string): void {
    if (line.endsWith(FILLER)) return;
    this.lines.push(line);
    this.wake();
  }

  /** Passes over everything that came. */
  skip(): void {
    this.next = this.lines.length;
  }

  /** No further lines; `how` the program ended. */
  end(how: number | string): void {
    this.ended ??= `ended (${how})`;
    this.wake();
  }

  /**
   * What `read` makes of the first line, of those that were not passed yet, that it does not call undefined.
   * @throws ToolError with the last lines when none comes in time, or the program ends.
   */
  async take<T>(read: (line: string) => T | undefined, what: string): Promise<T> {
    let isTooLate = false;
    const timer = setTimeout(() => {
      isTooLate = true;
      this.wake();
    }, this.patienceMs);
    try {
      for (;;) {
        while (this.next < this.lines.length) {
          const found = read(this.lines[this.next++]!);
          if (found !== undefined) return found;
        }
        const failure =
          this.ended ?? (isTooLate ? `said nothing for ${this.patienceMs / 1000} s` : undefined);
        if (failure !== undefined) {
          throw new ToolError(
            `The ${this.name} ${failure} before ${what}`,
            this.lines.slice(-SHOWN).join("\n"),
          );
        }
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
