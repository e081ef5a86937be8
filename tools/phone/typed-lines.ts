/** Lines that a person types: a step at a time, and what a step asks for in its middle. */
import type { Clock } from "../../firmware/platform/platform.ts";

export class TypedLines {
  private readonly lines: AsyncIterator<string>;
  private waiting: Promise<IteratorResult<string>> | undefined = undefined;

  constructor(lines: AsyncIterator<string>) {
    this.lines = lines;
  }

  /** The next line; undefined at the end. */
  async next(): Promise<string | undefined> {
    this.waiting ??= this.lines.next();
    const { done, value } = await this.waiting;
    this.waiting = undefined;
    return done ? undefined : value;
  }

  /** The same; undefined when none comes in that time, and then it is for who asks next. */
  async nextWithin(withinMs: number, clock: Clock): Promise<string | undefined> {
    this.waiting ??= this.lines.next();
    let isLate = false;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(() => {
        isLate = true;
        resolve();
      }, withinMs);
      const come = (): void => {
        clock.clearTimer(timer);
        resolve();
      };
      this.waiting!.then(come, come);
    });
    return isLate ? undefined : this.next();
  }
}
