/** What a session takes from a camera's last words. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { FailureWatch } from "../../../tools/session/failure.ts";

/** The sentences of the failures in these lines, each when it was complete: after how many lines. */
function failures(...lines: string[]): [number, string | undefined][] {
  const found: [number, string | undefined][] = [];
  let read = 0;
  const watch = new FailureWatch(() => found.push([read, watch.failure]));
  for (const line of lines) {
    watch.line(line);
    read++;
  }
  watch.close();
  return found;
}

describe("a camera that fails", () => {
  it("is one whose application ended with an error, named with its place", () => {
    const lines = [
      "error: The application failed: TypeError: no function",
      "error:     at run (native)",
      "error:     at f (examples/a b/main.ts:12:7)",
      "error:     at main.ts:13:1",
      "fatal: main failed: Error: the application could not start",
      "      at firmware/main.ts:36:14",
      "warning: restarted after a fault, failure 1 in a row: pausing 250 ms",
    ];
    assert.deepEqual(failures(...lines), [
      [6, "The application failed: TypeError: no function, at examples/a b/main.ts:12:7"],
    ]);
  });

  it("is one that is out of memory, or does not fit", () => {
    assert.deepEqual(
      failures("fatal: JavaScript heap full: 3 of 3 slots", "      at hoard (main.ts:2:3)", "info: x"),
      [[2, "The camera failed: JavaScript heap full: 3 of 3 slots, at main.ts:2:3"]],
    );
    assert.deepEqual(failures("fatal: the application does not fit"), [
      [1, "The camera failed: the application does not fit"],
    ]);
  });

  it("is not one that reports an error and goes on", () => {
    assert.deepEqual(
      failures("error: unhandled rejection: Error: x", "      at f (main.ts:1:1)", "info: y"),
      [],
    );
  });

  it("is counted each time", () => {
    const once = ["error: The application failed: Error: x", "fatal: main failed: Error: y", "info: again"];
    assert.equal(failures(...once, ...once).length, 2);
  });
});
