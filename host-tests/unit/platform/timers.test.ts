import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Timer } from "../../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../../firmware/platform/timer-queue.ts";
import { APPLICATION_TIMERS, createTimers, type Timers } from "../../../firmware/platform/timers.ts";
import { VirtualClock } from "../../../simulator/clock.ts";

const DAY_MS = 86_400_000;

function create(most?: number) {
  const clock = new VirtualClock();
  const reported: unknown[] = [];
  const report = (error: unknown): void => void reported.push(error);
  return { clock, reported, ...createTimers(createTimerQueue(clock), report, most) };
}

/** One scenario for ours and Node's: what is called, in which order, with which arguments. */
async function play(timers: Timers, until: (condition: () => boolean) => Promise<void>): Promise<string[]> {
  const calls: string[] = [];
  const call = (...values: unknown[]): void => {
    calls.push(values.join(" "));
  };
  const { setTimeout, setInterval, clearTimeout, clearInterval } = timers;
  setTimeout(call, 30, "third", 1, null);
  setTimeout(call, 10, "first");
  setTimeout(call, 10, "second");
  setTimeout(call, 0, "zero");
  setTimeout(call, -5, "negative");
  setTimeout(call, Number.NaN, "not a number");
  setTimeout(call, undefined, "undefined");
  setTimeout(call, "1" as never, "text");
  clearTimeout(setTimeout(call, 5, "cleared"));
  clearInterval(setTimeout(call, 5, "cleared as an interval"));
  clearTimeout(undefined);
  clearTimeout(null as never);
  clearTimeout({} as never);
  let turns = 0;
  const interval = setInterval(
    (text: string) => {
      call(text, turns);
      if (++turns === 3) clearInterval(interval);
    },
    40,
    "interval",
  );
  for (const callback of [undefined, "code", {}]) {
    assert.throws(() => setTimeout(callback as never, 1), TypeError);
    assert.throws(() => setInterval(callback as never, 1), TypeError);
  }
  await until(() => turns === 3);
  setTimeout(() => {
    setTimeout(call, 1, "inner");
    call("outer");
  }, 1);
  setTimeout(call, 1, "neighbour");
  await until(() => calls.includes("inner") && calls.includes("neighbour"));
  return calls;
}

describe("timers of applications", () => {
  /** Holds for ours and for the engine's own, which shows that it is right. */
  const transcript = [
    "zero",
    "negative",
    "not a number",
    "undefined",
    "text",
    "first",
    "second",
    "third 1 ",
    "interval 0",
    "interval 1",
    "interval 2",
    "outer",
    "neighbour",
    "inner",
  ];

  it("call in the standard's order", async () => {
    const { clock, reported, ...timers } = create();
    const calls = await play(timers, async (condition) => {
      for (let i = 0; i < 1000 && !condition(); i++) {
        await clock.advance(1);
        await Promise.resolve();
      }
    });
    assert.deepEqual(calls, transcript);
    assert.deepEqual(reported, []);
  });

  if (globalThis.setTimeout !== undefined) {
    // On a busy machine timers of different delays are overdue together, and Node then goes by delay: asked again.
    it("call in the standard's order, the engine's own", async () => {
      let calls: string[] = [];
      for (let attempt = 0; attempt < 100 && calls.join() !== transcript.join(); attempt++) {
        calls = await play(globalThis as unknown as Timers, async (condition) => {
          while (!condition()) await new Promise((resolve) => globalThis.setTimeout(resolve, 1));
        });
      }
      assert.deepEqual(calls, transcript);
    });
  }

  it("let promise jobs run between two timers of the same moment", async () => {
    // A clock as the native one: promise jobs run after each of its calls.
    const clock = new VirtualClock();
    const { setTimeout } = createTimers(createTimerQueue(clock), (error) => assert.fail(String(error)));
    const calls: string[] = [];
    setTimeout(() => {
      calls.push("timer");
      void Promise.resolve().then(() => calls.push("job"));
    }, 1);
    setTimeout(() => calls.push("neighbour"), 1);
    await clock.advance(1);
    assert.deepEqual(calls, ["timer", "job", "neighbour"]);
  });

  it("give handles from 1 upward", () => {
    const { setTimeout, setInterval } = create();
    assert.deepEqual([setTimeout(() => {}, 1), setInterval(() => {}, 1), setTimeout(() => {})], [1, 2, 3]);
  });

  it("truncate delays and know no longest one", async () => {
    const { clock, setTimeout } = create();
    const calls: string[] = [];
    setTimeout(() => calls.push("2.9"), 2.9);
    setTimeout(() => calls.push("30 days"), 30 * DAY_MS);
    setTimeout(() => calls.push("never"), Number.POSITIVE_INFINITY);
    await clock.advance(2);
    assert.deepEqual(calls, ["2.9"]);
    await clock.advance(30 * DAY_MS - 3);
    assert.deepEqual(calls, ["2.9"]);
    await clock.advance(1);
    assert.deepEqual(calls, ["2.9", "30 days"]);
    await clock.advance(36_500 * DAY_MS);
    assert.deepEqual(calls, ["2.9", "30 days"]);
  });

  it("keep an interval's rhythm and make up for nothing", async () => {
    const { clock, setInterval } = create();
    const calls: number[] = [];
    setInterval(() => {
      calls.push(clock.now());
      clock.elapse(calls.length === 3 ? 250 : 30);
    }, 100);
    await clock.advance(900);
    assert.deepEqual(calls, [100, 200, 300, 600, 700, 800, 900]);
  });

  it("report what a callback throws and go on", async () => {
    const { clock, reported, setInterval, setTimeout } = create();
    const failure = new Error("callback");
    setTimeout(() => {
      throw failure;
    }, 1);
    let turns = 0;
    setInterval(() => {
      turns++;
      throw failure;
    }, 10);
    await clock.advance(30);
    assert.equal(turns, 3);
    assert.deepEqual(reported, [failure, failure, failure, failure]);
  });

  it("take one timer of the clock, however many there are", async () => {
    const { clock, setTimeout, clearTimeout } = create(500);
    const calls: number[] = [];
    for (let i = 0; i < 500; i++) {
      const handle = setTimeout(() => calls.push(i), 1 + ((i * 7919) % 500));
      if (i % 3 === 0) clearTimeout(handle);
    }
    assert.equal(clock.pendingPeak, 1);
    await clock.advance(500);
    assert.equal(clock.pendingPeak, 1);
    assert.equal(clock.pending, 0);
    const expected = Array.from({ length: 500 }, (_, i) => i).filter((i) => i % 3 !== 0);
    expected.sort((a, b) => ((a * 7919) % 500) - ((b * 7919) % 500));
    assert.deepEqual(calls, expected);
  });

  it("leave no timer of the clock behind when all are cleared", () => {
    const { clock, setTimeout, clearTimeout } = create();
    const handles = [setTimeout(() => {}, 5), setTimeout(() => {}, 3)];
    for (const handle of handles) clearTimeout(handle);
    assert.equal(clock.pending, 0);
  });
});

describe("the timer queue", () => {
  /** A clock that has `room` timers, and refuses more as the native one does. */
  class ScarceClock extends VirtualClock {
    room = 1;

    override setTimer(callback: () => void, delayMs: number): Timer {
      if (this.pending >= this.room) throw new RangeError("timerSet: too many timers at once");
      return super.setTimer(callback, delayMs);
    }
  }

  it("serves hundreds of timers from the only one that its clock has", async () => {
    const clock = new ScarceClock();
    const queue = createTimerQueue(clock);
    const calls: number[] = [];
    const timers = Array.from({ length: 600 }, (_, i) =>
      queue.setTimer(() => calls.push(i), (i * 7919) % 600),
    );
    for (const [i, timer] of timers.entries()) if (i % 2 === 0) queue.clearTimer(timer);
    await clock.advance(600);
    const expected = Array.from({ length: 300 }, (_, i) => i * 2 + 1);
    assert.deepEqual(
      calls,
      expected.sort((a, b) => ((a * 7919) % 600) - ((b * 7919) % 600)),
    );
    assert.equal(clock.pending, 0);
  });

  it("calls timers of the same moment in the order in which they were set, whatever was cleared between", async () => {
    const clock = new VirtualClock();
    const queue = createTimerQueue(clock);
    const calls: number[] = [];
    const timers = [0, 1, 2, 3, 4, 5].map((i) => queue.setTimer(() => calls.push(i), 10));
    queue.setTimer(() => calls.push(-1), 5);
    queue.clearTimer(timers[0]);
    queue.clearTimer(timers[3]);
    queue.clearTimer(timers[3]);
    await clock.advance(10);
    assert.deepEqual(calls, [-1, 1, 2, 4, 5]);
  });

  it("keeps what it has when its clock refuses a timer, and catches up when there is one again", async () => {
    const clock = new ScarceClock();
    const queue = createTimerQueue(clock);
    const calls: string[] = [];
    queue.setTimer(() => {
      calls.push("first");
      clock.room = 0;
    }, 10);
    queue.setTimer(() => calls.push("second"), 20);
    await assert.rejects(clock.advance(30), RangeError);
    assert.throws(() => queue.setTimer(() => calls.push("refused"), 1), RangeError);
    clock.elapse(20);
    assert.deepEqual([calls, clock.pending], [["first"], 0]);
    clock.room = 1;
    queue.setTimer(() => calls.push("third"), 5);
    await clock.advance(5);
    assert.deepEqual(calls, ["first", "second", "third"]);
    assert.equal(clock.pending, 0);
  });

  it("goes on after a callback that throws", async () => {
    const clock = new VirtualClock();
    const queue = createTimerQueue(clock);
    const calls: string[] = [];
    queue.setTimer(() => {
      throw new Error("from a callback");
    }, 1);
    queue.setTimer(() => calls.push("next"), 1);
    await assert.rejects(clock.advance(1), /from a callback/);
    await clock.advance(1);
    assert.deepEqual(calls, ["next"]);
  });
});

describe("the bound of an application's timers", () => {
  it("refuses the 101st with a sentence, and takes it when another has ended", async () => {
    const { clock, setInterval, setTimeout, clearInterval } = create();
    const interval = setInterval(() => {}, 1000);
    for (let i = 1; i < APPLICATION_TIMERS; i++) setTimeout(() => {}, i);
    const refusal = /100 timers are set, which is all there is room for: clear those that are not needed/;
    assert.throws(() => setTimeout(() => {}, 1), { name: "RangeError", message: refusal });
    assert.throws(() => setInterval(() => {}, 1), { name: "RangeError", message: refusal });
    await clock.advance(1);
    setTimeout(() => {}, 1);
    clearInterval(interval);
    setInterval(() => {}, 1);
    assert.throws(() => setTimeout(() => {}, 1), RangeError);
  });
});
