import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { VirtualClock } from "../../../simulator/clock.ts";

describe("virtual clock", () => {
  it("runs timers in the order of their times, and of their making at the same time", async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name} ${clock.now()}`);
    clock.setTimer(note("c"), 20);
    clock.setTimer(note("a"), 10);
    clock.setTimer(note("b"), 10);
    clock.setTimer(note("late"), 30.5);
    await clock.advance(30);
    assert.deepEqual(ran, ["a 10", "b 10", "c 20"]);
    assert.equal(clock.now(), 30);
    await clock.advance(1);
    assert.equal(ran[3], "late 30.5");
  });

  it("takes a thousand timers in random order", async () => {
    const clock = new VirtualClock();
    const delays = Array.from({ length: 1000 }, (_, index) => (index * 7919) % 1009);
    const ran: number[] = [];
    for (const delay of delays) clock.setTimer(() => ran.push(delay), delay);
    await clock.advance(2000);
    assert.deepEqual(
      ran,
      [...delays].sort((a, b) => a - b),
    );
  });

  it("does not run a timer that was cleared", async () => {
    const clock = new VirtualClock();
    const timer = clock.setTimer(() => assert.fail("ran"), 5);
    clock.clearTimer(timer);
    clock.clearTimer(undefined);
    await clock.advance(10);
  });

  it("lets every promise job run before time goes on", async () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    async function deep(levels: number): Promise<void> {
      for (let level = 0; level < levels; level++) await Promise.resolve();
      seen.push(clock.now());
    }
    clock.setTimer(() => void deep(500), 10);
    clock.setTimer(() => seen.push(-clock.now()), 10.001);
    await clock.advance(20);
    assert.deepEqual(seen, [10, -10.001]);
  });

  it("runs a scenario to its end and returns its value", async () => {
    const clock = new VirtualClock();
    const value = await clock.run(async () => {
      await clock.sleep(86_400_000);
      return clock.now();
    }, 1e9);
    assert.equal(value, 86_400_000);
  });

  it("passes on what a scenario throws", async () => {
    const clock = new VirtualClock();
    await assert.rejects(
      clock.run(async () => {
        await clock.sleep(1);
        throw new RangeError("mine");
      }),
      RangeError,
    );
  });

  it("says so when nothing can wake a scenario, or its limit passes", async () => {
    const clock = new VirtualClock();
    await assert.rejects(
      clock.run(() => new Promise(() => {})),
      /nothing is left to happen/,
    );
    const other = new VirtualClock();
    await assert.rejects(
      other.run(() => other.sleep(5000), 1000),
      /waits after 1000 ms/,
    );
  });

  it("refuses to run twice at once", async () => {
    const clock = new VirtualClock();
    await assert.rejects(
      clock.run(() => clock.advance(1)),
      /runs already/,
    );
  });
});
