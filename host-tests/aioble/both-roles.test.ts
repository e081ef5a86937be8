/**
 * Both roles at once: a camera that advertises, serves two centrals, is the client of two peripherals, scans, and moves data
 * over a channel, each in a task of its own.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0x181a);
const VALUE = new UUID(0x2a6e);
const ADVERTISING = { intervalUs: 100_000 };
const PSM = 0x90;
const PERIOD_MS = 100;
/** How long all of it goes on. */
const DURATION_MS = 10_000;

function serve({ aioble }: AiobleCamera) {
  const service = new aioble.Service(SERVICE);
  const value = new aioble.Characteristic(service, VALUE, { read: true, write: true, notify: true });
  aioble.registerServices(service);
  return value;
}

/** Subscribes, and counts what comes until the link ends. */
async function count(connection: DeviceConnection, onValue: () => void): Promise<void> {
  const service = await connection.service(SERVICE);
  const value = await service!.characteristic(VALUE);
  await value!.subscribe();
  for await (const _ of value!.notifications({ signal: connection.timeout() })) onValue();
}

function createScene() {
  const world = createWorld(6);
  const add = () => {
    const camera = addAioble(world);
    camera.aioble.config({ idleTimeoutMs: 0 });
    return camera;
  };
  const hub = add();
  return {
    world,
    hub,
    value: serve(hub),
    centrals: [add(), add()],
    peripherals: [add(), add()],
    beacon: add(),
  };
}

type Scene = ReturnType<typeof createScene>;

const deviceOf = ({ aioble }: AiobleCamera, { host }: AiobleCamera) =>
  new aioble.Device(aioble.ADDR_RANDOM, host.ownAddress);

/** Every task of the hub and of those around it, for `DURATION_MS`; returns how far each came. */
async function runAll({ world, hub, value, centrals, peripherals, beacon }: Scene) {
  const { clock } = world;
  const done = {
    served: [0, 0],
    received: [0, 0],
    reads: [0, 0],
    heard: 0,
    sent: 0,
    arrived: 0,
    notified: 0,
  };
  const tasks: Promise<unknown>[] = [];
  const begin = (task: () => Promise<unknown>): void => {
    tasks.push(task().catch((error: { code?: string }) => error.code ?? error));
  };
  const every = async (work: () => unknown): Promise<void> => {
    for (const endMs = clock.now() + DURATION_MS; clock.now() < endMs; await clock.sleep(PERIOD_MS))
      await work();
  };

  // The hub serves: two centrals subscribe, and read in between.
  const taken: DeviceConnection[] = [];
  const stream = hub.aioble.connections(ADVERTISING);
  begin(async () => {
    for await (const connection of stream) taken.push(connection);
  });
  for (const [at, central] of centrals.entries()) {
    const connection = await deviceOf(central, hub).connect();
    begin(() => count(connection, () => done.served[at]!++));
    begin(async () => {
      const remote = await (await connection.service(SERVICE))!.characteristic(VALUE);
      await every(async () => {
        await remote!.read();
        done.reads[at]!++;
      });
    });
  }
  // It is a client: two peripherals notify it.
  const remotes: DeviceConnection[] = [];
  for (const [at, peripheral] of peripherals.entries()) {
    const own = serve(peripheral);
    const incoming = peripheral.aioble.advertise(ADVERTISING);
    const connection = await deviceOf(hub, peripheral).connect();
    remotes.push(connection);
    const other = await incoming;
    begin(() => count(connection, () => done.received[at]!++));
    begin(() => every(() => own.notify(other, new Uint8Array([at]))));
    if (at > 0) continue;
    const [channel, end] = await Promise.all([connection.l2capConnect(PSM), other.l2capAccept(PSM)]);
    begin(async () => {
      const picture = new Uint8Array(1024);
      for (const endMs = clock.now() + DURATION_MS; clock.now() < endMs; done.sent++)
        await channel.send(picture);
      await channel.flush();
      await channel.disconnect();
    });
    begin(async () => {
      for (;;) done.arrived += (await end.recv()).length;
    });
  }
  // It scans, while a beacon changes what it says; and it notifies those who subscribed.
  const broadcaster = await beacon.aioble.broadcast({ ...ADVERTISING, name: "beacon 0" });
  const scan = hub.aioble.scan({ intervalUs: 60_000, windowUs: 30_000, duplicates: "packets" });
  begin(async () => {
    for await (const { device } of scan) if (device.equals(deviceOf(hub, beacon))) done.heard++;
  });
  await every(() => {
    done.notified++;
    value.write(new Uint8Array([done.notified & 0xff]), { sendUpdate: true });
  });
  await clock.sleep(1000);
  equal(hub.host.connections.size, 4);
  await scan.cancel();
  await stream.return?.();
  await broadcaster.stop();
  for (const connection of [...taken, ...remotes]) await connection.disconnect();
  return { done, outcomes: await Promise.all(tasks) };
}

describe("both roles at once", () => {
  it("advertising, two links in, two links out, a scan and a channel, each with its share", async () => {
    const scene = createScene();
    const { world, hub, centrals, peripherals } = scene;
    await world.run(async () => {
      const { done, outcomes } = await runAll(scene);
      const values = DURATION_MS / PERIOD_MS;
      const enough = (number: number, what: string): void =>
        ok(number >= values * 0.8, `${what}: ${number} of ${values}`);
      for (const at of [0, 1]) {
        enough(done.served[at]!, "notified by the hub");
        enough(done.received[at]!, "received by the hub");
        enough(done.reads[at]! * 2, "read from the hub");
      }
      // Both of a kind fare alike.
      for (const [first, second] of [done.served, done.received, done.reads] as [number, number][]) {
        ok(Math.abs(first - second) <= values * 0.2, `${first} and ${second}`);
      }
      ok(done.heard > 30, `${done.heard} packets of the beacon`);
      ok(done.sent > 50, `${done.sent} KB sent`);
      equal(done.arrived, done.sent * 1024);
      for (const outcome of outcomes)
        ok(
          [undefined, "device-disconnected", "l2cap-disconnected"].includes(outcome as string),
          `${outcome}`,
        );
      equal(hub.host.connections.size, 0);
    }, 1e6);
    for (const camera of [hub, ...centrals, ...peripherals]) {
      deepEqual(camera.controller.violations, []);
      deepEqual(
        diagnostics(camera).filter((line) => !line.includes("has not subscribed")),
        [],
      );
    }
  });

  it("what one link does not take holds up none of the others", async () => {
    const scene = createScene();
    const { world, hub, peripherals } = scene;
    await world.run(async () => {
      const [near, far] = peripherals as [AiobleCamera, AiobleCamera];
      const connections: DeviceConnection[] = [];
      for (const peripheral of [near, far]) {
        serve(peripheral);
        const incoming = peripheral.aioble.advertise(ADVERTISING);
        connections.push(await deviceOf(hub, peripheral).connect({ supervisionTimeoutMs: 20_000 }));
        await incoming;
      }
      const [toNear, toFar] = connections as [DeviceConnection, DeviceConnection];
      const remoteOf = async (connection: DeviceConnection) =>
        (await (await connection.service(SERVICE))!.characteristic(VALUE))!;
      const remotes = [await remoteOf(toNear), await remoteOf(toFar)] as const;
      world.air.separate(hub.controller, far.controller);
      const stuck = Promise.all(
        Array.from({ length: 20 }, () => remotes[1].write("far", { timeoutMs: 8000 }).catch(() => {})),
      );
      const startMs = world.clock.now();
      for (let turn = 0; turn < 20; turn++) await remotes[0].read();
      ok(world.clock.now() - startMs < 5000, `${world.clock.now() - startMs} ms`);
      await stuck;
      ok(toNear.isConnected());
    }, 1e6);
  });
});
