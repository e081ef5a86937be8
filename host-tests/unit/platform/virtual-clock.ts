import type { Clock, Timer } from "../../../firmware/platform/platform.ts";

interface VirtualTimer {
  readonly callback: () => void;
  readonly dueMs: number;
}

/** A clock that stands still until it is advanced. */
export class VirtualClock implements Clock {
  nowMs = 0;
  timers: VirtualTimer[] = [];
  /** The most timers that were set at the same time. */
  timersPeak = 0;

  now(): number {
    return this.nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { callback, dueMs: this.nowMs + delayMs };
    this.timers.push(timer);
    this.timersPeak = Math.max(this.timersPeak, this.timers.length);
    return timer;
  }

  clearTimer(timer: Timer): void {
    this.timers = this.timers.filter((other) => other !== timer);
  }

  /** Calls what becomes due within `durationMs`, in order. */
  advance(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (;;) {
      const next = this.first();
      if (!next || next.dueMs > untilMs) break;
      this.advanceByOne();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Goes to the next timer and calls it. */
  advanceByOne(): void {
    const next = this.first();
    if (!next) return;
    this.clearTimer(next);
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    next.callback();
  }

  private first(): VirtualTimer | undefined {
    return [...this.timers].sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}
