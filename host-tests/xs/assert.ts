/** The part of `node:assert/strict` that unit tests use, for those that run on XS. */
import { AssertionError, deepEqual, equal, ok, show } from "../support/assert.ts";

function fail(message: string): never {
  throw new AssertionError(message);
}

function holds(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function notEqual(actual: unknown, unexpected: unknown, message?: string): void {
  if (Object.is(actual, unexpected)) fail(`${message ?? "the same value"}: ${show(actual)}`);
}

function notDeepEqual(actual: unknown, unexpected: unknown, message?: string): void {
  if (holds(() => deepEqual(actual, unexpected))) fail(`${message ?? "the same structure"}: ${show(actual)}`);
}

function match(text: string, pattern: RegExp, message?: string): void {
  if (!pattern.test(text)) fail(`${message ?? "no match"}: ${show(text)} does not match ${pattern}`);
}

function doesNotMatch(text: string, pattern: RegExp, message?: string): void {
  if (pattern.test(text)) fail(`${message ?? "a match"}: ${show(text)} matches ${pattern}`);
}

type Class = new (...args: never[]) => unknown;
type Expected = RegExp | Error | Class | ((error: unknown) => boolean) | Readonly<Record<string, unknown>>;

const isClass = (value: unknown): value is Class =>
  typeof value === "function" && (value as Class).prototype !== undefined;

function checkField(error: unknown, name: string, expected: unknown): void {
  const field = (error as Record<string, unknown>)[name];
  if (expected instanceof RegExp) match(String(field), expected, `${name} of ${show(error)}`);
  else deepEqual(field, expected, `${name} of ${show(error)}`);
}

/** What was thrown is as expected. A string is only a message, as in Node. */
function checkError(error: unknown, expected: Expected | string | undefined): void {
  if (expected === undefined || typeof expected === "string" || error === expected) return;
  if (expected instanceof RegExp) match(String(error), expected);
  else if (isClass(expected)) ok(error instanceof expected, `${show(error)} instead of ${expected.name}`);
  else if (typeof expected === "function") ok(expected(error), `unexpected ${show(error)}`);
  else {
    const names = new Set(Object.keys(expected));
    if (expected instanceof Error) names.add("name").add("message");
    for (const name of names) checkField(error, name, (expected as Record<string, unknown>)[name]);
  }
}

function throws(work: () => unknown, expected?: Expected | string): void {
  try {
    work();
  } catch (error) {
    return checkError(error, expected);
  }
  fail("nothing was thrown");
}

async function rejects(
  promise: Promise<unknown> | (() => Promise<unknown>),
  expected?: Expected | string,
): Promise<void> {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    return checkError(error, expected);
  }
  fail("the promise did not reject");
}

function doesNotThrow(work: () => unknown): void {
  work();
}

async function doesNotReject(promise: Promise<unknown> | (() => Promise<unknown>)): Promise<void> {
  await (typeof promise === "function" ? promise() : promise);
}

const assert = Object.assign((value: unknown, message?: string): void => ok(value, message), {
  AssertionError,
  deepEqual,
  doesNotMatch,
  doesNotReject,
  doesNotThrow,
  equal,
  fail,
  match,
  notDeepEqual,
  notEqual,
  ok,
  rejects,
  throws,
});

export default assert;
