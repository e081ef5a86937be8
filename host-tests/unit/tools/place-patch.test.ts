/** `obscura build --patch`: a patch beside the image, for the board's area. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { loadBoard } from "../../../tools/build/boards.ts";
import type { ToolEvent } from "../../../tools/events.ts";
import { describePatch, placePatch } from "../../../tools/patch/patch.ts";

describe("a patch for a board's flash", () => {
  let folder = "";
  const written = (name: string, content: Uint8Array): string => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  const place = (board: string, file: string) =>
    placePatch({ ...loadBoard(board), output: join(folder, "out") }, file);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-patch-"));
  });

  after(() => rmSync(folder, { recursive: true }));

  it("lies beside the image as it is, with the address of the board's area", () => {
    const content = syntheticPatch();
    for (const [board, address] of [
      ["mps2-an500", "0x003e0000"],
      ["mps3-an547", "0x383e0000"],
    ] as const) {
      const placed = place(board, written("whole.hcd", content));
      assert.deepEqual({ ...placed, file: "" }, { file: "", address, records: 139, bytes: 35_182 });
      assert.deepEqual(new Uint8Array(readFileSync(placed.file)), content);
    }
  });

  it("is refused when it is damaged or too large, and where the board has no area", () => {
    assert.throws(() => place("mps2-an500", written("short.hcd", syntheticPatch().subarray(0, 900))), {
      name: "ToolError",
      message: /damaged at byte/,
    });
    assert.throws(() => place("mps2-an500", written("large.hcd", syntheticPatch(700, 140_000, 1))), {
      name: "ToolError",
      message: /140000 bytes; the area of mps2-an500 takes 131072/,
    });
    assert.throws(() => place("host", written("whole.hcd", syntheticPatch())), {
      name: "UsageError",
      message: /host has no area for a controller's patch/,
    });
    assert.throws(
      () => place("mps2-an500", join(folder, "none.hcd")),
      /^UsageError: There is no patch .*none\.hcd\.$/,
    );
  });

  it("is a regular file of at most 1,048,576 bytes: no device, no folder", () => {
    for (const file of ["/dev/zero", "/dev/null"])
      assert.throws(() => place("mps2-an500", file), { name: "UsageError", message: /is no regular file/ });
    const huge = written("huge.hcd", new Uint8Array(0));
    truncateSync(huge, 1_048_577);
    assert.throws(() => place("mps2-an500", huge), {
      name: "UsageError",
      message: /has 1048577 bytes and is no patch: one has at most 1048576/,
    });
  });

  it("is described, or its damage is an event", async () => {
    const eventsOf = async (file: string): Promise<ToolEvent[]> => {
      const events: ToolEvent[] = [];
      try {
        for await (const event of describePatch(file)) events.push(event);
      } catch (error) {
        assert.equal((error as Error).name, "StepFailed");
      }
      return events;
    };
    const whole = await eventsOf(written("whole.hcd", syntheticPatch()));
    assert.deepEqual(
      whole.slice(0, 2).map(({ type }) => type),
      ["step:start", "step:done"],
    );
    assert.ok(whole.some((event) => event.type === "text" && /^records +139$/.test(event.text)));
    const damaged = await eventsOf(written("short.hcd", syntheticPatch().subarray(0, 900)));
    const [, failure] = damaged;
    assert.ok(failure?.type === "step:fail" && /damaged at byte/.test(failure.message));
    assert.equal(damaged.length, 2);
  });
});
