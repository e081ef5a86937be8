import type { Clock, Timer } from "./platform.ts";
import type { ErrorReport } from "./report.ts";

/** `setTimeout` and its companions, as an application sees them. */
export interface Timers {
  setTimeout<A extends unknown[]>(callback: (...args: A) => void, delayMs?: number, ...args: A): number;
  setInterval<A extends unknown[]>(callback: (...args: A) => void, delayMs?: number, ...args: A): number;
  clearTimeout(handle: number | undefined): void;
  clearInterval(handle: number | undefined): void;
}

/** Timers that an application may have at a time: each takes memory, and a loop that sets them for ever must not end it. */
export const APPLICATION_TIMERS = 100;

/**
 * Timers for applications, on a clock that has room for any number of them.
 *
 * As in Node, a delay is truncated to whole milliseconds, and a delay below 1 or that is not a number means 1. Unlike
 * there, a delay has no upper limit: 30 days are 30 days. Handles are integers from 1 upward. An interval keeps
 * its rhythm: the time that the callback takes does not shift later calls, and calls that were missed are left
 * out, never made up for in a burst. What a callback throws goes to `report`, and an interval goes on. A timer
 * beyond the number that may be set at a time is refused by a RangeError.
 * @param most timers that may be set at a time.
 */
export function createTimers(clock: Clock, report: ErrorReport, most = APPLICATION_TIMERS): Timers {
  const running = new Map<number, Timer>();
  let lastHandle = 0;

  function call<A extends unknown[]>(callback: (...args: A) => void, args: A): void {
    try {
      callback(...args);
    } catch (error) {
      report(error);
    }
  }

  function clear(handle: number | undefined): void {
    if (handle === undefined) return;
    const timer = running.get(handle);
    if (timer === undefined) return;
    running.delete(handle);
    clock.clearTimer(timer);
  }

  function check(caller: string, callback: unknown): void {
    if (typeof callback !== "function") {
      throw new TypeError(`${caller}: the callback must be a function, not ${typeof callback}`);
    }
    if (running.size >= most) {
      throw new RangeError(
        `${caller}: ${most} timers are set, which is all there is room for: clear those that are not needed`,
      );
    }
  }

  return {
    setTimeout(callback, delayMs, ...args) {
      check("setTimeout", callback);
      const handle = ++lastHandle;
      const expire = () => {
        running.delete(handle);
        call(callback, args);
      };
      running.set(handle, clock.setTimer(expire, clampDelay(delayMs)));
      return handle;
    },

    setInterval(callback, delayMs, ...args) {
      check("setInterval", callback);
      const handle = ++lastHandle;
      const periodMs = clampDelay(delayMs);
      let dueMs = clock.now() + periodMs;
      const expire = () => {
        call(callback, args);
        if (!running.has(handle)) return;
        const nowMs = clock.now();
        dueMs += periodMs;
        if (dueMs <= nowMs) dueMs += Math.ceil((nowMs - dueMs) / periodMs) * periodMs;
        running.set(handle, clock.setTimer(expire, Math.max(0, dueMs - nowMs)));
      };
      running.set(handle, clock.setTimer(expire, periodMs));
      return handle;
    },

    clearTimeout: clear,
    clearInterval: clear,
  };
}

/** The longest delay is the largest exact integer, 285,000 years: the native clock counts whole microseconds. */
function clampDelay(delayMs: number | undefined): number {
  const wholeMs = Math.trunc(Number(delayMs));
  return wholeMs >= 1 ? Math.min(wholeMs, Number.MAX_SAFE_INTEGER) : 1;
}
