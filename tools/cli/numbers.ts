/** Numbers as options take them: in decimal digits, and nothing that only looks like one to a program (`""`, `0x10`, `1e3`). */

/** @returns undefined for what is no whole number, or has a sign or leading zeros */
export function wholeNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** @returns undefined for what is neither a whole number nor one with a decimal fraction, or has a sign */
export function decimalNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}
