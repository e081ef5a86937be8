/** What guards cost: `connection.timeout(ms)`, `AbortSignal.timeout` and deadlines in loops that run for ever. */

import { UUID } from "../../firmware/ble/uuid.ts";
import type { Clock, Timer } from "../../firmware/platform/platform.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { heapUsed } from "../support/heap.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = 0xfff0;
const STATE = 0xfff1;
const CAPTURED = 0xfff2;

/** A clock with one timer, as scarce as a native clock can be. */
class OneTimer implements Clock {
  set = 0;
  private readonly clock: Clock;
  private current: Timer;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): number {
    return this.clock.now();
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    if (this.set > 0) throw new RangeError("timerSet: more than one timer at once");
    this.set++;
    const expire = (): void => {
      this.set--;
      callback();
    };
    this.current = this.clock.setTimer(expire, delayMs);
    return this.current;
  }

  clearTimer(timer: Timer): void {
    if (timer === this.current) this.set--;
    this.clock.clearTimer(timer);
  }
}

function createScene() {
  const world = createWorld();
  let clock!: OneTimer;
  const camera = addAioble(world, {}, (simulated) => {
    clock = new OneTimer(simulated);
    return clock;
  });
  // The look at controllers that say nothing is not one of the timers that guards set.
  camera.host.hci.silenceMs = 0;
  const { advertise, Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(SERVICE));
  const state = new Characteristic(service, new UUID(STATE), { write: true, writeNoResponse: true });
  const captured = new Characteristic(service, new UUID(CAPTURED), { write: true, capture: true });
  registerServices(service);
  const { phone } = world.addPhone();
  const meet = async () => {
    const advertised = advertise({ intervalUs: 20_000, name: "obscura" });
    const link = await phone.connect(await phone.find({ name: "obscura" }), { intervalMs: 7.5 });
    const database = await link.discover();
    const handleOf = (uuid: number) => database.characteristic(uuid).handle;
    return { link, connection: await advertised, state: handleOf(STATE), captured: handleOf(CAPTURED) };
  };
  return { world, clock, camera, state, captured, meet };
}

type Scene = ReturnType<typeof createScene>;
type Met = Awaited<ReturnType<Scene["meet"]>>;

const WRITES = 300;
const WARM_UP = 20;

/** Each takes one write under a guard, as an application would in a loop. */
const LOOPS: Record<string, (scene: Scene, met: Met) => Promise<unknown>> = {
  "connection.timeout(ms)": ({ state }, { connection }) =>
    state.written({ signal: connection.timeout(10_000) }),
  "connection.timeout(ms) of a minute": ({ captured }, { connection }) =>
    captured.written({ signal: connection.timeout(60_000) }).then(({ data }) => data),
  "connection.timeout()": ({ state }, { connection }) => state.written({ signal: connection.timeout() }),
  "AbortSignal.timeout(ms)": ({ state, camera }) =>
    state.written({ signal: camera.globals.AbortSignal.timeout(10_000) }),
  "AbortSignal.any of both": ({ state, camera }, { connection }) => {
    const { AbortSignal } = camera.globals;
    const link = connection.timeout(10_000) as InstanceType<typeof AbortSignal>;
    return state.written({ signal: AbortSignal.any([link, AbortSignal.timeout(20_000)]) });
  },
  timeoutMs: ({ state }) => state.written({ timeoutMs: 10_000 }),
  "two guards at a time": ({ state }, { connection }) =>
    state.written({ timeoutMs: 20_000, signal: connection.timeout(10_000) }),
};

describe("guards: a loop that takes one write under a guard, for ever", () => {
  for (const [name, take] of Object.entries(LOOPS)) {
    it(`${name}: leaves no timer and no wait behind, and the heap is flat`, async () => {
      const scene = createScene();
      const { world, clock, camera, meet } = scene;
      await world.run(async () => {
        const met = await meet();
        const handle = name.includes("minute") ? met.captured : met.state;
        const { members } = met.connection.scope;
        const settled = [members.size, clock.set];
        let before: number | undefined;
        for (let count = 0; count < WRITES; count++) {
          if (count === WARM_UP) before = heapUsed();
          const taken = take(scene, met);
          await met.link.write(handle, new Uint8Array([count & 0xff]));
          await taken;
          // The phone remembers every frame; that is not what is measured.
          met.link.frames.length = 0;
          deepEqual([members.size, clock.set], settled, `after write ${count}`);
        }
        const after = heapUsed();
        if (before !== undefined && after !== undefined) {
          ok(after - before < 20 * (WRITES - WARM_UP), `the heap grew by ${after - before} bytes`);
        }
      }, 1e7);
      deepEqual(diagnostics(camera), []);
    });
  }

  it("300 guarded waits at a time, on one native timer: each ends in its own time", async () => {
    const { world, clock, state, camera, meet } = createScene();
    await world.run(async () => {
      const { connection } = await meet();
      const start = world.clock.now();
      const ends: number[] = [];
      const waits = Array.from({ length: 300 }, (_, at) => {
        const delayMs = 1000 + ((at * 7919) % 300);
        const guard =
          at % 3 === 0
            ? { timeoutMs: delayMs }
            : {
                signal:
                  at % 3 === 1 ? connection.timeout(delayMs) : camera.globals.AbortSignal.timeout(delayMs),
              };
        return rejects(state.written(guard), { name: "TimeoutError" }).then(() => {
          ends.push(Math.round(world.clock.now() - start) - delayMs);
        });
      });
      equal(clock.set, 1);
      await Promise.all(waits);
      equal(ends.length, 300);
      deepEqual([...new Set(ends)], [0]);
      equal(connection.scope.members.size, 0);
    });
  });
});

describe("guards: what they guard", () => {
  it("end with the link whatever listens, each signal once, and hold nothing afterwards", async () => {
    const { world, clock, state, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      const [idle, heard] = [connection.timeout(60_000), connection.timeout(60_000)];
      let calls = 0;
      heard.addEventListener("abort", () => calls++);
      const waiting = rejects(state.written({ signal: connection.timeout(60_000) }), {
        code: "device-disconnected",
        reason: 0x13,
      });
      await link.disconnect();
      await waiting;
      await world.clock.sleep(100);
      equal(calls, 1);
      for (const signal of [idle, heard]) {
        deepEqual((signal.reason as { reason: number }).reason, 0x13);
      }
      deepEqual([connection.scope.members.size, clock.set], [0, 0]);
      await world.clock.sleep(120_000);
      equal(calls, 1);
    });
  });

  it("a guard that expired before the link ended says timeout, also when it is asked later", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      const [short, long] = [connection.timeout(50), connection.timeout(5000)];
      await world.clock.sleep(100);
      await link.disconnect();
      await world.clock.sleep(100);
      const reasons = [short, long].map((signal) => (signal.reason as { code: string }).code);
      deepEqual(reasons, ["timeout", "device-disconnected"]);
    });
  });
});
