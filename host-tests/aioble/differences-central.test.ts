/** Defects of aioble's central that we do not have: connecting (2.1) and scanning (4). */
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 50_000 };
const FULL = { intervalUs: 30_000, windowUs: 30_000 } as const;
const CREATE = 0x200d;

function createScene() {
  const world = createWorld();
  const [central, peripheral, third] = [addAioble(world), addAioble(world), addAioble(world)];
  const { ADDR_RANDOM, Device } = central.aioble;
  return { world, central, peripheral, third, device: new Device(ADDR_RANDOM, peripheral.host.ownAddress) };
}

describe("differences: connecting", () => {
  it("⚠ 2.1: a connect() that fails does so at once, and one that is given up leaves nothing behind", async () => {
    const { world, central, peripheral, device } = createScene();
    await world.run(async () => {
      await central.host.activate();
      central.controller.faults.refuse = new Map([[CREATE, 0x0d]]);
      const startMs = world.clock.now();
      await rejects(device.connect({ timeoutMs: 5000 }), { code: "controller-refused", status: 0x0d });
      ok(world.clock.now() - startMs < 100);
      central.controller.faults.refuse = new Map();
      await rejects(device.connect({ timeoutMs: 500 }), { code: "timeout" });
      await world.clock.sleep(100);
      // Nobody looks for it any more.
      await rejects(peripheral.aioble.advertise({ ...ADVERTISING, timeoutMs: 2000 }), { code: "timeout" });
    });
  });

  it("⚠ 2.1: after a failure connect() tries anew, and two at once get one connection that is up", async () => {
    const { world, peripheral, device } = createScene();
    await world.run(async () => {
      await rejects(device.connect({ timeoutMs: 500 }), { code: "timeout" });
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const [first, second] = await Promise.all([device.connect(), device.connect()]);
      equal(first, second);
      ok(first!.isConnected());
      await incoming;
    });
  });
});

describe("differences: scanning", () => {
  it("⚠ 4: results come in the order in which they were heard, and an older packet replaces no newer one", async () => {
    const { world, central, peripheral } = createScene();
    await world.run(async () => {
      const payload = (count: number) => ({ manufacturer: [0xffff, new Uint8Array([count])] as const });
      const feed = await peripheral.aioble.broadcast({ intervalUs: 100_000, ...payload(0) });
      const seen: number[] = [];
      const scan = central.aioble.scan({ ...FULL, durationMs: 3000 });
      const loop = (async () => {
        for await (const result of scan) {
          seen.push(result.manufacturer()[0]![1][0]!);
          await world.clock.sleep(70); // Packets come while the loop is busy.
        }
      })();
      for (let count = 1; count <= 20; count++) {
        await world.clock.sleep(120);
        await feed.update(payload(count));
      }
      await loop;
      deepEqual(
        seen,
        [...seen].sort((a, b) => a - b),
      );
      ok(seen.length > 10, `${seen}`);
    });
  });

  it("⚠ 4: a beacon that changes what it says is yielded again, whatever its kind", async () => {
    const { world, central, peripheral } = createScene();
    await world.run(async () => {
      const kinds = [{ name: "plain" }, { name: "scannable", respData: new Uint8Array([2, 10, 4]) }] as const;
      for (const fields of kinds) {
        const advData = (count: number) => new Uint8Array([2, 0xff, count]);
        const { respData } = fields as { respData?: Uint8Array };
        const feed = await peripheral.aioble.broadcast({
          intervalUs: 100_000,
          advData: advData(0),
          respData,
        });
        const seen = new Set<number>();
        for await (const { advData: data } of central.aioble.scan({ ...FULL, durationMs: 3000 })) {
          const [count] = data!.slice(2);
          if (seen.has(count!)) continue;
          seen.add(count!);
          await feed.update({ advData: advData(count! + 1), respData });
          if (seen.size === 4) break;
        }
        equal(seen.size, 4, fields.name);
        await feed.stop();
      }
    });
  });

  it("⚠ 4: what a scan keeps is bounded", async () => {
    const { world, central, peripheral, third } = createScene();
    await world.run(async () => {
      for (const { aioble } of [peripheral, third]) await aioble.broadcast({ intervalUs: 100_000 });
      const scan = central.aioble.scan({ ...FULL, durationMs: 2000, maxResults: 1 });
      const step = scan.next();
      await world.clock.sleep(1500);
      ok(!(await step).done);
      equal((scan as unknown as { known: Map<unknown, unknown> }).known.size, 1);
      ok(scan.dropped > 0);
      await scan.cancel();
    });
  });

  it("⚠ 4: a complete name in the scan response wins over a shortened one, and what is malformed throws nothing", async () => {
    const { world, central, peripheral } = createScene();
    await world.run(async () => {
      const advData = new Uint8Array([
        3, 0x08, 0x73, 0x68, 2, 0x03, 0x0d, 4, 0x09, 0xff, 0xfe, 0xfd, 9, 0x07, 1,
      ]);
      const respData = new Uint8Array([6, 0x09, 0x66, 0x75, 0x6c, 0x6c, 0x21]);
      await peripheral.aioble.broadcast({ intervalUs: 100_000, advData: advData.slice(0, 4), respData });
      for await (const result of central.aioble.scan({ ...FULL, active: true, duplicates: false })) {
        equal(result.name(), "full!");
        break;
      }
      await peripheral.aioble.updateAdvertising({ advData: advData.slice(4), respData: new Uint8Array(0) });
      for await (const result of central.aioble.scan({ ...FULL, duplicates: false })) {
        deepEqual(result.services().length, 0);
        equal(result.name(), "\ufffd\ufffd\ufffd");
        break;
      }
    });
  });

  it("⚠ 4: a second scan ends none, and neither does connect()", async () => {
    const { world, central, peripheral, device } = createScene();
    await world.run(async () => {
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const scan = central.aioble.scan(FULL);
      ok(!(await scan.next()).done);
      await rejects(central.aioble.scan(FULL).next(), { code: "already-scanning" });
      const connection = await device.connect();
      await incoming;
      equal(central.host.scanner!.scanning, true);
      await scan.cancel();
      await connection.disconnect();
    });
  });
});
