import { createAbort } from "./abort.ts";
import { createConsole } from "./console.ts";
import { SuppressedError } from "./dispose.ts";
import type { Platform } from "./platform.ts";
import { createErrorReport } from "./report.ts";
import { createTimerQueue } from "./timerQueue.ts";
import { createTimers } from "./timers.ts";

/**
 * What the global object of an application's Compartment gets besides the language's own. globals.d.ts declares the
 * same names for the type checker.
 */
export function createGlobals(platform: Pick<Platform, "clock" | "log">) {
  const write: Platform["log"] = (level, line) => platform.log(level, line);
  const clock = createTimerQueue(platform.clock);
  return {
    console: createConsole(write),
    ...createTimers(clock, createErrorReport(write, "A timer's callback failed")),
    ...createAbort(clock, createErrorReport(write, "A listener of an AbortSignal failed")),
    SuppressedError,
  };
}
