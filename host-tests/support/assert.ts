/** Assertions as in `node:assert/strict`, free of Node: scenario files use them, and they stand in for it on XS. */

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

/** Another value (`Object.is`). */
export function notEqual(actual: unknown, unexpected: unknown, message?: string): void {
  if (Object.is(actual, unexpected)) fail(message, `${show(actual)} was not to be`);
}

/** Another structure. */
export function notDeepEqual(actual: unknown, unexpected: unknown, message?: string): void {
  if (same(actual, unexpected)) fail(message, `${show(actual)} was not to be`);
}

/** Text that matches. */
export function match(text: string, pattern: RegExp, message?: string): void {
  if (!pattern.test(text)) fail(message, `${show(text)} does not match ${pattern}`);
}

/** Text that does not match. */
export function doesNotMatch(text: string, pattern: RegExp, message?: string): void {
  if (pattern.test(text)) fail(message, `${show(text)} matches ${pattern}`);
}

type Class = new (...args: never[]) => unknown;

/**
 * What an error must be: a pattern of its text, an instance of a class, what a function accepts, or an object of fields
 * that it has or that match a pattern. A string is only a message, as in Node.
 */
export type Expectation =
  | RegExp
  | Class
  | ((error: unknown) => boolean)
  | Readonly<Record<string, unknown>>
  | string;

const isClass = (value: unknown): value is Class =>
  typeof value === "function" && (value as Class).prototype !== undefined;

function check(error: unknown, expected: Expectation | undefined): void {
  if (expected === undefined || typeof expected === "string" || error === expected) return;
  if (expected instanceof RegExp) return match(String(error), expected);
  if (isClass(expected)) return ok(error instanceof expected, `${show(error)} instead of ${expected.name}`);
  if (typeof expected === "function") return ok(expected(error), `unexpected ${show(error)}`);
  const names = new Set(Object.keys(expected));
  if (expected instanceof Error) names.add("name").add("message");
  const fields = error as Record<string, unknown>;
  for (const name of names) {
    const value = (expected as Record<string, unknown>)[name];
    if (value instanceof RegExp) match(String(fields[name]), value, `${name} of ${show(error)}`);
    else deepEqual(fields[name], value, `${name} of ${show(error)}`);
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

/** The promise, or that of the function, rejects, as expected. */
export async function rejects(
  promise: Promise<unknown> | (() => Promise<unknown>),
  expected?: Expectation,
): Promise<void> {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    return check(error, expected);
  }
  fail(undefined, "the promise did not reject");
}
