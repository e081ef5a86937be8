/** Three centrals at once on the firmware in QEMU, which vanish one after the other: `npm run soak`, briefly. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { perform } from "../../tools/cli/perform.ts";
import { textRenderer } from "../../tools/cli/render.ts";
import { root } from "../../tools/paths.ts";
import { GROWTH_LIMIT, soak } from "../../tools/soak/soak.ts";
import { RigProcess } from "./child-process.ts";

const board = "mps2-an500";
const ROUNDS = 20;
/** Builds an image of its own the first time. */
const LIMIT_MS = 900_000;

/** Processes that this one started, and those that they started; from Linux's /proc. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return children === ""
    ? []
    : children
        .split(" ")
        .map(Number)
        .flatMap((child) => [child, ...descendants(child)]);
}

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0] !== "Z";
  } catch {
    return false;
  }
}

describe(`soak: ${board}`, function () {
  this.timeout(LIMIT_MS);

  it(`serves three Bumble centrals that vanish at random, ${ROUNDS} rounds, and its heap does not grow`, async () => {
    const seed = Number(process.env.OBSCURA_SOAK_SEED ?? Date.now() % 1_000_000);
    const lines: string[] = [`seed ${seed}: OBSCURA_SOAK_SEED repeats it`];
    const sink = { write: (text: string) => lines.push(text.trimEnd()) };
    const signal = new AbortController().signal;
    try {
      const result = await perform(soak({ board, rounds: ROUNDS, seed, signal }), textRenderer(sink));
      assert.equal(result.rounds, ROUNDS);
      assert.ok(result.connections >= 2 * ROUNDS, JSON.stringify(result));
      assert.ok(result.notifications > ROUNDS && result.orders > ROUNDS, JSON.stringify(result));
      assert.ok(result.heapGrowthBytes <= GROWTH_LIMIT, JSON.stringify(result));
      process.stdout.write(`      ${JSON.stringify(result)}\n`);
    } catch (error) {
      process.stderr.write(`${lines.join("\n")}\n`);
      throw error;
    }
  });

  it("leaves nothing running after Ctrl-C", async () => {
    const args = [join(root, "tools/run.mjs"), "soak", "--board", board, "--seed", "1", "--rounds", "4"];
    const tool = new RigProcess("soak", process.execPath, args);
    await tool.line(/Rounds of seed 1: 1 of 4/, LIMIT_MS);
    const started = descendants(tool.pid ?? 0);
    assert.ok(started.length >= 3, "controllers, centrals and the camera");
    tool.interrupt();
    assert.equal(await tool.ended, 130);
    assert.deepEqual(
      tool.lines.filter((line) => line.startsWith("✗")),
      [],
    );
    assert.deepEqual(started.filter(isAlive), []);
  });
});
