/** Controllers that cannot advertise, scan, connect and have links at the same time, and say so (Vol 4, Part E, 7.8.27). */
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 100_000 };
const LISTENING = { intervalUs: 30_000, windowUs: 30_000 };
const BUSY = { code: "controller-busy" };

/** All states and combinations that there are, but for some. */
function statesWithout(...bits: readonly number[]): Uint8Array {
  const states = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 0]);
  for (const bit of bits) states[bit >> 3] = states[bit >> 3]! & ~(1 << (bit & 7));
  return states;
}

/** A camera whose controller lacks these combinations, and another one. */
function createScene(...bits: readonly number[]) {
  const world = createWorld(3);
  const camera = addAioble(world, { controller: { leStates: statesWithout(...bits) } });
  const other = addAioble(world);
  const deviceOf = ({ aioble }: AiobleCamera, { host }: AiobleCamera) =>
    new aioble.Device(aioble.ADDR_RANDOM, host.ownAddress);
  return {
    world,
    camera,
    other,
    aioble: camera.aioble,
    sleep: (ms: number) => world.clock.sleep(ms),
    /** The first result of a scan. */
    scanOnce: async (active = false) => {
      for await (const result of camera.aioble.scan({ ...LISTENING, active, durationMs: 3000 }))
        return result;
      return undefined;
    },
    /** The other camera, as a device for this one. */
    device: () => deviceOf(camera, other),
    /** The other camera connects to this one. */
    join: () => deviceOf(other, camera).connect({ timeoutMs: 10_000 }),
    /** The other camera advertises until somebody connects. */
    offer: () => other.aioble.advertise(ADVERTISING),
  };
}

/** Ends a call of `advertise` by its signal. */
function stoppable({ aioble, signals }: AiobleCamera) {
  const aborter = new signals.AbortController();
  const ended = aioble
    .advertise({ ...ADVERTISING, signal: aborter.signal })
    .catch((error: unknown) => error as Error);
  return {
    async stop(): Promise<void> {
      aborter.abort(new Error("enough"));
      equal(((await ended) as Error).message, "enough");
    },
  };
}

describe("aioble: LE Supported States", () => {
  for (const [what, active, bit] of [
    ["passively", false, 10],
    ["actively", true, 14],
  ] as const) {
    it(`one that cannot scan ${what} while it advertises: scan() says so, and works once advertising has ended`, async () => {
      const { world, camera, offer, scanOnce, sleep } = createScene(bit);
      await world.run(async () => {
        offer().catch(() => undefined);
        const advertising = stoppable(camera);
        await sleep(200);
        await rejects(scanOnce(active), BUSY);
        await advertising.stop();
        ok(await scanOnce(active));
        deepEqual(camera.controller.violations, []);
      });
    });
  }

  it("the other kind of scan is not concerned", async () => {
    const { world, camera, offer, scanOnce, sleep } = createScene(10);
    await world.run(async () => {
      offer().catch(() => undefined);
      const advertising = stoppable(camera);
      await sleep(200);
      ok(await scanOnce(true));
      await advertising.stop();
    });
  });

  it("one that cannot advertise while it scans: advertise() says so, connections() waits for the scan's end", async () => {
    const { world, camera, aioble, join, sleep } = createScene(10);
    await world.run(async () => {
      const scan = aioble.scan({ ...LISTENING, duplicates: "packets" });
      const step = scan.next();
      await sleep(200);
      await rejects(aioble.advertise(ADVERTISING), BUSY);
      await rejects(aioble.advertise({ ...ADVERTISING, timeoutMs: 5000 }), BUSY);
      const stream = aioble.connections(ADVERTISING);
      const next = stream.next();
      await sleep(3000);
      ok(!camera.host.advertiser.advertising || diagnostics(camera).length === 1);
      equal(diagnostics(camera).filter((line) => line.includes("while it scans")).length, 1);
      await scan.cancel();
      await step;
      const [link, { value }] = await Promise.all([join(), next]);
      ok(value.isConnected());
      await link.disconnect();
      await stream.return();
    });
  });

  it("a broadcast that is not connectable has a combination of its own (8)", async () => {
    const { world, aioble, offer, scanOnce, sleep } = createScene(8);
    await world.run(async () => {
      offer().catch(() => undefined);
      const broadcaster = await aioble.broadcast(ADVERTISING);
      await sleep(200);
      await rejects(scanOnce(), BUSY);
      await broadcaster.stop();
      ok(await scanOnce());
    });
  });

  it("one that cannot look for a device while it scans (22): the scan pauses, and goes on", async () => {
    const { world, camera, aioble, device, offer, sleep } = createScene(22);
    await world.run(async () => {
      const offered = offer();
      const scan = aioble.scan({ ...LISTENING, duplicates: "packets" });
      ok(!(await scan.next()).done);
      const connection = await device().connect({ timeoutMs: 10_000 });
      await offered;
      const beacon = await addAioble(world).aioble.broadcast(ADVERTISING);
      const { value } = await scan.next();
      ok(value, "the scan goes on beside the link");
      await sleep(100);
      await connection.disconnect();
      await scan.cancel();
      await beacon.stop();
      deepEqual(camera.controller.violations, []);
    });
  });

  it("one that cannot scan while it looks for a device: scan() says so, and works afterwards", async () => {
    const { world, device, offer, scanOnce, sleep } = createScene(22);
    await world.run(async () => {
      const absent = rejects(device().connect({ timeoutMs: 1000 }), { code: "timeout" });
      await sleep(300);
      await rejects(scanOnce(), BUSY);
      await absent;
      offer().catch(() => undefined);
      ok(await scanOnce());
    });
  });

  it("one that cannot look for a device while it advertises (32): connect() says so, and works afterwards", async () => {
    const { world, camera, device, offer, sleep } = createScene(32);
    await world.run(async () => {
      const offered = offer();
      const advertising = stoppable(camera);
      await sleep(200);
      await rejects(device().connect({ timeoutMs: 10_000 }), BUSY);
      await advertising.stop();
      const connection = await device().connect({ timeoutMs: 10_000 });
      await offered;
      await connection.disconnect();
    });
  });

  it("keepConnected() waits until advertising has ended", async () => {
    const { world, camera, device, offer, sleep } = createScene(32);
    await world.run(async () => {
      const offered = offer();
      const advertising = stoppable(camera);
      await sleep(200);
      const stream = device().keepConnected({ firstPauseMs: 500 });
      const next = stream.next();
      await sleep(2000);
      await advertising.stop();
      const { value } = await next;
      await offered;
      ok(value.isConnected());
      await stream.return?.();
    });
  });

  it("one that cannot advertise while it looks for a device: advertise() says so", async () => {
    const { world, aioble, device, sleep } = createScene(32);
    await world.run(async () => {
      const absent = rejects(device().connect({ timeoutMs: 2000 }), { code: "timeout" });
      await sleep(300);
      await rejects(aioble.advertise(ADVERTISING), BUSY);
      await absent;
      await rejects(aioble.advertise({ ...ADVERTISING, timeoutMs: 500 }), { code: "timeout" });
    });
  });

  it("one that cannot scan beside a link: as a central (24), as a peripheral (26)", async () => {
    for (const [bit, isCentral] of [
      [24, true],
      [26, false],
    ] as const) {
      const { world, aioble, device, join, offer, scanOnce, sleep } = createScene(bit);
      await world.run(async () => {
        const incoming = isCentral ? offer() : aioble.advertise(ADVERTISING);
        await sleep(100);
        const outgoing = await (isCentral ? device().connect({ timeoutMs: 10_000 }) : join());
        const link = isCentral ? outgoing : await incoming;
        await rejects(scanOnce(), BUSY);
        await link.disconnect();
        await incoming;
        await addAioble(world).aioble.broadcast(ADVERTISING);
        ok(await scanOnce());
      });
    }
  });

  it("one that cannot advertise beside a link as a central (35), though beside one as a peripheral", async () => {
    const { world, aioble, device, offer } = createScene(35);
    await world.run(async () => {
      const offered = offer();
      const connection = await device().connect({ timeoutMs: 10_000 });
      await offered;
      await rejects(aioble.advertise(ADVERTISING), { code: "advertising-while-connected" });
      await connection.disconnect();
      await rejects(aioble.advertise({ ...ADVERTISING, timeoutMs: 500 }), { code: "timeout" });
    });
  });

  it("one that names no states is tried out", async () => {
    const world = createWorld(3);
    const camera = addAioble(world, { controller: { leStates: new Uint8Array(8) } });
    await world.run(async () => {
      await addAioble(world).aioble.broadcast(ADVERTISING);
      const advertising = stoppable(camera);
      await world.clock.sleep(200);
      ok(!(await camera.aioble.scan({ ...LISTENING }).next()).done);
      await advertising.stop();
    });
  });
});
