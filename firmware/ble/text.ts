/** Text for the log of what somebody else made. */
import { BleError } from "./errors.ts";

/** Characters that are kept of a value's text. */
const TEXT_MAX = 200;

/** What an application threw or answered as text: short, and without an error of its own, whatever the value does. */
export function textOf(value: unknown): string {
  try {
    return String(value).slice(0, TEXT_MAX);
  } catch {
    return `[${typeof value} without text]`;
  }
}

/** What was thrown as text, with its code (docs/errors.md) where it is one of the stack's errors. */
export function errorText(error: unknown): string {
  return error instanceof BleError ? `${textOf(error)} (${error.code})` : textOf(error);
}

/** A caller's value for the message of its refusal: a string in quotes, whatever else as short text. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "string" ? JSON.stringify(value.slice(0, TEXT_MAX)) : textOf(value);
}
