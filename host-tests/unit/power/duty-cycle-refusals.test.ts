/** What the duty cycle of the module `power` refuses: options that it cannot use, and calls while another runs. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Json } from "../../../firmware/power/index.ts";
import type { Power } from "../../../firmware/power/power.ts";
import { Board, counting } from "./board.ts";

describe("power: duty cycle: what it refuses", () => {
  it("inside a burst, dutyCycle and deepSleep are refused, and the cycle goes on with its state", async () => {
    const board = new Board();
    const seen: Json[] = [];
    const refusals: string[] = [];
    const program = (power: Power): Promise<never> =>
      power.dutyCycle({
        intervalMs: 60_000,
        deadlineMs: 20_000,
        state: 0 as number,
        async burst({ state, number, failures }) {
          seen.push([state, number, failures]);
          const calls = [
            async () => power.deepSleep({ durationMs: 1, state: "other" }),
            async () => power.deepSleep({ durationMs: 1 }),
            async () =>
              power.dutyCycle({ intervalMs: 100, deadlineMs: 100, state: 0, burst: () => undefined }),
          ];
          for (const call of calls) {
            await call().catch((error: Error) => refusals.push(`${error.name}: ${error.message}`));
          }
          return state + 1;
        },
      });
    for (let round = 0; round < 3; round++) {
      await board.untilAsleep(program);
      assert.equal(board.lines.wakeAtMs, 60_000 * (round + 1));
      await board.wake();
    }
    assert.deepEqual(seen, [
      [0, 0, 0],
      [1, 1, 0],
      [2, 2, 0],
    ]);
    assert.equal(refusals.length, 9);
    const why =
      "cannot be called while dutyCycle runs: return from the burst what the next one is given, and the camera sleeps until it is due";
    assert.deepEqual(refusals.slice(0, 3), [
      `TypeError: deepSleep ${why}`,
      `TypeError: deepSleep ${why}`,
      `TypeError: dutyCycle ${why}`,
    ]);
    assert.deepEqual(board.log, []);
  });

  it("a burst that is refused deepSleep and does not catch it has failed, and the next one begins on its beat", async () => {
    const board = new Board();
    const failures: number[] = [];
    for (let round = 0; round < 2; round++) {
      await board.untilAsleep((power) =>
        power.dutyCycle({
          ...{ intervalMs: 60_000, deadlineMs: 1000, state: 0 },
          burst: (burst) => {
            failures.push(burst.failures);
            return power.deepSleep({ durationMs: 5 });
          },
        }),
      );
      assert.equal(board.lines.wakeAtMs, 60_000 * (round + 1));
      await board.wake();
    }
    assert.deepEqual(failures, [0, 1]);
  });

  it("a cycle that could not begin leaves the camera to another call, one behind deepSleep does not begin", async () => {
    const board = new Board();
    const power = board.start();
    const cycle = (state: unknown) =>
      power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state, burst: () => undefined });
    await assert.rejects(async () => cycle(1n), {
      name: "TypeError",
      message: /^state is nothing that JSON can hold/,
    });
    const asleep = assert.rejects(power.deepSleep({ durationMs: 5, state: "kept" }), { name: "Asleep" });
    await assert.rejects(async () => cycle(0), {
      name: "TypeError",
      message: /^dutyCycle .* behind deepSleep/,
    });
    await asleep;
    assert.equal(board.start().retainedState(), "kept");
  });

  it("refuses times out of range at once", async () => {
    const power = new Board().start();
    const burst = () => undefined;
    const refused = (options: object, message: RegExp) =>
      assert.rejects(
        async () => power.dutyCycle({ state: 0, burst, intervalMs: 1000, deadlineMs: 100, ...options }),
        {
          name: "RangeError",
          message,
        },
      );
    await refused({ intervalMs: 99 }, /intervalMs is 99.*100 to/);
    await refused({ deadlineMs: 1001 }, /deadlineMs is 1001.*1 to 1000/);
    await refused({ intervalMs: Number.NaN }, /intervalMs is NaN/);
    for (const lowVolts of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 3300])
      await refused(
        { lowVolts },
        new RegExp(`^lowVolts is ${lowVolts}; it is a number of volts above 0, at most 100$`),
      );
  });

  it("refuses what it cannot use before anything has been kept, also in the middle of a cycle", async () => {
    const board = new Board();
    await board.untilAsleep((power) => counting(power, board.clock, 100, []));
    await board.wake();
    const before = board.lines.readRetained();
    for (const wrong of [{ wakeOn: null }, { state: "x".repeat(4000) }, { state: 1n }, { burst: 1 }]) {
      const options = { intervalMs: 1000, deadlineMs: 100, state: 0, burst: () => undefined, ...wrong };
      await assert.rejects(async () => board.start().dutyCycle(options as never));
    }
    assert.deepEqual(board.lines.readRetained(), before);
    assert.equal(board.clock.pending, 0);
  });

  it("refuses what is no number, no function and no options by its type", async () => {
    const power = new Board().start();
    const burst = () => undefined;
    const refused = (options: object, message: RegExp) =>
      assert.rejects(
        async () => power.dutyCycle({ state: 0, burst, intervalMs: 1000, deadlineMs: 100, ...options }),
        { name: "TypeError", message },
      );
    await refused({ intervalMs: "1000" }, /^dutyCycle: intervalMs is "1000", which is no number$/);
    await refused({ deadlineMs: null }, /^dutyCycle: deadlineMs is null, which is no number$/);
    await refused({ lowVolts: null }, /^dutyCycle: lowVolts is null, which is no number$/);
    await refused({ lowVolts: "3" }, /^dutyCycle: lowVolts is "3", which is no number$/);
    await refused({ lowVolts: {} }, /^dutyCycle: lowVolts is \[object Object\], which is no number$/);
    await refused({ onLowBattery: "later" }, /^onLowBattery is "later", which is not a function$/);
    await refused({ onLowBattery: () => undefined }, /^onLowBattery is never called without lowVolts: /);
    await refused({ burst: null }, /^dutyCycle: burst is null, which is no value$/);
    for (const wakeOn of [5, "button", { 0: "button" }, null])
      await refused({ wakeOn }, /^dutyCycle: wakeOn is .*, which is no list$/);
    await refused(
      { wakeOn: [Symbol("sun")] },
      /^wakeOn has Symbol\(sun\); sources are timer, motion, button$/,
    );
    await refused({ wakeOn: [["button"]] }, /^wakeOn has a list; sources are /);
    await refused({ wakeOn: [null] }, /^wakeOn has null; sources are /);
    await refused({ state: undefined }, /^state is nothing that JSON can hold$/);
    await refused({ state: () => 1 }, /^state is nothing that JSON can hold$/);
    for (const [options, given] of [
      [undefined, "undefined"],
      [null, "null"],
      [5, "5"],
    ] as const) {
      await assert.rejects(async () => power.dutyCycle(options as never), {
        name: "TypeError",
        message: `dutyCycle: options are an object, not ${given}`,
      });
    }
  });
});
