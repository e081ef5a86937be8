/** The few assertions that scenario files use; free of Node, so that they run on XS too. */

/** What an assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

function fail(message: string | undefined, fallback: string): never {
  throw new AssertionError(message === undefined ? fallback : `${message}: ${fallback}`);
}

/** Values for messages: bytes in hexadecimal, objects by their fields. */
export function show(value: unknown): string {
  if (value instanceof Uint8Array) {
    let text = "";
    for (const byte of value) text += (byte + 256).toString(16).slice(1);
    return `bytes ${text}`;
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => `${name}: ${show(field)}`);
    return `{ ${fields.join(", ")} }`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map || a instanceof Set) return same([...a], [...(b as typeof a)]);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return keys.every((key) => key in right && same(left[key], right[key]));
}

/** The very same value (`Object.is`). */
export function equal<T>(actual: T, expected: T, message?: string): void {
  if (!Object.is(actual, expected)) fail(message, `${show(actual)} instead of ${show(expected)}`);
}

/** The same structure: arrays, bytes and plain objects by their content. */
export function deepEqual<T>(actual: T, expected: T, message?: string): void {
  if (!same(actual, expected)) fail(message, `${show(actual)} instead of ${show(expected)}`);
}

/** A true value. */
export function ok(value: unknown, message?: string): asserts value {
  if (!value) fail(message, `${show(value)} is not true`);
}

/** What an error must be: an instance of a class, or an object of fields that it has, or that match a pattern. */
export type Expectation = (new (...args: never[]) => unknown) | Readonly<Record<string, unknown>>;

function check(error: unknown, expected: Expectation | undefined): void {
  if (expected === undefined) return;
  if (typeof expected === "function") {
    if (!(error instanceof expected)) fail(undefined, `${show(error)} instead of ${expected.name}`);
    return;
  }
  const fields = error as Record<string, unknown>;
  for (const [name, value] of Object.entries(expected)) {
    const fits = value instanceof RegExp ? value.test(String(fields[name])) : same(fields[name], value);
    if (!fits) fail(`${name} of ${show(error)}`, `${show(fields[name])} instead of ${show(value)}`);
  }
}

/** The function throws, as expected. */
export function throws(work: () => unknown, expected?: Expectation): void {
  try {
    work();
  } catch (error) {
    return check(error, expected);
  }
  fail(undefined, "nothing was thrown");
}

/** The promise rejects, as expected. */
export async function rejects(promise: Promise<unknown>, expected?: Expectation): Promise<void> {
  try {
    await promise;
  } catch (error) {
    return check(error, expected);
  }
  fail(undefined, "the promise did not reject");
}
