/**
 * In place of an application's deep sleep, while the camera has to stay within reach after its start: the management service has
 * the camera to itself, and sleeps in the application's stead (firmware/native/put_off.h).
 */
import type { Clock } from "../platform/platform.ts";

/** A camera whose wake is due sooner is awake for so long all the same: a central needs a few seconds to find it. */
export const PUT_OFF_MIN_MS = 5000;

/** From one look at who manages the camera to the next, once the sleep is due. */
export const PUT_OFF_LOOK_MS = 5000;

/** What the sleep is handed. */
export interface PutOffPort {
  readonly clock: Clock;
  /** Until nobody has to reach the camera any more. */
  readonly windowMs: number;
  /** Until the application's wake is due; left out when the time does not wake it. */
  readonly wakeInMs?: number;
  /** Whether somebody manages the camera: it stays for him. */
  isManaged(): boolean;
  /** Switches the radio off and sleeps. */
  sleep(): void;
}

/** Sleeps when the window closes, or in time for the wake, unless somebody manages the camera. */
export function putOffSleep({
  clock,
  isManaged,
  sleep,
  wakeInMs = Number.POSITIVE_INFINITY,
  windowMs,
}: PutOffPort): void {
  const look = (): void => {
    if (isManaged()) clock.setTimer(look, PUT_OFF_LOOK_MS);
    else sleep();
  };
  clock.setTimer(look, Math.max(PUT_OFF_MIN_MS, Math.min(windowMs, wakeInMs)));
}
