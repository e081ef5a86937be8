/** How often peers may have something done, flash written or lines logged: a burst, and what comes back with time. */

/** What tells the time, in milliseconds. */
interface Watch {
  now(): number;
}

export class Allowance {
  /** Times at once. */
  readonly burst: number;
  private readonly clock: Watch;
  private readonly refillMs: number;
  private left: number;
  private sinceMs: number;

  /** @param burst times at once; once more every `refillMs`. */
  constructor(clock: Watch, burst: number, refillMs: number) {
    this.clock = clock;
    this.burst = burst;
    this.refillMs = refillMs;
    this.left = burst;
    this.sinceMs = clock.now();
  }

  /** Whether it is allowed so many times now. */
  has(times: number): boolean {
    const now = this.clock.now();
    const back = Math.floor((now - this.sinceMs) / this.refillMs);
    if (back > 0) {
      this.left = Math.min(this.burst, this.left + back);
      this.sinceMs += back * this.refillMs;
    }
    return this.left >= times;
  }

  /** Takes so many; false, and none is taken, when there are fewer. */
  take(times: number): boolean {
    if (!this.has(times)) return false;
    this.left -= times;
    return true;
  }
}
