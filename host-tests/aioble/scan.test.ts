/** Scanning, with other cameras on the air. */
import type { Broadcaster } from "../../firmware/aioble/peripheral.ts";
import type { ScanOptions } from "../../firmware/aioble/scan.ts";
import type { ScanResult } from "../../firmware/aioble/scan-result.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const HEART_RATE = new UUID(0x180d);
const BATTERY = new UUID(0x180f);
/** The whole time on the air. */
const FULL = { intervalUs: 30_000, windowUs: 30_000 } as const;

/** A scanner and a camera that broadcasts `fields`. */
async function withBeacon(
  fields: Record<string, unknown>,
  work: (scene: { scanner: AiobleCamera; beacon: AiobleCamera; feed: Broadcaster }) => Promise<void>,
): Promise<void> {
  const world = createWorld();
  const scanner = addAioble(world);
  const beacon = addAioble(world);
  await world.run(async () => {
    const feed = await beacon.aioble.broadcast({ intervalUs: 100_000, ...fields });
    await work({ scanner, beacon, feed });
  });
}

/** What a scan yields until its time is over. */
async function collect({ aioble }: AiobleCamera, options: ScanOptions): Promise<ScanResult[]> {
  const results: ScanResult[] = [];
  for await (const result of aioble.scan({ ...FULL, durationMs: 1000, ...options })) results.push(result);
  return results;
}

describe("scan: what it yields", () => {
  it("finds a device by its address, name, services and manufacturer data", async () => {
    const fields = {
      name: "strap",
      services: [HEART_RATE, new UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e")],
      manufacturer: [0xffff, new Uint8Array([1, 2, 3])],
    };
    await withBeacon(fields, async ({ scanner, beacon }) => {
      const [result] = await collect(scanner, { active: true, duplicates: false });
      ok(result);
      deepEqual(result.device.addr, beacon.host.ownAddress);
      equal(result.name(), "strap");
      deepEqual(result.services().map(String), fields.services.map(String));
      ok(result.services().includes(new UUID("0000180d-0000-1000-8000-00805f9b34fb")));
      ok(!result.services().includes(BATTERY));
      ok(result.hasService(HEART_RATE));
      ok(!result.hasService(BATTERY));
      deepEqual(result.manufacturer(), [[0xffff, new Uint8Array([1, 2, 3])]]);
      deepEqual(result.manufacturer(0x004c), []);
      equal(result.connectable, false);
      ok(result.rssi !== undefined && result.rssi < 0);
    });
  });

  it("yields the same object again when its data change", async () => {
    await withBeacon({ name: "one" }, async ({ scanner, feed }) => {
      const names: (string | undefined)[] = [];
      const results = new Set<ScanResult>();
      for await (const result of scanner.aioble.scan(FULL)) {
        results.add(result);
        if (names.at(-1) !== result.name()) names.push(result.name());
        if (names.length === 2) break;
        await feed.update({ name: "two" });
      }
      deepEqual(names, ["one", "two"]);
      equal(results.size, 1);
    });
  });

  it("does not yield a device again when nothing has changed", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      equal((await collect(scanner, { durationMs: 5000 })).length, 1);
    });
  });

  it("a passive scan has no scan response, an active one merges it", async () => {
    const fields = { name: "a name that takes 28 bytes, y", services: [HEART_RATE] };
    await withBeacon(fields, async ({ scanner }) => {
      const [passive] = await collect(scanner, { duplicates: false });
      ok(passive);
      equal(passive.respData, undefined);
      const [active] = await collect(scanner, { active: true, duplicates: false });
      ok(active?.respData);
      equal(active.name(), fields.name);
      ok(active.hasService(HEART_RATE));
    });
  });

  it("says who takes connections", async () => {
    const world = createWorld();
    const scanner = addAioble(world);
    const peripheral = addAioble(world);
    await world.run(async () => {
      const advertising = peripheral.aioble.advertise({ intervalUs: 100_000, timeoutMs: 5000 });
      advertising.catch(() => {});
      const [result] = await collect(scanner, {});
      equal(result?.connectable, true);
      await rejects(advertising, { code: "timeout" });
    });
  });

  it('duplicates: "packets" yields a device that does not change with every packet, true only once', async () => {
    await withBeacon({ name: "still" }, async ({ scanner }) => {
      const packets = await collect(scanner, { duplicates: "packets", durationMs: 3000 });
      ok(packets.length > 20 && packets.length <= 31, `${packets.length}`);
      equal(new Set(packets).size, 1);
      equal((await collect(scanner, { durationMs: 3000 })).length, 1);
    });
  });

  it("duplicates: false yields each device once", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      equal((await collect(scanner, { duplicates: false, durationMs: 3000 })).length, 1);
    });
  });
});

describe("scan: filters", () => {
  const fields = {
    name: "strap",
    services: [HEART_RATE],
    manufacturer: [0x1234, new Uint8Array([0xab, 0x0c])],
  };
  const passing: readonly (readonly [title: string, options: ScanOptions])[] = [
    ["services", { services: [BATTERY, HEART_RATE] }],
    ["name", { name: "strap" }],
    ["minRssi", { minRssi: -100 }],
    ["manufacturer", { manufacturer: { companyId: 0x1234 } }],
    [
      "the beginning of manufacturer data",
      { manufacturer: { companyId: 0x1234, data: new Uint8Array([0xab]) } },
    ],
    [
      "manufacturer data under a mask",
      {
        manufacturer: {
          companyId: 0x1234,
          data: new Uint8Array([0xa0, 0x0c]),
          mask: new Uint8Array([0xf0, 0xff]),
        },
      },
    ],
  ];
  for (const [title, options] of passing) {
    it(`${title}: what passes`, async () => {
      await withBeacon(fields, async ({ scanner }) => {
        equal((await collect(scanner, { duplicates: false, ...options })).length, 1);
      });
    });
  }

  const failing: readonly (readonly [title: string, options: ScanOptions])[] = [
    ["services", { services: [BATTERY] }],
    ["name", { name: "strap 2" }],
    ["minRssi", { minRssi: 20 }],
    ["manufacturer", { manufacturer: { companyId: 0x1235 } }],
    [
      "longer manufacturer data",
      { manufacturer: { companyId: 0x1234, data: new Uint8Array([0xab, 0x0c, 0]) } },
    ],
  ];
  for (const [title, options] of failing) {
    it(`${title}: what does not pass`, async () => {
      await withBeacon(fields, async ({ scanner }) => {
        equal((await collect(scanner, options)).length, 0);
      });
    });
  }

  it("devices: the controller reports those in its accept list only", async () => {
    await withBeacon(fields, async ({ scanner, beacon }) => {
      const { ADDR_RANDOM, Device } = scanner.aioble;
      const beside = new Device(ADDR_RANDOM, "c0:ff:ee:00:00:01");
      const there = new Device(ADDR_RANDOM, beacon.host.ownAddress);
      equal((await collect(scanner, { devices: [beside] })).length, 0);
      equal((await collect(scanner, { devices: [beside, there], duplicates: false })).length, 1);
    });
  });

  it("more devices than the controller's accept list holds are refused", async () => {
    await withBeacon(fields, async ({ scanner }) => {
      const { ADDR_PUBLIC, Device } = scanner.aioble;
      const devices = Array.from(
        { length: 300 },
        (_, n) => new Device(ADDR_PUBLIC, new Uint8Array([0, 0, 0, 0, n >> 8, n])),
      );
      await rejects(collect(scanner, { devices }), { code: "accept-list-full" });
      equal((await collect(scanner, { duplicates: false })).length, 1);
    });
  });
});

describe("scan: how it ends", () => {
  it("by its duration", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      const { clock } = scanner.platform;
      const before = clock.now();
      await collect(scanner, { durationMs: 5000 });
      ok(clock.now() - before >= 5000 && clock.now() - before < 5500);
      equal(scanner.host.scanner?.scanning, false);
    });
  });

  it("when the loop is left, off the air before the loop is over", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      for await (const result of scanner.aioble.scan(FULL)) {
        ok(result);
        break;
      }
      equal(scanner.host.scanner?.scanning, false);
      equal((await collect(scanner, { duplicates: false })).length, 1);
    });
  });

  it("by cancel(), which ends a step that waits", async () => {
    const world = createWorld();
    const scanner = addAioble(world);
    await world.run(async () => {
      const scan = scanner.aioble.scan(FULL);
      const step = scan.next();
      await scan.cancel();
      deepEqual(await step, { value: undefined, done: true });
      deepEqual(await scan.next(), { value: undefined, done: true });
      equal(scanner.host.scanner?.scanning, false);
    });
  });

  it("by its signal, with the signal's reason", async () => {
    const world = createWorld();
    const scanner = addAioble(world);
    await world.run(async () => {
      const aborter = new scanner.globals.AbortController();
      const step = scanner.aioble.scan({ ...FULL, signal: aborter.signal }).next();
      scanner.platform.clock.setTimer(() => aborter.abort(new Error("enough")), 100);
      await rejects(step, { message: "enough" });
      const late = scanner.aioble.scan({ ...FULL, signal: aborter.signal });
      await rejects(late.next(), { message: "enough" });
    });
  });

  it("by stop(), as any loop that is over; afterwards another scan works", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      let steps = 0;
      for await (const result of scanner.aioble.scan(FULL)) {
        ok(result);
        if (++steps === 1) await scanner.aioble.stop();
      }
      equal((await collect(scanner, { duplicates: false })).length, 1);
    });
  });

  it("a second scan while one runs is refused, and the first goes on", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      const first = scanner.aioble.scan(FULL);
      ok(!(await first.next()).done);
      await rejects(scanner.aioble.scan(FULL).next(), { code: "already-scanning" });
      equal(scanner.host.scanner?.scanning, true);
      await first.cancel();
      equal((await collect(scanner, { duplicates: false })).length, 1);
    });
  });

  it("a scan that is never begun costs nothing, and its disposal neither", async () => {
    const world = createWorld();
    const scanner = addAioble(world);
    await world.run(async () => {
      await scanner.aioble.scan(FULL).cancel();
      equal(scanner.host.active, false);
    });
  });
});

describe("scan: bounds", () => {
  it("forgets the device that was not heard for the longest time, and counts what was not taken", async () => {
    const world = createWorld();
    const scanner = addAioble(world);
    const beacons = [addAioble(world), addAioble(world), addAioble(world)];
    await world.run(async () => {
      for (const [index, { aioble }] of beacons.entries()) {
        await aioble.broadcast({ intervalUs: 100_000, name: `b${index}` });
      }
      const scan = scanner.aioble.scan({ ...FULL, durationMs: 2000, maxResults: 2 });
      const first = await scan.next();
      ok(!first.done);
      await new Promise<void>((resolve) => scanner.platform.clock.setTimer(resolve, 1000));
      ok(scan.dropped > 0);
      await scan.cancel();
    });
  });

  const wrong: readonly (readonly [
    options: Record<string, unknown>,
    error: typeof RangeError | typeof TypeError,
  ])[] = [
    [{ durationMs: -1 }, RangeError],
    [{ durationMs: Number.NaN }, RangeError],
    [{ intervalUs: 2499 }, RangeError],
    [{ intervalUs: 10_240_001 }, RangeError],
    [{ intervalUs: 30_000, windowUs: 30_001 }, RangeError],
    [{ windowUs: 0 }, RangeError],
    [{ maxResults: 0 }, RangeError],
    [{ maxResults: 1.5 }, RangeError],
    [{ minRssi: -128 }, RangeError],
    [{ name: 5 }, TypeError],
    [{ duplicates: "all" }, TypeError],
    [{ services: [0x180d] }, TypeError],
    [{ services: HEART_RATE }, TypeError],
    [{ devices: ["c0:ff:ee:00:00:01"] }, TypeError],
    [{ services: [] }, RangeError],
    [{ devices: [] }, RangeError],
    [{ manufacturer: { companyId: -1 } }, RangeError],
    [{ manufacturer: { companyId: 1, data: new Uint8Array(2), mask: new Uint8Array(1) } }, RangeError],
  ];
  for (const [options, error] of wrong) {
    it(`refuses ${Object.keys(options)} ${JSON.stringify(Object.values(options))} at once`, () => {
      const { aioble } = addAioble(createWorld());
      throws(() => aioble.scan(options as ScanOptions), error);
    });
  }
});

describe("scan: beside advertising, and over a loss of the controller", () => {
  it("a camera that advertises scans as well", async () => {
    await withBeacon({ name: "one" }, async ({ scanner }) => {
      const own = await scanner.aioble.broadcast({ intervalUs: 100_000, name: "two" });
      equal((await collect(scanner, { duplicates: false })).length, 1);
      await own.stop();
    });
  });

  it("goes on when the controller is lost and started again", async () => {
    await withBeacon({ name: "one" }, async ({ scanner, feed }) => {
      const scan = scanner.aioble.scan(FULL);
      ok(!(await scan.next()).done);
      scanner.platform.transport.fail("gone");
      equal(scanner.host.scanner?.scanning, true);
      await feed.update({ name: "two" });
      const step = await scan.next();
      equal(step.value?.name(), "two");
      await scan.cancel();
    });
  });
});
