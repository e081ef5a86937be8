import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { createGlobals } from "../../../firmware/platform/globals.ts";
import { VirtualClock } from "../../../simulator/clock.ts";

function create() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  return {
    clock,
    lines,
    globals: createGlobals({ clock, log: (level, line) => lines.push(`${level}: ${line}`) }),
  };
}

describe("globals of applications", () => {
  it("are those that the declarations for applications name", () => {
    const declared = new Set<string>();
    for (const file of ["globals.d.ts", "language.d.ts"]) {
      const text = readFileSync(new URL(`../../../firmware/platform/${file}`, import.meta.url), "utf8");
      for (const match of text.matchAll(/^declare (?:var|const|function) (\w+)/gm)) declared.add(match[1]!);
    }
    assert.deepEqual(Object.keys(create().globals).sort(), [...declared].sort());
  });

  it("report failures of callbacks with their stack", async () => {
    const { clock, lines, globals } = create();
    globals.setTimeout(() => {
      throw new Error("from a timer");
    }, 1);
    const signal = globals.AbortSignal.timeout(2);
    signal.onabort = () => {
      throw new Error("from a listener");
    };
    await clock.advance(2);
    assert.equal(lines[0], "error: A timer's callback failed: Error: from a timer");
    assert.match(lines[1]!, /^error: {5}at /);
    assert.ok(lines.includes("error: A listener of an AbortSignal failed: Error: from a listener"));
  });
});
