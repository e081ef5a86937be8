import { formatMessage } from "./message.ts";
import type { LogLevel } from "./platform.ts";
import { type LineWriter, writeLines } from "./report.ts";

/** The console of an application. None of its functions throws. */
export interface ApplicationConsole {
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

/** The most characters that one call writes. */
const textMax = 4000;

/**
 * A console that writes its values, as `formatMessage` puts them together, to `write`: `warn` at level "warning", `log` at
 * level "info", the others at their own.
 */
export function createConsole(write: LineWriter): ApplicationConsole {
  const writer =
    (level: LogLevel) =>
    (...values: unknown[]): void => {
      try {
        const text = formatMessage(values);
        const omitted = text.length - textMax;
        writeLines(write, level, omitted > 0 ? `${text.slice(0, textMax)}… ${omitted} more` : text);
      } catch {
        // A console that fails must not take the application with it.
      }
    };
  return {
    log: writer("info"),
    info: writer("info"),
    debug: writer("debug"),
    warn: writer("warning"),
    error: writer("error"),
  };
}
