/** The duty cycle of the module `power`, through simulated resets, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HciError } from "../../../firmware/ble/errors.ts";
import type { Json } from "../../../firmware/power/index.ts";
import type { Power } from "../../../firmware/power/power.ts";
import { Board, counting } from "./board.ts";

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

  it("a burst whose state cannot be kept has failed", async () => {
    const board = new Board();
    const seen: Json[] = [];
    for (const next of ["x".repeat(5000), () => 1, "good", undefined]) {
      await board.untilAsleep((power) =>
        power.dutyCycle({
          ...{ intervalMs: 60_000, deadlineMs: 1000, state: "first" },
          burst: ({ failures }) => {
            seen.push(failures);
            return next as string;
          },
        }),
      );
      await board.wake();
    }
    assert.deepEqual(seen, [0, 1, 2, 0]);
  });

  it("every state of JSON is one, also null, false, 0 and an empty text; undefined keeps what there is", async () => {
    for (const state of [null, false, 0, "", []]) {
      const board = new Board();
      const seen: unknown[] = [];
      for (const next of [state, undefined, 1]) {
        await board.untilAsleep((power) =>
          power.dutyCycle<unknown>({
            ...{ intervalMs: 60_000, deadlineMs: 1000, state: "first" },
            burst: (burst) => {
              seen.push(burst.state);
              return next;
            },
          }),
        );
        await board.wake();
      }
      assert.deepEqual(seen, ["first", state, state]);
      // One that cannot be kept leaves it as well.
      await board.untilAsleep((power) =>
        power.dutyCycle<unknown>({
          ...{ intervalMs: 60_000, deadlineMs: 1000, state: "first" },
          burst: () => state,
        }),
      );
      await board.wake();
      await board.untilAsleep((power) =>
        power.dutyCycle<unknown>({
          ...{ intervalMs: 60_000, deadlineMs: 1000, state: "first" },
          burst: () => "x".repeat(5000),
        }),
      );
      assert.deepEqual(board.start().retainedState(), state);
    }
  });

  for (const cause of ["software", "timer", "button"] as const) {
    it(`a start by ${cause} behind a burst that did not end is no crash: a burst runs at once, and the beat stays`, async () => {
      const board = new Board();
      void counting(board.start(), board.clock, 20_000, []).catch(() => undefined);
      await board.clock.advance(5000);
      board.lines.restart(cause);
      const seen: Json[] = [];
      await board.untilAsleep((power) => counting(power, board.clock, 100, seen));
      assert.deepEqual(seen, [[5000, 0, cause, 1, 0]]);
      assert.equal(board.lines.wakeAtMs, 60_000);
    });
  }

  it("a version with a shorter interval begins it at its first burst, on the beat", async () => {
    const board = new Board();
    const cycle = (intervalMs: number) => (power: Power) =>
      power.dutyCycle({ intervalMs, deadlineMs: 100, state: 0, burst: () => undefined });
    await board.untilAsleep(cycle(86_400_000));
    await board.wake("software", 10_000);
    await board.untilAsleep(cycle(60_000));
    assert.equal(board.lines.wakeAtMs, 60_000);
    await board.wake();
    await board.untilAsleep(cycle(86_400_000));
    assert.equal(board.lines.wakeAtMs, 60_000 + 86_400_000);
  });

  it("a burst that ends well behind a long pause of failures, woken by a button, is followed by the next in an interval", async () => {
    const board = new Board();
    const hang = (power: Power) =>
      power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state: 0, burst: () => new Promise(() => {}) });
    for (let round = 0; round < 12; round++) {
      void hang(board.start()).catch(() => undefined);
      await board.clock.advance(10);
      board.lines.restart("watchdog");
      await board.untilAsleep(hang);
      if (round < 11) await board.wake();
    }
    assert.ok(board.lines.wakeAtMs! - board.lines.rtcNow() > 80_000_000);
    await board.wake("button", 10_000);
    const wokenMs = board.lines.rtcNow();
    await board.untilAsleep((power) => counting(power, board.clock, 100, []));
    const inMs = board.lines.wakeAtMs! - wokenMs;
    assert.ok(inMs > 0 && inMs <= 60_000, `${inMs}`);
  });

  it("leaves no timer behind a burst that has ended", async () => {
    const board = new Board();
    await board.untilAsleep((power) => counting(power, board.clock, 100, []));
    assert.equal(board.clock.pending, 0);
  });

  it("says in one line why a burst failed, whatever was thrown", async () => {
    const lost = new HciError("controller-not-ready", "The controller does not pull CTS down.");
    for (const [thrown, text] of [
      [lost, "HciError: The controller does not pull CTS down. (controller-not-ready)"],
      [new TypeError("no sensor"), "TypeError: no sensor"],
      ["a string", "a string"],
      [undefined, "undefined"],
    ] as const) {
      const board = new Board();
      const burst = (): void => {
        throw thrown;
      };
      await board.untilAsleep((power) =>
        power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state: 0, burst }),
      );
      assert.deepEqual(board.log, [`power: the burst failed: ${text}; the camera sleeps all the same`]);
    }
  });

  it("an onLowBattery that throws, or does not end, is called by its name", async () => {
    for (const [onLowBattery, text] of [
      [
        () => {
          throw new Error("no line");
        },
        "Error: no line",
      ],
      [
        () => new Promise<void>(() => {}),
        "Error: onLowBattery did not end 1000 ms after its deadline of 500 ms",
      ],
    ] as const) {
      const board = new Board();
      board.lines.volts = 3.1;
      await board.untilAsleep((power) =>
        power.dutyCycle({
          ...{ intervalMs: 60_000, deadlineMs: 500, state: 0, lowVolts: 3.3, onLowBattery },
          burst: () => assert.fail("a burst on a low battery"),
        }),
      );
      assert.equal(board.log.at(-1), `power: onLowBattery failed: ${text}; the camera sleeps all the same`);
    }
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
    // Nor does it keep the next one from running.
    await board.wake();
    await board.untilAsleep((power) =>
      power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state: 0, burst: () => void bursts++ }),
    );
    assert.equal(bursts, 2);
    assert.ok(board.log.some((line) => line.includes("that a burst begins cannot be kept")));
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
