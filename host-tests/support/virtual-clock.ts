/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from "../../firmware/platform/platform.ts";

interface VirtualTimer {
  readonly dueMs: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** Resolves when every promise job that can run has run. */
export function flushJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class VirtualClock implements Clock {
  private nowMs = 0;
  private sequence = 0;
  private readonly timers = new Set<VirtualTimer>();
  private readonly settle: () => Promise<void>;

  /** @param settle runs between two timers, until nothing happens any more without time passing. */
  constructor(settle: () => Promise<void> = flushJobs) {
    this.settle = settle;
  }

  now(): number {
    return this.nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer of ${delayMs} ms`);
    const timer: VirtualTimer = { dueMs: this.nowMs + delayMs, sequence: this.sequence++, callback };
    this.timers.add(timer);
    return timer;
  }

  clearTimer(timer: Timer): void {
    this.timers.delete(timer as VirtualTimer);
  }

  /** Timers that have not fired: a test that ends with one has left something running. */
  get pending(): number {
    return this.timers.size;
  }

  /** Moves time on, timer by timer, each followed by the promise jobs that it caused. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs;
    await this.settle();
    for (let timer = this.next(endMs); timer; timer = this.next(endMs)) {
      this.timers.delete(timer);
      this.nowMs = timer.dueMs;
      timer.callback();
      await this.settle();
    }
    this.nowMs = endMs;
  }

  private next(endMs: number): VirtualTimer | undefined {
    let first: VirtualTimer | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs > endMs) continue;
      const earlier = first === undefined || timer.dueMs < first.dueMs;
      if (earlier || (timer.dueMs === first!.dueMs && timer.sequence < first!.sequence)) first = timer;
    }
    return first;
  }
}
