/** What a session takes from a camera's last words. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { FailureWatch } from "../../../tools/session/failure.ts";

/** The sentences of the failures in these lines, each when it was complete: after how many lines. */
function failures(...lines: string[]): [number, string | undefined][] {
  const found: [number, string | undefined][] = [];
  let read = 0;
  const watch = new FailureWatch({ onFailure: () => found.push([read, watch.failure]) });
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

  describe("while a new version may be on trial", () => {
    const fails = ["error: The application failed: Error: x", "fatal: main failed: Error: y"];
    const restarts = "warning: restarted after a fault, failure 1 in a row: pausing 250 ms";
    const begins = "info: update: slot 1 is on trial";
    const ended = "warning: update: the trial of slot 1 has ended: it failed before it was confirmed";
    const development = "warning: this image trusts the development key: anybody can sign for it";

    /** What was reported of these lines, and how many failures were counted. */
    function reports(...lines: string[]): [string[], number] {
      const reported: string[] = [];
      const watch = new FailureWatch({
        onFailure: () => reported.push(`failed: ${watch.failure}`),
        onTrialEnded: (why) => reported.push(why),
      });
      for (const line of lines) watch.line(line);
      watch.close();
      return [reported, watch.count];
    }

    it("it has failed in no other way than the camera is there for", () => {
      assert.deepEqual(reports(begins, ...fails, restarts, ended, development), [
        [
          "The new version's trial has ended: it failed before it was confirmed (The application failed: Error: x)",
        ],
        0,
      ]);
    });

    it("a trial that ends without a failure is reported too", () => {
      const deadline = "warning: update: the trial of slot 0 has ended: nobody confirmed it in time";
      assert.deepEqual(reports(begins, deadline), [
        ["The new version's trial has ended: nobody confirmed it in time"],
        0,
      ]);
    });

    it("one that was confirmed fails as any other", () => {
      // By its own health check, or by a client, of which the console says nothing.
      const confirmed = "info: update: the trial is confirmed: it runs without a failure";
      const failed = ["failed: The application failed: Error: x"];
      assert.deepEqual(reports(begins, confirmed, ...fails, restarts), [failed, 1]);
      assert.deepEqual(reports(begins, ...fails, restarts, development), [failed, 1]);
      assert.deepEqual(reports(begins, ...fails), [failed, 1], "the process has ended");
    });

    it("what goes on with the version before, and fails, has failed", () => {
      const [reported, count] = reports(begins, ...fails, restarts, ended, ...fails, restarts);
      assert.equal(reported.at(-1), "failed: The application failed: Error: x");
      assert.equal(count, 1);
    });
  });
});
