/** Lines of the console for who shows them elsewhere. */
import { formatOrigin } from "../format.ts";
import type { LogLevel, Platform } from "../platform.ts";

/** Hands every line that is written from now on to `onText` too, an error's with its stack. */
export function tapConsole(platform: Platform, onText: (level: LogLevel, text: string) => void): void {
  const { log } = platform;
  const tapped: Platform["log"] = (level, message, error) => {
    if (error === undefined) log(level, message);
    else log(level, message, error);
    onText(level, error instanceof Error ? message + formatOrigin(error) : message);
  };
  Object.assign(platform, { log: tapped });
}
