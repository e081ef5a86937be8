/** The duty cycle of the module `power`, through simulated resets, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Json } from "../../../firmware/power/index.ts";
import type { Power } from "../../../firmware/power/power.ts";
import type { VirtualClock } from "../../../simulator/clock.ts";
import { Board } from "./board.ts";

/** A cycle of a minute, whose burst takes as long as it is set to and counts itself. */
function counting(power: Power, clock: VirtualClock, burstMs: number, seen: Json[]): Promise<never> {
  return power.dutyCycle({
    intervalMs: 60_000,
    deadlineMs: 20_000,
    state: 0 as number,
    wakeOn: ["button"],
    async burst({ state, cause, number, failures }) {
      seen.push([Math.round(clock.now()), state, cause, number, failures]);
      await clock.sleep(burstMs);
      return state + 1;
    },
  });
}

describe("power: duty cycle", () => {
  it("keeps its cadence however long bursts take, and its state", async () => {
    const board = new Board();
    const seen: Json[] = [];
    for (const burstMs of [100, 19_000, 7, 3333]) {
      await board.untilAsleep((power) => counting(power, board.clock, burstMs, seen));
      await board.wake();
    }
    assert.deepEqual(seen, [
      [0, 0, "power-on", 0, 0],
      [60_000, 1, "timer", 1, 0],
      [120_000, 2, "timer", 2, 0],
      [180_000, 3, "timer", 3, 0],
    ]);
  });

  it("a button between two beats is one more burst, and the beat stays", async () => {
    const board = new Board();
    const seen: Json[] = [];
    const run = () => board.untilAsleep((power) => counting(power, board.clock, 100, seen));
    await run();
    await board.wake("button", 10_000);
    await run();
    await board.wake();
    await run();
    assert.deepEqual(seen.slice(1), [
      [10_100, 1, "button", 1, 0],
      [60_000, 2, "timer", 2, 0],
    ]);
  });

  it("a burst that throws is reported, its state stays, and the camera sleeps until the next beat", async () => {
    const board = new Board();
    const failures: number[] = [];
    for (let round = 0; round < 3; round++) {
      await board.untilAsleep((power) =>
        power.dutyCycle({
          intervalMs: 60_000,
          deadlineMs: 1000,
          state: "first",
          burst(burst) {
            failures.push(burst.failures);
            assert.equal(burst.state, "first");
            throw new Error("no sensor");
          },
        }),
      );
      assert.equal(board.lines.wakeAtMs, 60_000 * (round + 1));
      await board.wake();
    }
    assert.deepEqual(failures, [0, 1, 2]);
    assert.equal(board.log.filter((line) => line.includes("the burst failed")).length, 3);
  });

  it("a burst without an end is aborted at its deadline, and the camera sleeps a second later", async () => {
    const board = new Board();
    let abortedMs = -1;
    await board.untilAsleep((power) =>
      power.dutyCycle({
        intervalMs: 60_000,
        deadlineMs: 5000,
        state: null,
        burst({ signal }) {
          signal.addEventListener("abort", () => {
            abortedMs = board.clock.now();
          });
          return new Promise(() => {});
        },
      }),
    );
    assert.equal(abortedMs, 5000);
    assert.equal(board.clock.now(), 6000);
    assert.equal(board.lines.wakeAtMs, 60_000);
  });

  it("after a reset in the middle of a burst it sleeps longer, twice as long with each in a row, and recovers", async () => {
    const board = new Board();
    const pauses: number[] = [];
    const hang = (power: Power) =>
      power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state: 0, burst: () => new Promise(() => {}) });
    for (let round = 0; round < 13; round++) {
      void hang(board.start()).catch(() => undefined);
      await board.clock.advance(10);
      board.lines.restart("watchdog");
      const atMs = board.lines.rtcNow();
      await board.untilAsleep(hang);
      pauses.push(board.lines.wakeAtMs! - atMs);
      await board.wake();
    }
    assert.deepEqual(pauses.slice(0, 3), [120_000, 240_000, 480_000]);
    assert.equal(Math.max(...pauses), 86_400_000, "a day at most");
    const seen: Json[] = [];
    await board.untilAsleep((power) => counting(power, board.clock, 10, seen));
    assert.equal(board.lines.wakeAtMs! - board.clock.now() <= 60_000, true);
  });

  it("a battery that is low gets no burst, and the application is called", async () => {
    const board = new Board();
    board.lines.volts = 3.1;
    const calls: unknown[] = [];
    const program = (power: Power) =>
      power.dutyCycle({
        intervalMs: 60_000,
        deadlineMs: 1000,
        state: 0,
        lowVolts: 3.3,
        onLowBattery: (volts) => void calls.push(volts),
        burst: () => void calls.push("burst"),
      });
    await board.untilAsleep(program);
    await board.wake();
    board.lines.volts = 3.9;
    await board.untilAsleep(program);
    assert.deepEqual(calls, [3.1, "burst"]);
  });

  it("a state that cannot be kept is reported, and the one before it stays", async () => {
    const board = new Board();
    const states: unknown[] = [];
    for (const next of ["good", "x".repeat(5000), undefined]) {
      await board.untilAsleep((power) =>
        power.dutyCycle({
          intervalMs: 60_000,
          deadlineMs: 1000,
          state: "first",
          burst({ state }) {
            states.push(state);
            return next;
          },
        }),
      );
      await board.wake();
    }
    assert.deepEqual(states, ["first", "good", "good"]);
    assert.ok(board.log.some((line) => line.includes("cannot be kept")));
  });

  it("flash that fails stops nothing", async () => {
    const board = new Board(0);
    let bursts = 0;
    board.records.set = () => {
      if (bursts > 0) throw new Error("worn out");
    };
    await board.untilAsleep((power) =>
      power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state: 0, burst: () => void bursts++ }),
    );
    assert.equal(bursts, 1);
    assert.ok(board.log.some((line) => line.includes("nothing can be kept")));
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
  });

  it("a thousand cycles, with resets, buttons and lost supplies strewn in: the cadence holds, nothing is lost or grows", async () => {
    const board = new Board();
    let state = 0;
    let originMs = 0;
    let chance = 12_345;
    const draw = (sides: number): number => {
      chance = (Math.imul(chance, 1_103_515_245) + 12_345) >>> 0;
      return (chance >>> 8) % sides;
    };
    for (let cycle = 0; cycle < 1000; cycle++) {
      let isRun = false;
      await board.untilAsleep((power) =>
        power.dutyCycle({
          intervalMs: 60_000,
          deadlineMs: 20_000,
          state: 0 as number,
          wakeOn: ["button", "motion"],
          async burst(burst) {
            assert.equal(burst.state, state, `cycle ${cycle}`);
            await board.clock.sleep(draw(20_000));
            isRun = true;
            if (draw(10) === 0) throw new Error("a burst that fails");
            state++;
            return state;
          },
        }),
      );
      assert.ok(isRun);
      // Due on a beat, and in time for the next one.
      assert.equal((board.lines.wakeAtMs! - originMs) % 60_000, 0, `cycle ${cycle}`);
      assert.ok(board.lines.wakeAtMs! - board.lines.rtcNow() <= 60_000, `cycle ${cycle}`);
      const what = draw(20);
      if (what === 0) {
        await board.wake("power-on", draw(50_000));
        state = 0;
        originMs = 0;
      } else if (what === 1) {
        await board.wake("button", draw(30_000));
      } else {
        await board.wake();
      }
    }
    assert.equal(board.records.keys().length, 0);
  });
});
