/** The part of `node:assert/strict` that unit tests use, for those that run on XS. */
import * as assertions from "../support/assert.ts";

function fail(message?: string): never {
  throw new assertions.AssertionError(message ?? "failed");
}

function doesNotThrow(work: () => unknown): void {
  work();
}

async function doesNotReject(promise: Promise<unknown> | (() => Promise<unknown>)): Promise<void> {
  await (typeof promise === "function" ? promise() : promise);
}

export default Object.assign((value: unknown, message?: string): void => assertions.ok(value, message), {
  ...assertions,
  doesNotReject,
  doesNotThrow,
  fail,
});
