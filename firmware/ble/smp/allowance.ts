/** How often peers may have flash written: a burst, and what comes back with time. */
import type { Clock } from "../../platform/platform.ts";

export class WearAllowance {
  private readonly clock: Clock;
  private readonly burst: number;
  private readonly refillMs: number;
  private left: number;
  private sinceMs: number;

  /** @param burst writes at once; one more every `refillMs`. */
  constructor(clock: Clock, burst: number, refillMs: number) {
    this.clock = clock;
    this.burst = burst;
    this.refillMs = refillMs;
    this.left = burst;
    this.sinceMs = clock.now();
  }

  /** Whether so many writes are allowed now. */
  has(writes: number): boolean {
    const now = this.clock.now();
    const back = Math.floor((now - this.sinceMs) / this.refillMs);
    if (back > 0) {
      this.left = Math.min(this.burst, this.left + back);
      this.sinceMs += back * this.refillMs;
    }
    return this.left >= writes;
  }

  /** Takes so many writes; false, and none is taken, when there are fewer. */
  take(writes: number): boolean {
    if (!this.has(writes)) return false;
    this.left -= writes;
    return true;
  }
}
