import type { Clock, Timer } from "./platform.ts";

interface QueuedTimer {
  readonly callback: () => void;
  readonly dueMs: number;
}

/**
 * A clock whose timers, any number of them, share one timer of `clock`. The native clock has few, and an
 * application that sets many must not take them from the stack.
 *
 * Timers that are due at the same time are called in the order in which they were set, each from a call of its own
 * by `clock`, so that promise jobs run between them.
 */
export function createTimerQueue(clock: Clock): Clock {
  /** By due time. */
  const queue: QueuedTimer[] = [];
  let armedFor: QueuedTimer | undefined;
  let armed: Timer;

  function arm(): void {
    const first = queue[0];
    if (first === armedFor) return;
    if (armedFor) clock.clearTimer(armed);
    armedFor = first;
    if (first) armed = clock.setTimer(expire, Math.max(0, first.dueMs - clock.now()));
  }

  function expire(): void {
    armedFor = undefined;
    const timer = queue.shift();
    // Before the callback, which may throw.
    arm();
    timer?.callback();
  }

  return {
    now: () => clock.now(),

    setTimer(callback, delayMs) {
      const timer = { callback, dueMs: clock.now() + delayMs };
      let place = queue.length;
      while (place > 0 && queue[place - 1]!.dueMs > timer.dueMs) place--;
      queue.splice(place, 0, timer);
      arm();
      return timer;
    },

    clearTimer(timer) {
      const place = queue.indexOf(timer as QueuedTimer);
      if (place < 0) return;
      queue.splice(place, 1);
      arm();
    },
  };
}
