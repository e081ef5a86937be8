import type { Clock } from "../../firmware/platform/platform.ts";

/** Lines that are kept for who will wait for one. */
const LINES_MAX = 10_000;

const realTime: Pick<Clock, "setTimer" | "clearTimer"> = {
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** The last lines of a camera's console, for who waits for one of them. */
export class HeardLines {
  private readonly lines: string[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly clock: Pick<Clock, "setTimer" | "clearTimer">;

  /** @param clock whose time a wait is limited by; real time without one, which keeps no process alive. */
  constructor(clock: Pick<Clock, "setTimer" | "clearTimer"> = realTime) {
    this.clock = clock;
  }

  /** Takes a line. */
  add(text: string): void {
    this.lines.push(text);
    if (this.lines.length > LINES_MAX) this.lines.shift();
    for (const look of [...this.waiting]) look();
  }

  /**
   * Waits until a line has this text; what was said before counts too. Forgets the lines up to that one.
   * @returns that line; undefined when none came within that time
   */
  heard(text: string, withinMs: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      const end = (heard: string | undefined): void => {
        this.clock.clearTimer(limit);
        this.waiting.delete(look);
        resolve(heard);
      };
      const look = (): void => {
        const found = this.lines.findIndex((line) => line.includes(text));
        if (found < 0) return;
        end(this.lines.splice(0, found + 1).at(-1));
      };
      const limit = this.clock.setTimer(() => end(undefined), withinMs);
      this.waiting.add(look);
      look();
    });
  }
}
