/** Names of error codes, which messages print. */

/**
 * `connection timeout (0x08)`, or `error 0x77` for a code without a name.
 * @param names one line for each code, `0x08 connection timeout`, with a line's end before the first and behind the last
 * @param what what a code without a name is called
 */
export function nameOfCode(names: string, code: number, what: string): string {
  const digits = `0x${code < 16 ? "0" : ""}${code.toString(16)}`;
  const at = names.indexOf(`\n${digits} `);
  if (at < 0) return `${what} ${digits}`;
  const start = at + digits.length + 2;
  return `${names.slice(start, names.indexOf("\n", start))} (${digits})`;
}
