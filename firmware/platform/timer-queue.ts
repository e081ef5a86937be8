import type { Clock, Timer } from "./platform.ts";

interface QueuedTimer {
  readonly callback: () => void;
  readonly dueMs: number;
}

/**
 * A clock whose timers, any number of them, share one timer of `clock`: the native clock has few. All waits of the stack,
 * all transactions, and all timers of an application are in one such queue.
 *
 * Timers that are due at the same time are called in the order in which they were set, each from a call of its own
 * by `clock`, so that promise jobs run between them.
 *
 * When `clock` refuses its timer, the timer that was to be set is not, and the others are armed for again at the next
 * change.
 */
export function createTimerQueue(clock: Clock): Clock {
  /** The latest first: what is due next is taken from the end. The array moves its items in C, which is quick. */
  const queue: QueuedTimer[] = [];
  let armed: Timer;
  /** When `armed` is due; Infinity when it is not set. */
  let armedForMs = Number.POSITIVE_INFINITY;

  function nextDueMs(): number {
    const { length } = queue;
    return length > 0 ? queue[length - 1]!.dueMs : Number.POSITIVE_INFINITY;
  }

  function arm(dueMs: number): void {
    if (dueMs === armedForMs) return;
    // The place of the former is there for the new one, however few the clock has.
    if (armedForMs < Number.POSITIVE_INFINITY) clock.clearTimer(armed);
    armedForMs = Number.POSITIVE_INFINITY;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    armed = clock.setTimer(expire, Math.max(0, dueMs - clock.now()));
    armedForMs = dueMs;
  }

  function expire(): void {
    const nowMs = armedForMs;
    armedForMs = Number.POSITIVE_INFINITY;
    try {
      if (nextDueMs() <= nowMs) queue.pop()!.callback();
    } finally {
      arm(nextDueMs());
    }
  }

  /** Where a timer that is set now belongs: before those that are due at the same time, which are called first. */
  function placeOf(dueMs: number): number {
    let low = 0;
    let high = queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (queue[middle]!.dueMs > dueMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    now: () => clock.now(),

    setTimer(callback, delayMs) {
      const dueMs = clock.now() + delayMs;
      const timer = { callback, dueMs };
      arm(Math.min(dueMs, nextDueMs()));
      queue.splice(placeOf(dueMs), 0, timer);
      return timer;
    },

    clearTimer(timer) {
      const { dueMs } = timer as QueuedTimer;
      const place = queue.indexOf(timer as QueuedTimer, placeOf(dueMs));
      if (place < 0) return;
      queue.splice(place, 1);
      arm(nextDueMs());
    },
  };
}
