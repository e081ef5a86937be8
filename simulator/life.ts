/** The clock of a camera that ends while its world goes on. */
import type { Clock } from "../firmware/platform/platform.ts";

/** From one start of a camera to its end. */
export interface Life {
  readonly isOver: boolean;
}

/** The timers of a camera whose life is over do nothing: on a board its reset has taken them. */
export function clockOf(life: Life, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    setTimer: (callback, delayMs) => clock.setTimer(() => !life.isOver && callback(), delayMs),
    clearTimer: (timer) => clock.clearTimer(timer),
  };
}
