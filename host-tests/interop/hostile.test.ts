/** Hostile peers and a failing controller on the firmware in QEMU: `npm run soak -- --scenario hostile`, briefly. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { perform } from "../../tools/cli/perform.ts";
import { textRenderer } from "../../tools/cli/render.ts";
import { NOTIFICATIONS } from "../../tools/soak/hostile/honest.ts";
import { GROWTH_LIMIT, hostile } from "../../tools/soak/hostile/hostile.ts";
import { hostilePeripheralsOnBoard } from "../../tools/soak/hostile-peripherals/board.ts";
import { thorough } from "../support/thorough.ts";

const board = "mps2-an500";
/** Of some seconds each; in every third the controller fails. */
const ROUNDS = 9;
/** Builds an image of its own the first time. */
const LIMIT_MS = 900_000;

describe(`hostile soak: ${board}`, function () {
  this.timeout(LIMIT_MS);

  it("serves the honest among six peers, four of them hostile, and sends a squatter away from the README's sensor", async () => {
    const seed = Number(process.env.OBSCURA_SOAK_SEED ?? Date.now() % 1_000_000);
    const lines: string[] = [`seed ${seed}: OBSCURA_SOAK_SEED repeats it`];
    const sink = { write: (text: string) => lines.push(text.trimEnd()) };
    const { signal } = new AbortController();
    try {
      const options = { board, rounds: ROUNDS, minutes: 0, squatters: 1, seed, signal };
      const result = await perform(hostile(options), textRenderer(sink));
      const shown = JSON.stringify(result);
      assert.ok(result.rounds >= ROUNDS, shown);
      assert.equal(result.served.sessions, 2 * result.rounds, shown);
      assert.ok(result.served.indications >= result.served.sessions, shown);
      assert.ok(result.served.notifications >= NOTIFICATIONS * result.served.sessions, shown);
      assert.ok(result.squatters >= 1 && result.sensorSessions === result.squatters, shown);
      assert.ok(result.heapGrowthBytes <= GROWTH_LIMIT, shown);
      process.stdout.write(`      ${shown}\n`);
    } catch (error) {
      process.stderr.write(`${lines.join("\n")}\n`);
      throw error;
    }
  });
});

// The same peers on Node, in virtual time, are in every run: host-tests/stack/hostile-peripherals.test.ts.
thorough.describe(`hostile peripherals: ${board}`, function () {
  this.timeout(LIMIT_MS);

  it("a camera that is the central serves the honest among them for a minute, and its heap does not grow", async () => {
    const seed = Number(process.env.OBSCURA_SOAK_SEED ?? Date.now() % 1_000_000);
    const { signal } = new AbortController();
    const lines: string[] = [`seed ${seed}: OBSCURA_SOAK_SEED plays the same peers`];
    const sink = { write: (text: string) => lines.push(text.trimEnd()) };
    try {
      const operation = hostilePeripheralsOnBoard({ board, minutes: 1, seed, signal });
      const result = await perform(operation, textRenderer(sink));
      assert.ok(result.sessions > 10 && result.echoes > 10, JSON.stringify(result));
    } catch (error) {
      process.stderr.write(`${lines.join("\n")}\n`);
      throw error;
    }
  });
});
