/** A promise that somebody else settles, with a deadline: no wait of a phone hangs. */
import type { Clock, Timer } from "../../firmware/platform/platform.ts";
import { PhoneError } from "./errors.ts";

export class Deferred<T> {
  readonly promise: Promise<T>;
  settled = false;
  private resolvePromise!: (value: T) => void;
  private rejectPromise!: (error: unknown) => void;
  private readonly clock: Clock;
  private readonly timer: Timer;

  /** @param what finishes the sentence "the phone waited in vain for …". */
  constructor(clock: Clock, timeoutMs: number, what: string) {
    this.clock = clock;
    this.promise = new Promise((resolve, reject) => {
      this.resolvePromise = resolve;
      this.rejectPromise = reject;
    });
    this.timer = clock.setTimer(
      () => this.reject(new PhoneError(`the phone waited in vain for ${what} (${timeoutMs} ms)`)),
      timeoutMs,
    );
  }

  resolve(value: T): void {
    if (this.finish()) this.resolvePromise(value);
  }

  reject(error: unknown): void {
    if (this.finish()) this.rejectPromise(error);
  }

  private finish(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.clock.clearTimer(this.timer);
    return true;
  }
}
