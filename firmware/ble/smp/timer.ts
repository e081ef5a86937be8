/** The Security Manager's timer of one link (Vol 3, Part H, 3.4). */
import type { Clock, Timer } from "../../platform/platform.ts";

/** So long a pairing, or a wish for one, may make no progress. */
export const SMP_TIMEOUT_MS = 30_000;

/** Whom a timer is for. No callback, which would cost each link some 100 bytes. */
export interface TimerOwner {
  timedOut(): void;
}

export class ProgressTimer {
  private readonly clock: Clock;
  private readonly owner: TimerOwner;
  private timer: Timer = undefined;
  /** When the time is up. */
  private dueMs = 0;

  constructor(clock: Clock, owner: TimerOwner) {
    this.clock = clock;
    this.owner = owner;
  }

  /** Begins, or begins anew: there is progress. */
  prolong(): void {
    const { clock } = this;
    this.dueMs = clock.now() + SMP_TIMEOUT_MS;
    // The clock's timer stays as the first PDU set it, for setting it anew takes as long as a PDU: `check` goes on for the last one.
    this.timer ??= clock.setTimer(() => this.check(), SMP_TIMEOUT_MS);
  }

  private check(): void {
    const { clock } = this;
    const restMs = this.dueMs - clock.now();
    this.timer = restMs > 0 ? clock.setTimer(() => this.check(), restMs) : undefined;
    if (restMs <= 0) this.owner.timedOut();
  }

  stop(): void {
    if (this.timer !== undefined) this.clock.clearTimer(this.timer);
    this.timer = undefined;
  }
}
