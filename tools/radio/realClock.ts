import type { Clock } from "../../firmware/platform/platform.ts";

/** Real time for a simulated air. Node's timers are late by up to a millisecond; anchor points do not drift. */
export function createRealClock(): Clock {
  return {
    now: () => performance.now(),
    setTimer: (callback, delayMs) => setTimeout(callback, Math.max(0, delayMs)),
    clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
  };
}
