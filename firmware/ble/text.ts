/** Text for the log of what somebody else made. */

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
