/** What the command line makes of failures. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "mocha";
import { exitStatus, reportFailure } from "../../../tools/cli/perform.ts";

/** What is written to standard error. */
function said(error: unknown): [status: number, text: string] {
  const { write } = process.stderr;
  let text = "";
  process.stderr.write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  try {
    return [reportFailure(error), text];
  } finally {
    process.stderr.write = write;
  }
}

function failureOf(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  assert.fail("it did not fail");
}

describe("failures on the command line", () => {
  it("a full disk is one line, with the file where Node names it, and with what to do", () => {
    const full = failureOf(() => writeFileSync("/dev/full", "x"));
    const [status, text] = said(full);
    assert.equal(status, exitStatus.failure);
    assert.match(text, /^obscura: No space is left for \/.*: free some, and run this again\.\n$/);
    const named = Object.assign(full as Error, { path: "/a/b" });
    assert.match(said(named)[1], /^obscura: No space is left for \/a\/b: free some/);
    const readOnly = Object.assign(new Error("EROFS: read-only file system, mkdir 'build/x'"), {
      code: "EROFS",
    });
    assert.match(said(readOnly)[1], /^obscura: .* EROFS: read-only file system, mkdir 'build\/x'\n$/);
  });

  it("a defect passes through, with its stack", () => {
    const missing = failureOf(() => readFileSync("/nowhere/at/all"));
    assert.throws(() => reportFailure(missing), /ENOENT/);
    assert.throws(() => reportFailure(new TypeError("x")), TypeError);
  });
});
