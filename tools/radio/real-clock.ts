import type { Clock } from "../../firmware/platform/platform.ts";

/** Real time that can end. */
export interface RealClock extends Clock {
  /** Time ends: forgets every timer, also those that are set later, so that nothing keeps the process alive. */
  stop(): void;
}

/** Real time for a simulated air. Node's timers are late by up to a millisecond; anchor points do not drift. */
export function createRealClock(): RealClock {
  const timers = new Set<NodeJS.Timeout>();
  let isOver = false;
  return {
    now: () => performance.now(),
    setTimer(callback, delayMs) {
      if (isOver) return undefined;
      const due = (): void => {
        timers.delete(timer);
        callback();
      };
      const timer = setTimeout(due, Math.max(0, delayMs));
      timers.add(timer);
      return timer;
    },
    clearTimer(timer) {
      timers.delete(timer as NodeJS.Timeout);
      clearTimeout(timer as NodeJS.Timeout | undefined);
    },
    stop() {
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
