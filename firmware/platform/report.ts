import { formatValue } from "./format.ts";
import type { LogLevel } from "./platform.ts";

/** Takes an error that no caller is left to catch: one thrown by a timer's callback or an event listener. */
export type ErrorReport = (error: unknown) => void;

/** Writes one line to the console, and where `error` comes from (`Platform.log`). */
export type LineWriter = (level: LogLevel, line: string, error?: unknown) => void;

/** Writes text of any number of lines, one call of `write` for each. */
export function writeLines(write: LineWriter, level: LogLevel, text: string): void {
  for (const line of text.split("\n")) write(level, line);
}

/** A report that writes what happened and the error with its stack to the console. */
export function createErrorReport(write: LineWriter, context: string): ErrorReport {
  return (error) => {
    const text = `${context}: ${formatValue(error)}`;
    if (error instanceof Error) writeLines(write, "error", text);
    else write("error", text, error);
  };
}
