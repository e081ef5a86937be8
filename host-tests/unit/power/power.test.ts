/** The module `power`: deep sleep, what survives it, and the duty cycle, through simulated resets, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createSignals } from "../../../firmware/platform/globals.ts";
import type { ResetCause } from "../../../firmware/platform/platform.ts";
import type { Json } from "../../../firmware/power/index.ts";
import { createPower, type Power } from "../../../firmware/power/power.ts";
import { Retained } from "../../../firmware/power/retained.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { DEFAULT_FLASH, SimulatedFlash } from "../../../simulator/flash.ts";
import { SimulatedPower } from "../../../simulator/power.ts";
import { MemoryRecords } from "../../support/cameras.ts";

/** Text of ASCII as bytes: the engine on a camera has neither TextEncoder nor TextDecoder. */
const ascii = {
  encode: (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0)),
  decode: (bytes: Uint8Array): string => Array.from(bytes, (code) => String.fromCharCode(code)).join(""),
};

/** A board that can be started again and again. */
class Board {
  readonly clock = new VirtualClock();
  readonly lines: SimulatedPower;
  readonly records = new MemoryRecords();
  readonly log: string[] = [];
  radioIsOn = false;
  /** Whether the program that runs has used it. */
  radioIsUsed = false;
  /** For how long the radio had been off where its start began early. */
  readonly prepared: number[] = [];

  constructor(retainedBytes?: number) {
    this.lines = new SimulatedPower(this.clock, retainedBytes);
  }

  /** The module as an application finds it after this start. */
  start(): Power {
    const { clock, lines, log, records } = this;
    this.radioIsOn = true;
    const write = (_level: string, message: string): void => void log.push(message);
    return createPower({
      lines,
      retained: new Retained({
        ...ascii,
        lines,
        records,
        log: write,
      }),
      signals: createSignals({ clock, log: write } as never),
      wait: (delayMs, callback) => void clock.setTimer(callback, delayMs),
      radioOff: async () => {
        this.radioIsOn = false;
      },
      prepareRadio: (offForMs) => void this.prepared.push(offForMs),
      radioWasUsed: () => this.radioIsUsed,
      log: write,
      unsupported: (what) => {
        throw new Error(`${what} is not supported`);
      },
    });
  }

  /** Runs a program until the board sleeps. */
  async untilAsleep(program: (power: Power) => Promise<unknown>): Promise<void> {
    const power = this.start();
    const asleep = new Promise<void>((resolve, reject) => {
      this.lines.onAsleep = resolve;
      program(power).catch((error: Error) => {
        if (error.name !== "Asleep") reject(error);
      });
    });
    await this.clock.run(() => asleep);
    assert.ok(!this.radioIsOn, "asleep with the radio on");
  }

  /** Sleeps until it is due, or as long as given, and wakes. */
  async wake(cause: ResetCause = "timer", afterMs?: number): Promise<void> {
    const { lines, clock } = this;
    await clock.advance(afterMs ?? lines.wakeAtMs! - lines.rtcNow());
    lines.restart(cause);
  }
}

describe("power: deep sleep", () => {
  it("wakes when it is due, with the state and the cause", async () => {
    const board = new Board();
    await board.untilAsleep((power) => {
      assert.equal(power.wakeCause, "power-on");
      assert.equal(power.retainedState(), undefined);
      return power.deepSleep({ durationMs: 5000, state: { count: 1, name: "a" } });
    });
    assert.equal(board.lines.wakeAtMs, 5000);
    await board.wake();
    const power = board.start();
    assert.equal(power.wakeCause, "timer");
    assert.deepEqual(power.retainedState(), { count: 1, name: "a" });
    assert.equal(board.records.keys().length, 0, "no wear where memory is kept");
  });

  it("keeps on flash what is larger than the memory, and only one of both", async () => {
    const board = new Board(64);
    const large = "x".repeat(100);
    await board.untilAsleep((power) => power.deepSleep({ durationMs: 1, state: large }));
    assert.deepEqual(board.records.keys(), ["power/state"]);
    await board.wake();
    await board.untilAsleep((power) => {
      assert.equal(power.retainedState(), large);
      return power.deepSleep({ durationMs: 1, state: "small" });
    });
    assert.deepEqual(board.records.keys(), []);
    await board.wake();
    assert.equal(board.start().retainedState(), "small");
  });

  it("the loss of the supply takes what is in memory, not what is on flash", async () => {
    for (const [retainedBytes, kept] of [
      [1024, undefined],
      [0, "kept"],
    ] as const) {
      const board = new Board(retainedBytes);
      await board.untilAsleep((power) => power.deepSleep({ durationMs: 1000, state: "kept" }));
      await board.wake("power-on", 10);
      assert.equal(board.start().retainedState(), kept);
    }
  });

  it("memory that does not read as it was written is nothing", async () => {
    const board = new Board();
    await board.untilAsleep((power) => power.deepSleep({ durationMs: 1, state: [1, 2, 3] }));
    const whole = board.lines.readRetained();
    for (let bit = 0; bit < 15 * 8; bit++) {
      const damaged = whole.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      board.lines.writeRetained(damaged);
      const state = board.start().retainedState();
      assert.ok(state === undefined || JSON.stringify(state) === "[1,2,3]", `bit ${bit}`);
    }
  });

  it("a state of 4,000 bytes survives on flash, a power cut at any moment leaves it or the one before", async () => {
    const model = { ...DEFAULT_FLASH, size: 32_768 };
    const states = ["a", "b".repeat(3998), "c".repeat(1500), "d".repeat(3998), "e"];
    const write = (retained: Retained, state: string): void => retained.write({ app: state });
    const lines = new SimulatedPower(new VirtualClock(), 0);
    const open = (flash: SimulatedFlash): Retained => {
      const records = RecordStore.open(flash, () => undefined);
      return new Retained({ ...ascii, lines, records, log: () => undefined });
    };
    let flash = new SimulatedFlash(model);
    let cuts = 0;
    for (const [at, state] of states.entries()) {
      for (let operation = 0; ; operation++) {
        const torn = flash.restart();
        torn.cutAfter(operation);
        try {
          write(open(torn), state);
          break;
        } catch (error) {
          assert.equal((error as Error).name, "PowerCut");
        }
        cuts++;
        const again = torn.restart();
        const found = open(again).read()?.app;
        assert.ok(found === state || found === states[at - 1], `cut ${operation} of state ${at}`);
        // What was begun is in nobody's way.
        write(open(again), "f".repeat(3000));
        write(open(again), state);
        assert.equal(open(again).read()?.app, state);
      }
      write(open(flash), state);
      flash = flash.restart();
      assert.equal(open(flash).read()?.app, state);
    }
    assert.ok(cuts > 30, `${cuts}`);
    assert.deepEqual(
      RecordStore.open(flash, () => undefined).keys(),
      ["power/state"],
      "pieces that nobody needs are gone",
    );
  });

  it("refuses what cannot be, and stays awake", async () => {
    const power = new Board().start();
    const refused = (options: object, error: object) => assert.rejects(power.deepSleep(options), error);
    await refused({ durationMs: 0 }, { name: "RangeError", message: /durationMs is 0.*1 to 2592000000/ });
    await refused({ durationMs: 1.5 }, { name: "RangeError" });
    await refused(
      { durationMs: 1, wakeOn: ["sun"] },
      { name: "TypeError", message: /timer, motion, button/ },
    );
    await refused({ wakeOn: ["timer"] }, { name: "RangeError", message: /nothing would wake the camera/ });
    await refused(
      { durationMs: 1, state: "x".repeat(3999) },
      { name: "RangeError", message: /4001 bytes of JSON; at most 4000/ },
    );
    const noList = { name: "TypeError", message: /^wakeOn is a list of sources, such as \["motion"\]$/ };
    await refused({ durationMs: 1, wakeOn: "button" }, noList);
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    for (const state of [() => 1, 1n, { count: 1n }, cyclic]) {
      await refused(
        { durationMs: 1, state },
        { name: "TypeError", message: /^state is nothing that JSON can hold/ },
      );
    }
  });

  it("a source that the board is without is not supported; without options it waits for those that it has", async () => {
    const board = new Board();
    await board.untilAsleep((power) => power.deepSleep());
    assert.deepEqual(board.lines.sources, ["motion", "button"]);
    assert.equal(board.lines.wakeAtMs, Number.POSITIVE_INFINITY);
    const poor = new Board();
    poor.lines.wakeSources = ["timer"];
    await assert.rejects(poor.start().deepSleep({ wakeOn: ["button"] }), /Waking by button is not supported/);
  });
});

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

describe("power: the radio's early start", () => {
  const burst = async (board: Board): Promise<void> => {
    await board.untilAsleep((power) =>
      power.dutyCycle({ intervalMs: 60_000, deadlineMs: 1000, state: 0, burst: () => undefined }),
    );
  };

  it("begins at a wake by whatever source, when the burst before used the radio, and not at other starts", async () => {
    const board = new Board();
    await burst(board);
    await board.wake();
    await burst(board);
    assert.deepEqual(board.prepared, [], "the radio was not used");
    board.radioIsUsed = true;
    await board.wake();
    await burst(board);
    await board.wake("button", 300);
    await burst(board);
    assert.deepEqual(board.prepared, [300]);
    await board.wake();
    board.radioIsUsed = false;
    await burst(board);
    assert.equal(board.prepared.length, 2);
    await board.wake();
    await burst(board);
    assert.equal(board.prepared.length, 2, "the latest burst did not use it");
    board.radioIsUsed = true;
    await burst(board);
    await board.wake("software", 10);
    await burst(board);
    assert.equal(board.prepared.length, 2, "a reset is no wake");
  });

  it("after deepSleep with a state, for how long it was off is not known", async () => {
    const board = new Board();
    board.radioIsUsed = true;
    await board.untilAsleep((power) => power.deepSleep({ durationMs: 5000, state: 1 }));
    await board.wake();
    await board.untilAsleep((power) => power.deepSleep({ durationMs: 5000, state: 1 }));
    assert.deepEqual(board.prepared, [0]);
  });
});

describe("power: a low battery", () => {
  it("is an event as soon as it is measured, at once or later, and once", async () => {
    const board = new Board();
    const { clock, lines } = board;
    lines.volts = 3.3;
    const { lowBattery } = board.start();
    assert.equal(await lowBattery({ lowVolts: 3.4 }), 3.3);
    lines.volts = 3.4;
    let seen: number | undefined;
    void lowBattery({ lowVolts: 3.4, intervalMs: 1000 }).then((volts) => {
      seen = volts;
    });
    await clock.advance(5500);
    assert.equal(seen, undefined);
    lines.volts = 3.39;
    await clock.advance(499);
    assert.equal(seen, undefined);
    await clock.advance(2);
    assert.equal(seen, 3.39);
    assert.equal(clock.pending, 0);
  });

  it("ends with its signal, and is refused where it makes no sense", async () => {
    const board = new Board();
    const { clock, lines } = board;
    lines.volts = 3.7;
    const { lowBattery } = board.start();
    const abort = new AbortController();
    const waiting = lowBattery({ lowVolts: 3.4, intervalMs: 1000, signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(lowBattery({ lowVolts: 3.4, signal: abort.signal }), /enough/);
    await clock.advance(1001);
    assert.equal(clock.pending, 0);
    assert.throws(() => lowBattery({ lowVolts: 0 }), { name: "RangeError", message: /lowVolts is 0/ });
    assert.throws(() => lowBattery({ lowVolts: 3, intervalMs: 99 }), { name: "RangeError" });
    lines.volts = undefined;
    await assert.rejects(lowBattery({ lowVolts: 3.4 }), /Measuring the battery is not supported/);
  });
});
