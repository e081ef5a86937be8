import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createAbort } from "../../../firmware/platform/abort.ts";
import { VirtualClock } from "../../../simulator/clock.ts";

const shared = createAbort(new VirtualClock(), (error) => {
  throw error;
});

/** The same expectations hold for ours and for the engine's own, which shows that they are right. */
const subjects = [
  { name: "ours", AbortController: shared.AbortController, AbortSignal: shared.AbortSignal },
  {
    name: "the engine's own",
    AbortController: globalThis.AbortController,
    AbortSignal: globalThis.AbortSignal,
  },
].filter((subject) => subject.AbortController !== undefined);

/** Asserting on the property itself would narrow its type for the lines that follow. */
const reasonOf = (signal: AbortSignal): unknown => signal.reason;

for (const { name, AbortController, AbortSignal } of subjects) {
  describe(`AbortController and AbortSignal, ${name}`, () => {
    it("abort once, with an AbortError", () => {
      const controller = new AbortController();
      const { signal } = controller;
      const events: string[] = [];
      signal.addEventListener("abort", (event) => {
        events.push(`${event.type} ${event.target === signal} ${signal.aborted}`);
      });
      assert.equal(signal.aborted, false);
      assert.equal(reasonOf(signal), undefined);
      signal.throwIfAborted();

      controller.abort();
      const reason = reasonOf(signal);
      controller.abort("again");
      assert.equal(signal.aborted, true);
      assert.equal(reasonOf(signal), reason);
      assert.ok(reason instanceof Error);
      assert.equal(reason.name, "AbortError");
      assert.equal(reason.message, "This operation was aborted");
      assert.deepEqual(events, ["abort true true"]);
      assert.throws(() => signal.throwIfAborted(), reason);
      assert.ok(signal instanceof AbortSignal);
    });

    it("keep the reason that was given, null and falsy ones too", () => {
      for (const reason of [new Error("mine"), "text", 0, null, false]) {
        const controller = new AbortController();
        controller.abort(reason);
        assert.equal(controller.signal.reason, reason);
        assert.equal(AbortSignal.abort(reason).reason, reason);
      }
      assert.equal(AbortSignal.abort().reason.name, "AbortError");
      assert.equal(AbortSignal.abort().aborted, true);
    });

    it("call listeners in order, each once, and onabort in its turn", () => {
      const controller = new AbortController();
      const { signal } = controller;
      const calls: string[] = [];
      const twice = () => calls.push("twice");
      signal.addEventListener("abort", twice);
      signal.onabort = () => calls.push("first handler");
      signal.addEventListener("abort", twice, { once: true });
      signal.addEventListener("abort", { handleEvent: (event) => calls.push(`object ${event.type}`) });
      signal.addEventListener(
        "abort",
        function (this: unknown) {
          calls.push(`this ${this === signal}`);
        },
        { once: true },
      );
      signal.onabort = () => calls.push("second handler");
      controller.abort();
      assert.deepEqual(calls, ["twice", "second handler", "object abort", "this true"]);
    });

    it("do not call what was removed, also by an earlier listener, nor what is added later", () => {
      const controller = new AbortController();
      const { signal } = controller;
      const calls: string[] = [];
      const before = () => calls.push("before");
      const during = () => calls.push("during");
      signal.addEventListener("abort", before);
      signal.addEventListener("abort", () => {
        calls.push("removing");
        signal.removeEventListener("abort", during);
        signal.onabort = null;
      });
      signal.addEventListener("abort", during);
      signal.onabort = () => calls.push("handler");
      signal.removeEventListener("abort", before);
      signal.removeEventListener("abort", () => {});
      controller.abort();
      signal.addEventListener("abort", () => calls.push("late"));
      assert.deepEqual(calls, ["removing"]);
    });

    it("cannot be made without a controller", () => {
      const Constructor = AbortSignal as unknown as new () => unknown;
      assert.throws(() => new Constructor(), { name: "TypeError", message: /Illegal constructor/ });
    });

    it("any: follows the first of its sources, after the source's own listeners", () => {
      const first = new AbortController();
      const second = new AbortController();
      const any = AbortSignal.any([first.signal, second.signal]);
      const nested = AbortSignal.any([any]);
      const calls: string[] = [];
      any.addEventListener("abort", () => calls.push(`any ${any.reason}`));
      nested.addEventListener("abort", () => calls.push(`nested ${nested.reason}`));
      second.signal.addEventListener("abort", () => calls.push("source"));
      assert.equal(any.aborted, false);
      second.abort("second");
      first.abort("too late");
      assert.deepEqual(calls, ["source", "any second", "nested second"]);
      assert.equal(any.reason, "second");
      assert.equal(AbortSignal.any([]).aborted, false);
    });

    it("any: takes the reason of the source that was aborted first, asked or not", () => {
      const controllers = [new AbortController(), new AbortController()] as const;
      const any = AbortSignal.any(controllers.map(({ signal }) => signal));
      controllers[1].abort("earlier");
      controllers[0].abort("later");
      assert.equal(any.reason, "earlier");
      assert.equal(any.aborted, true);

      const aborted = AbortSignal.any([
        new AbortController().signal,
        controllers[0].signal,
        controllers[1].signal,
      ]);
      assert.equal(aborted.reason, "later");
      assert.throws(() => AbortSignal.any(["no signal"] as never), TypeError);
    });

    it("timeout: refuses what is no delay", () => {
      for (const delay of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => AbortSignal.timeout(delay), RangeError);
      }
      assert.throws(() => AbortSignal.timeout("1" as never), TypeError);
    });
  });
}

describe("AbortSignal, ours", () => {
  function create() {
    const clock = new VirtualClock();
    const reported: unknown[] = [];
    return { clock, reported, ...createAbort(clock, (error) => reported.push(error)) };
  }

  it("aborts with a TimeoutError after its time", async () => {
    const { clock, AbortSignal } = create();
    const signal = AbortSignal.timeout(50);
    const names: string[] = [];
    signal.addEventListener("abort", () => names.push(signal.reason.name));
    await clock.advance(49.9);
    assert.equal(signal.aborted, false);
    await clock.advance(0.1);
    assert.deepEqual(names, ["TimeoutError"]);
    assert.equal(signal.reason.message, "The operation was aborted due to timeout");
  });

  it("reports what a listener throws and calls the others", () => {
    const { reported, AbortController } = create();
    const controller = new AbortController();
    const calls: string[] = [];
    const failure = new Error("listener");
    controller.signal.onabort = () => {
      throw failure;
    };
    controller.signal.addEventListener("abort", () => calls.push("other"));
    controller.abort();
    assert.deepEqual(calls, ["other"]);
    assert.deepEqual(reported, [failure]);
  });

  // The next two follow the standard of today; Node 20 differs.
  it("does not call listeners that are added while it calls", () => {
    const { AbortController } = create();
    const controller = new AbortController();
    const calls: string[] = [];
    controller.signal.addEventListener("abort", () => {
      calls.push("first");
      controller.signal.addEventListener("abort", () => calls.push("added"));
    });
    controller.abort();
    assert.deepEqual(calls, ["first"]);
  });

  it("is aborted with its source before the source's listeners are called", () => {
    const { AbortController, AbortSignal } = create();
    const first = new AbortController();
    const second = new AbortController();
    const any = AbortSignal.any([first.signal, second.signal]);
    const calls: string[] = [];
    any.addEventListener("abort", () => calls.push(`any ${any.reason}`));
    second.signal.addEventListener("abort", () => {
      calls.push(`source, any aborted ${any.aborted}`);
      first.abort("too late");
    });
    second.abort("second");
    assert.deepEqual(calls, ["source, any aborted true", "any second"]);
  });

  it("is not kept by its sources once its listeners are gone", () => {
    const { AbortController, AbortSignal } = create();
    const { signal } = new AbortController();
    const count = () => (signal as unknown as { followers?: Set<unknown> }).followers?.size ?? 0;
    const any = AbortSignal.any([signal]);
    const listener = () => {};
    assert.equal(count(), 0);
    any.addEventListener("abort", listener);
    any.onabort = listener;
    assert.equal(count(), 1);
    any.removeEventListener("abort", listener);
    assert.equal(count(), 1);
    any.onabort = null;
    assert.equal(count(), 0);
  });

  it("takes no timer for a timeout that nobody listens to, and is aborted in time all the same", () => {
    const { clock, AbortSignal } = create();
    const signals = Array.from({ length: 1000 }, (_, i) => AbortSignal.timeout(i));
    assert.equal(clock.pendingPeak, 0);
    clock.elapse(499.5);
    assert.equal(signals.filter(({ aborted }) => aborted).length, 500);
    assert.equal(signals[499]!.reason.name, "TimeoutError");
    assert.equal(signals[499]!.reason, signals[499]!.reason, "one reason");
    assert.equal(signals[500]!.reason, undefined);
    assert.throws(() => signals[0]!.throwIfAborted(), { name: "TimeoutError" });
  });

  it("holds a timer for a timeout while somebody listens, directly or to a signal that follows it", async () => {
    const { clock, AbortController, AbortSignal } = create();
    const timeout = AbortSignal.timeout(100);
    const any = AbortSignal.any([timeout, new AbortController().signal]);
    const listener = () => {};
    assert.equal(clock.pending, 0);
    timeout.addEventListener("abort", listener);
    any.addEventListener("abort", listener);
    assert.equal(clock.pending, 1);
    timeout.removeEventListener("abort", listener);
    assert.equal(clock.pending, 1);
    any.removeEventListener("abort", listener);
    assert.equal(clock.pending, 0);
    const calls: string[] = [];
    any.onabort = () => calls.push(any.reason.name);
    await clock.advance(99);
    assert.deepEqual([timeout.aborted, any.aborted, calls], [false, false, []]);
    await clock.advance(1);
    assert.deepEqual([timeout.aborted, any.aborted, calls], [true, true, ["TimeoutError"]]);
    assert.equal(clock.pending, 0);
  });

  it("follows the source that was aborted first, also when nobody listened to it then", () => {
    const { clock, AbortController, AbortSignal } = create();
    const controller = new AbortController();
    const any = AbortSignal.any([controller.signal, AbortSignal.timeout(10)]);
    const other = AbortSignal.any([controller.signal, AbortSignal.timeout(30)]);
    clock.elapse(20);
    controller.abort("by hand");
    clock.elapse(20);
    assert.equal(any.reason.name, "TimeoutError");
    assert.equal(other.reason, "by hand");
  });

  it("keeps no listener when there is no timer for it", async () => {
    const { clock, AbortSignal } = create();
    const signal = AbortSignal.timeout(10);
    const calls: string[] = [];
    const { setTimer } = clock;
    clock.setTimer = () => {
      throw new RangeError("no timer");
    };
    assert.throws(() => signal.addEventListener("abort", () => calls.push("refused")), RangeError);
    clock.setTimer = setTimer;
    signal.addEventListener("abort", () => calls.push("listens"));
    await clock.advance(10);
    assert.deepEqual(calls, ["listens"]);
  });
});
