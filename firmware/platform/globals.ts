import { createAbort } from "./abort.ts";
import { createConsole } from "./console.ts";
import { SuppressedError } from "./dispose.ts";
import type { Platform, Signals } from "./platform.ts";
import { createErrorReport } from "./report.ts";
import { createTimers } from "./timers.ts";

/** The signals of one application, and what the stack makes signals for it by. */
export function createSignals({ clock, log }: Pick<Platform, "clock" | "log">): Signals {
  return createAbort(clock, createErrorReport(log, "A listener of an AbortSignal failed"));
}

/**
 * What the global object of an application's Compartment gets besides the language's own. globals.d.ts declares the
 * same names for the type checker.
 * @param platform its clock has room for any number of timers.
 */
export function createGlobals(
  platform: Pick<Platform, "clock" | "log">,
  { AbortController, AbortSignal }: Signals = createSignals(platform),
) {
  const write: Platform["log"] = (level, line, error) => platform.log(level, line, error);
  return {
    console: createConsole(write),
    ...createTimers(platform.clock, createErrorReport(write, "A timer's callback failed")),
    AbortController,
    AbortSignal,
    SuppressedError,
  };
}
