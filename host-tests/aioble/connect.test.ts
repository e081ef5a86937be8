/** Device.connect: this camera as a central, another as the peripheral. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 100_000 };
const FULL = { intervalUs: 30_000, windowUs: 30_000 };

interface Scene {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
}

function createScene(seed?: number): Scene {
  const world = createWorld(seed);
  return { world, central: addAioble(world), peripheral: addAioble(world) };
}

/** The peripheral, as the central names it. */
function peer({ central, peripheral }: Scene) {
  const { ADDR_RANDOM, Device } = central.aioble;
  return new Device(ADDR_RANDOM, peripheral.host.ownAddress);
}

describe("connect: the way to a connection", () => {
  it("connects to a device that a scan found; both sides agree on what they have", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    await world.run(async () => {
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      let outgoing: DeviceConnection | undefined;
      for await (const { device } of central.aioble.scan(FULL)) {
        outgoing = await device.connect();
        break;
      }
      ok(outgoing);
      ok(outgoing.isConnected());
      const other = await incoming;
      deepEqual(outgoing.device.addr, peripheral.host.ownAddress);
      deepEqual(other.device.addr, central.host.ownAddress);
      deepEqual(outgoing.parameters, other.parameters);
      await outgoing.disconnect();
      await other.disconnected();
      equal(other.disconnectReason, 0x13);
      equal(central.host.connections.size, 0);
    });
  });

  it("waits for a device that is not there yet", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const connecting = peer(scene).connect();
      await scene.world.clock.sleep(4000);
      const incoming = scene.peripheral.aioble.advertise(ADVERTISING);
      await (await connecting).disconnect();
      await incoming;
    });
  });

  it("returns the connection that there is", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const incoming = scene.peripheral.aioble.advertise(ADVERTISING);
      const first = await peer(scene).connect();
      equal(await peer(scene).connect(), first);
      await incoming;
      await first.disconnect();
    });
  });

  it("callers at the same time share one search, and it ends with the last", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    await world.run(async () => {
      const impatient = peer(scene).connect({ timeoutMs: 500 });
      const patient = peer(scene).connect({ timeoutMs: 20_000 });
      await rejects(impatient, { code: "timeout" });
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const connection = await patient;
      equal(central.host.connections.size, 1);
      await incoming;
      await connection.disconnect();
    });
  });

  it("asks for the connection parameters that it is given", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const incoming = scene.peripheral.aioble.advertise(ADVERTISING);
      const connection = await peer(scene).connect({
        minConnIntervalUs: 100_000,
        maxConnIntervalUs: 100_000,
        latency: 2,
        supervisionTimeoutMs: 4000,
      });
      deepEqual(connection.parameters, { intervalUs: 100_000, latency: 2, supervisionTimeoutMs: 4000 });
      await incoming;
      await connection.disconnect();
    });
  });

  it("a device that is not there keeps nobody from connecting to another, with the same time for both", async () => {
    const scene = createScene();
    const { ADDR_RANDOM, Device } = scene.central.aioble;
    await scene.world.run(async () => {
      const incoming = scene.peripheral.aioble.advertise(ADVERTISING);
      const absent = rejects(new Device(ADDR_RANDOM, "c0:ff:ee:00:00:01").connect(), { code: "timeout" });
      const connection = await peer(scene).connect();
      await incoming;
      await absent;
      ok(connection.isConnected());
      await connection.disconnect();
    });
  });

  it("looks for several devices, one after the other", async () => {
    const scene = createScene();
    const third = addAioble(scene.world);
    const { ADDR_RANDOM, Device } = scene.central.aioble;
    await scene.world.run(async () => {
      const absent = new Device(ADDR_RANDOM, "c0:ff:ee:00:00:01").connect({ timeoutMs: 3000 });
      const both = [peer(scene).connect(), new Device(ADDR_RANDOM, third.host.ownAddress).connect()];
      const incoming = [scene.peripheral, third].map(({ aioble }) => aioble.advertise(ADVERTISING));
      await rejects(absent, { code: "timeout" });
      const connections = await Promise.all(both);
      await Promise.all(incoming);
      equal(scene.central.host.connections.size, 2);
      for (const connection of connections) await connection.disconnect();
    });
  });

  it("a camera advertises, scans and connects at a time", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    await world.run(async () => {
      const own = await central.aioble.broadcast({ intervalUs: 100_000, name: "central" });
      const scan = central.aioble.scan(FULL);
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      ok(!(await scan.next()).done);
      const connection = await peer(scene).connect();
      await incoming;
      equal(central.host.scanner!.scanning, true);
      await connection.disconnect();
      await scan.cancel();
      await own.stop();
    });
  });
});

describe("connect: how it ends without a connection", () => {
  it("by its timeout, and the controller looks for the device no longer", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    await world.run(async () => {
      await rejects(peer(scene).connect({ timeoutMs: 1000 }), { code: "timeout" });
      await world.clock.sleep(100);
      await rejects(peripheral.aioble.advertise({ ...ADVERTISING, timeoutMs: 3000 }), { code: "timeout" });
      equal(central.host.connections.size, 0);
    });
  });

  it("by scanDurationMs, where that is shorter", async () => {
    const scene = createScene();
    const { clock } = scene.world;
    await scene.world.run(async () => {
      const before = clock.now();
      await rejects(peer(scene).connect({ timeoutMs: 9000, scanDurationMs: 1000 }), { code: "timeout" });
      ok(clock.now() - before < 1500);
    });
  });

  it("by its signal", async () => {
    const scene = createScene();
    const { central, world } = scene;
    await world.run(async () => {
      const aborter = new central.globals.AbortController();
      const connecting = peer(scene).connect({ signal: aborter.signal });
      world.clock.setTimer(() => aborter.abort(new Error("enough")), 500);
      await rejects(connecting, { message: "enough" });
      await rejects(peer(scene).connect({ signal: aborter.signal }), { message: "enough" });
    });
  });

  it("by stop(), at once, and a later call connects", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    await world.run(async () => {
      const connecting = peer(scene).connect();
      world.clock.setTimer(() => void central.aioble.stop(), 500);
      await rejects(connecting, { code: "radio-off" });
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const connection = await peer(scene).connect();
      await incoming;
      await connection.disconnect();
    });
  });

  it("when as many devices are connected as there is room for", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    central.aioble.config({ maxConnections: 1 });
    const { ADDR_RANDOM, Device } = central.aioble;
    await world.run(async () => {
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const connection = await peer(scene).connect();
      await incoming;
      await rejects(new Device(ADDR_RANDOM, "c0:ff:ee:00:00:01").connect(), { code: "too-many-connections" });
      await connection.disconnect();
    });
  });

  it("a retry after a timeout is a fresh attempt", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      await rejects(peer(scene).connect({ timeoutMs: 1000 }), { code: "timeout" });
      const incoming = scene.peripheral.aioble.advertise(ADVERTISING);
      const connection = await peer(scene).connect();
      await incoming;
      await connection.disconnect();
      await rejects(peer(scene).connect({ timeoutMs: 1000 }), { code: "timeout" });
    });
  });

  it("goes on when the controller is lost and started again", async () => {
    const scene = createScene();
    const { central, peripheral, world } = scene;
    await world.run(async () => {
      const connecting = peer(scene).connect();
      await world.clock.sleep(500);
      central.platform.transport.fail("gone");
      await world.clock.sleep(100);
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const connection = await connecting;
      await incoming;
      await connection.disconnect();
    });
  });

  const wrong: readonly Record<string, number>[] = [
    { timeoutMs: -1 },
    { scanDurationMs: Number.NaN },
    { scanIntervalUs: 2499 },
    { scanIntervalUs: 10_000, scanWindowUs: 10_001 },
    { minConnIntervalUs: 7499 },
    { maxConnIntervalUs: 4_000_001 },
    { minConnIntervalUs: 50_000, maxConnIntervalUs: 40_000 },
    { latency: 500 },
    { supervisionTimeoutMs: 99 },
    { supervisionTimeoutMs: 200, maxConnIntervalUs: 100_000 },
  ];
  for (const options of wrong) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      const scene = createScene();
      await rejects(peer(scene).connect(options), { name: "RangeError" });
      equal(scene.central.host.active, false);
    });
  }

  it("names the option that is wrong, by a promise that rejects", async () => {
    for (const [name, values] of [
      ["timeoutMs", ["x", -1, Number.NaN]],
      ["scanDurationMs", ["x", -1, Number.NaN]],
    ] as const) {
      for (const value of values) {
        const scene = createScene();
        const connecting = peer(scene).connect({ [name]: value });
        const error = await connecting.catch((failure: Error) => failure);
        ok((error as Error).message.replace("connect: ", "").startsWith(`${name} `), `${error}`);
      }
    }
  });
});

describe("Device", () => {
  it("of a scan and of a connection are equal to one that the application made", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const incoming = scene.peripheral.aioble.advertise(ADVERTISING);
      const connection = await peer(scene).connect();
      ok(connection.device.equals(peer(scene)));
      ok(connection.device instanceof scene.central.aioble.Device);
      throws(() => new scene.central.aioble.Device(2, new Uint8Array(6)), TypeError);
      await incoming;
      await connection.disconnect();
    });
  });
});
