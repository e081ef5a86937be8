/** The module `power`: deep sleep, what survives it, the early start and a low battery, through simulated resets, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Power } from "../../../firmware/power/power.ts";
import { Retained } from "../../../firmware/power/retained.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { DEFAULT_FLASH, SimulatedFlash } from "../../../simulator/flash.ts";
import { SimulatedPower } from "../../../simulator/power.ts";
import { ascii, Board } from "./board.ts";

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
    await refused(
      { durationMs: "1000" },
      { name: "TypeError", message: 'deepSleep: durationMs is "1000", which is no number' },
    );
    for (const [options, given] of [
      [5, "5"],
      ["", '""'],
      [[], "a list"],
      [null, "null"],
    ] as const) {
      await refused(options as never, {
        name: "TypeError",
        message: `deepSleep: options are an object, not ${given}`,
      });
    }
    for (const [source, given] of [
      [Symbol("sun"), "Symbol(sun)"],
      [["button"], "a list"],
      ["sun", '"sun"'],
    ] as const) {
      await refused(
        { durationMs: 1, wakeOn: [source] },
        { name: "TypeError", message: `wakeOn has ${given}; sources are timer, motion, button` },
      );
    }
    const noList = { name: "TypeError", message: /^deepSleep: wakeOn is ("button"|null), which is no list$/ };
    await refused({ durationMs: 1, wakeOn: "button" }, noList);
    await refused({ durationMs: 1, wakeOn: null }, noList);
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

  const BURST = { intervalMs: 60_000, deadlineMs: 1000, state: 0, burst: () => undefined };
  for (const [call, sleep] of [
    ["deepSleep for a time", (power) => power.deepSleep({ durationMs: 1000, state: "kept" })],
    ["deepSleep without a time", (power) => power.deepSleep({ state: "kept" })],
    ["dutyCycle", (power) => power.dutyCycle(BURST)],
  ] as const satisfies readonly (readonly [string, (power: Power) => Promise<never>])[]) {
    it(`on a board that cannot sleep ${call} is not supported, and nothing has ended`, async () => {
      const board = new Board();
      board.lines.wakeSources = [];
      const power = board.start();
      await board.clock.run(() => assert.rejects(async () => sleep(power), /Deep sleep is not supported/));
      assert.equal(board.radioIsOn, true);
      assert.equal(board.start().retainedState(), undefined);
    });
  }
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
    await clock.advance(1500);
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    assert.equal(clock.pending, 0, "nothing is left of the wait");
    await assert.rejects(lowBattery({ lowVolts: 3.4, signal: abort.signal }), /enough/);
    assert.equal(clock.pending, 0);
    assert.throws(() => lowBattery({ lowVolts: 0 }), { name: "RangeError", message: /lowVolts is 0/ });
    assert.throws(() => lowBattery({ lowVolts: 3, intervalMs: 99 }), { name: "RangeError" });
    lines.volts = undefined;
    await assert.rejects(lowBattery({ lowVolts: 3.4 }), /Measuring the battery is not supported/);
  });
});
