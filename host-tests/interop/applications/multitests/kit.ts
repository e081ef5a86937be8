/** What the scenarios share. */

/** The camera's side of one multitest. */
export type Scenario = () => Promise<void>;

export const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

/** Values here are ASCII. */
export const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** A line that the test waits for, or looks for afterwards. */
export function say(line: string): void {
  console.log(`multi: ${line}`);
}

/** @throws Error when they differ. */
export function equal(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}
