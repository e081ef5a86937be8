/** The heap that an application asks for. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "mocha";
import { loadBoard } from "../../../tools/build/boards.ts";
import { heapRequestKb } from "../../../tools/build/heap-request.ts";

describe("obscura.heap of an application's package.json", () => {
  const folder = mkdtempSync(join(tmpdir(), "obscura-heap-"));
  const board = { name: "small", heapMaxBytes: 200_000 };

  after(() => rmSync(folder, { recursive: true }));

  function requested(text: string): number {
    writeFileSync(join(folder, "package.json"), text);
    return heapRequestKb(join(folder, "main.ts"), board);
  }

  it("is nothing without the file, the section, or the figure", () => {
    assert.equal(heapRequestKb(join(folder, "elsewhere", "main.ts"), board), 0);
    assert.equal(requested("{}"), 0);
    assert.equal(requested('{ "obscura": {} }'), 0);
  });

  it("counts begun kilobytes", () => {
    assert.equal(requested('{ "obscura": { "heap": 1024 } }'), 1);
    assert.equal(requested('{ "obscura": { "heap": 1025 } }'), 2);
    assert.equal(requested('{ "obscura": { "heap": 200000 } }'), 196);
  });

  it("is refused when the board has less, with both figures", () => {
    assert.throws(
      () => requested('{ "obscura": { "heap": 200001 } }'),
      /package\.json asks for 200001 bytes of heap \("obscura\.heap"\), and small has at most 200000\./,
    );
  });

  it("is refused when it is no figure", () => {
    for (const heap of ["0", "-1", "1.5", '"1 MB"', "true", "1e12"]) {
      assert.throws(
        () => requested(`{ "obscura": { "heap": ${heap} } }`),
        /"obscura\.heap" is a whole number of bytes from 1 to 67107840, not /,
      );
    }
    assert.throws(() => requested("{"), /package\.json is not JSON/);
  });

  it("can be all that a board of ours has", () => {
    // 48 KB of chunks, 10,496 slots of 16 bytes, and the growth.
    assert.equal(loadBoard("mps2-an500").heapMaxBytes, 49_152 + 10_496 * 16 + 3_670_016);
  });
});
