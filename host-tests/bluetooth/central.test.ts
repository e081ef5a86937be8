/** The low-level module as a central: scanning, connecting, and the GATT client, call by call and event by event. */
import type { IrqEvent } from "../../firmware/bluetooth/irq.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { advertisingData } from "../support/low-level.ts";
import { describe, it } from "../support/suite.ts";

/** What the handles of a first link are, on both sides. */
const CONN = 64;
const SERVICE = 0x1815;
const VALUE = 0x2a56;
const PUSHED = 0x2a57;
const LONG = new Uint8Array(100).map((_, index) => index);

function createScene() {
  const world = createWorld(2);
  const central = addAioble(world);
  const peripheral = addAioble(world);
  const side = ({ bluetooth }: AiobleCamera) => {
    const ble = new bluetooth.BLE();
    const events: IrqEvent[] = [];
    ble.irq((...event) => void events.push(event));
    return { ble, events };
  };
  const { ble, events } = side(central);
  const other = side(peripheral);
  const { UUID, FLAG_INDICATE, FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, FLAG_WRITE_NO_RESPONSE } =
    peripheral.bluetooth;
  const all = FLAG_READ | FLAG_WRITE | FLAG_WRITE_NO_RESPONSE;
  const [[value, descriptor, pushed]] = other.ble.gattsRegisterServices([
    [
      new UUID(SERVICE),
      [
        [new UUID(VALUE), all, [[new UUID(0x2901), FLAG_READ]]],
        [new UUID(PUSHED), FLAG_READ | FLAG_NOTIFY | FLAG_INDICATE],
      ],
    ],
  ]) as [[number, number, number]];
  const address = peripheral.host.ownAddress;
  /** Takes the events up to one with this number. */
  const until = async (number: number, timeoutMs = 5000): Promise<IrqEvent[]> => {
    const endMs = world.clock.now() + timeoutMs;
    for (;;) {
      const at = events.findIndex(([event]) => event === number);
      if (at >= 0) return events.splice(0, at + 1);
      if (world.clock.now() > endMs) throw new Error(`no event ${number}, but ${JSON.stringify(events)}`);
      await world.clock.sleep(10);
    }
  };
  const meet = async (): Promise<void> => {
    await ble.active(true);
    await other.ble.active(true);
    await other.ble.gapAdvertise(50_000, { advData: advertisingData("low") });
    ble.gapConnect(1, address);
    deepEqual(await until(7), [[7, [CONN, 1, address]]]);
    await world.clock.sleep(100);
  };
  const handles = { value, descriptor, pushed };
  return { world, central, peripheral, ble, events, other, address, handles, until, meet, UUID };
}

type Scene = ReturnType<typeof createScene>;

function inScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = createScene();
  return scene.world.run(() => work(scene));
}

/** Values as plain numbers, UUIDs as their short form, bytes as they are. */
const plain = (events: readonly IrqEvent[]): unknown[] =>
  events.map(([event, data]) => [
    event,
    (data as readonly unknown[]).map((item) => (item as { short?: number }).short ?? item),
  ]);

describe("bluetooth: gapScan", () => {
  it("each packet that is heard is an event, and its end is one", () =>
    inScene(async ({ ble, other, address, until, events, world }) => {
      await ble.active(true);
      await other.ble.active(true);
      const advData = advertisingData("low");
      await other.ble.gapAdvertise(50_000, { advData, respData: new Uint8Array([2, 10, 4]) });
      await ble.gapScan(300, 30_000, 30_000, true);
      const heard = await until(6);
      deepEqual(heard.at(-1), [6, []]);
      const types = new Set<number>();
      for (const [event, data] of heard.slice(0, -1)) {
        equal(event, 5);
        const [addrType, addr, advType, rssi, bytes] = data as [
          number,
          Uint8Array,
          number,
          number,
          Uint8Array,
        ];
        deepEqual([addrType, addr, rssi < 0], [1, address, true]);
        deepEqual(bytes, advType === 4 ? new Uint8Array([2, 10, 4]) : advData);
        types.add(advType);
      }
      deepEqual([...types].sort(), [0, 4]);
      await world.clock.sleep(1000);
      deepEqual(events, []);
    }));

  it("null ends it; there is one at a time, also of aioble's", () =>
    inScene(async ({ ble, central, until, events, world }) => {
      await ble.active(true);
      await ble.gapScan(0, 30_000, 30_000);
      await rejects(ble.gapScan(0, 30_000, 30_000), { code: "already-scanning" });
      await ble.gapScan(null);
      deepEqual(await until(6), [[6, []]]);
      await ble.gapScan(null);
      deepEqual(events, []);
      const scan = central.aioble.scan({ intervalUs: 30_000, windowUs: 30_000 });
      const step = scan.next();
      await world.clock.sleep(100);
      await rejects(ble.gapScan(), { code: "already-scanning" });
      await ble.gapScan(null);
      equal(central.host.scanner!.scanning, true, "null is not for the scans of aioble");
      await scan.cancel();
      equal((await step).done, true);
      deepEqual(await until(6), [[6, []]]);
    }));

  it("ends with the radio, and needs it", () =>
    inScene(async ({ ble, until }) => {
      await rejects(ble.gapScan(), { code: "radio-off" });
      await ble.active(true);
      await rejects(ble.gapScan(-1), { name: "RangeError" });
      await rejects(ble.gapScan(0, 2499), { name: "RangeError" });
      await rejects(ble.gapScan(0, 10_000, 10_001), { name: "RangeError" });
      await ble.gapScan(10_000, 30_000, 30_000);
      await ble.active(false);
      deepEqual(await until(6), [[6, []]]);
    }));
});

describe("bluetooth: gapConnect", () => {
  it("both sides are notified, of the connection and of its end", () =>
    inScene(async ({ ble, central, meet, other, until, address, world }) => {
      await meet();
      deepEqual(other.events, [[1, [CONN, 1, central.host.ownAddress]]]);
      equal(ble.gapDisconnect(CONN), true);
      deepEqual(await until(8), [[8, [CONN, 1, address]]]);
      await world.clock.sleep(200);
      equal(other.events.at(-1)![0], 2);
    }));

  it("what is not found is an event without a handle, and null gives up", () =>
    inScene(async ({ ble, other, until, address, world, central, peripheral }) => {
      const nobody: IrqEvent = [8, [0xffff, 0xff, new Uint8Array(6)]];
      await ble.active(true);
      ble.gapConnect(1, address, 500);
      throws(() => ble.gapConnect(1, address), { code: "already-connecting" });
      deepEqual(await until(8), [nobody]);
      ble.gapConnect(1, address, 60_000);
      await world.clock.sleep(100);
      await ble.gapConnect(null);
      deepEqual(await until(8), [nobody]);
      await ble.gapConnect(null);
      await other.ble.active(true);
      await other.ble.gapAdvertise(50_000, { advData: advertisingData("low") });
      await world.clock.sleep(2000);
      deepEqual([central.host.connections.size, peripheral.host.connections.size], [0, 0]);
      ble.gapConnect(1, address, 2000, 100_000, 100_000);
      await until(7);
      equal(central.host.connections.get(CONN)!.parameters.intervalUs, 100_000);
      throws(() => ble.gapConnect(1, address), { code: "already-connecting" });
    }));

  it("ends with the radio, and needs it and room", () =>
    inScene(async ({ ble, meet, until, address, events }) => {
      throws(() => ble.gapConnect(1, address), { code: "radio-off" });
      await ble.active(true);
      throws(() => ble.gapConnect(2, address), TypeError);
      throws(() => ble.gapConnect(1, new Uint8Array(5)), TypeError);
      throws(() => ble.gapConnect(1, address, -1), RangeError);
      throws(() => ble.gapConnect(1, address, 2000, 7000), RangeError);
      ble.gapConnect(1, address, 60_000);
      await ble.active(false);
      await until(8);
      deepEqual(events, []);
      ble.config({ maxConnections: 1 });
      await meet();
      throws(() => ble.gapConnect(1, new Uint8Array(6)), { code: "too-many-connections" });
    }));

  it("aioble knows the connection, and its connections are events here", () =>
    inScene(async ({ central, meet, peripheral, until, ble }) => {
      const { ADDR_RANDOM, Device } = central.aioble;
      await meet();
      const device = new Device(ADDR_RANDOM, peripheral.host.ownAddress);
      const connection = await device.connect();
      equal(connection.link.handle, CONN);
      await connection.disconnect();
      await until(8);
      const [advertised] = [peripheral.aioble.advertise({ intervalUs: 50_000 })];
      await device.connect();
      await until(7);
      await advertised;
      ble.gapDisconnect(CONN);
      await until(8);
    }));
});

describe("bluetooth: the GATT client", () => {
  it("discovers services, characteristics and attributes, all or by UUID", () =>
    inScene(async ({ ble, meet, until, handles, UUID }) => {
      await meet();
      ble.gattcDiscoverServices(CONN);
      const services = plain(await until(10));
      deepEqual(services.at(-1), [10, [CONN, 0]]);
      deepEqual(
        services.slice(0, -1).map((event) => (event as [number, unknown[]])[1][3]),
        [0x1800, 0x1801, SERVICE],
      );
      ble.gattcDiscoverServices(CONN, new UUID(SERVICE));
      const [found] = (await until(10)) as [IrqEvent];
      const [, start, end] = found[1] as unknown as [number, number, number];
      deepEqual([start, end], [handles.value - 2, handles.pushed + 1]);
      ble.gattcDiscoverCharacteristics(CONN, start, end);
      deepEqual(plain(await until(12)), [
        [11, [CONN, handles.descriptor, handles.value, 0x0e, VALUE]],
        [11, [CONN, end, handles.pushed, 0x32, PUSHED]],
        [12, [CONN, 0]],
      ]);
      ble.gattcDiscoverCharacteristics(CONN, start, end, new UUID(PUSHED));
      deepEqual(plain(await until(12)), [
        [11, [CONN, end, handles.pushed, 0x32, PUSHED]],
        [12, [CONN, 0]],
      ]);
      ble.gattcDiscoverDescriptors(CONN, handles.value, end);
      deepEqual(plain(await until(14)), [
        [13, [CONN, handles.value, VALUE]],
        [13, [CONN, handles.descriptor, 0x2901]],
        [13, [CONN, handles.pushed - 1, 0x2803]],
        [13, [CONN, handles.pushed, PUSHED]],
        [13, [CONN, handles.pushed + 1, 0x2902]],
        [14, [CONN, 0]],
      ]);
      ble.gattcDiscoverServices(CONN, new UUID(0x1234));
      deepEqual(await until(10), [[10, [CONN, 0]]]);
    }));

  it("reads and writes, also what is longer than a packet, in the order of the calls", () =>
    inScene(async ({ ble, meet, other, until, handles }) => {
      other.ble.gattsSetBuffer(handles.value, 512);
      await meet();
      ble.gattcWrite(CONN, handles.value, LONG, 1);
      ble.gattcRead(CONN, handles.value);
      ble.gattcWrite(CONN, handles.value, "x", 1);
      ble.gattcRead(CONN, handles.value);
      const first = await until(16);
      deepEqual(first, [
        [17, [CONN, handles.value, 0]],
        [15, [CONN, handles.value, LONG]],
        [16, [CONN, handles.value, 0]],
      ]);
      deepEqual((await until(16)).slice(1), [
        [15, [CONN, handles.value, new Uint8Array([0x78])]],
        [16, [CONN, handles.value, 0]],
      ]);
    }));

  it("writes without response at once, with no event", () =>
    inScene(async ({ ble, meet, other, events, handles, world }) => {
      await meet();
      ble.gattcWrite(CONN, handles.value, "now");
      throws(() => ble.gattcWrite(CONN, handles.value, new Uint8Array(21)), RangeError);
      throws(() => ble.gattcWrite(CONN, handles.value, "now", 2), RangeError);
      await world.clock.sleep(200);
      deepEqual(other.ble.gattsRead(handles.value), new Uint8Array([0x6e, 0x6f, 0x77]));
      deepEqual(events, []);
    }));

  it("an ATT error is the status of the last event", () =>
    inScene(async ({ ble, meet, until, handles }) => {
      await meet();
      ble.gattcRead(CONN, 0x4000);
      deepEqual(await until(16), [[16, [CONN, 0x4000, 0x01]]]);
      ble.gattcWrite(CONN, handles.pushed, "x", 1);
      deepEqual(await until(17), [[17, [CONN, handles.pushed, 0x03]]]);
    }));

  it("a link that ends ends what waits, with a status that is no ATT error", () =>
    inScene(async ({ ble, meet, until, handles, events }) => {
      await meet();
      ble.gattcRead(CONN, handles.value);
      ble.gattcDiscoverServices(CONN);
      ble.gapDisconnect(CONN);
      const seen = await until(8);
      seen.push(...events);
      ok(seen.some(([event, data]) => event === 16 && data[2] === 0x100));
      ok(seen.some(([event, data]) => event === 10 && data[1] === 0x100));
      throws(() => ble.gattcRead(CONN, handles.value), { code: "device-disconnected" });
    }));

  it("values that the server sends by itself are events, from the first on", () =>
    inScene(async ({ ble, meet, other, until, handles, world }) => {
      await meet();
      const cccd = handles.pushed + 1;
      ble.gattcWrite(CONN, cccd, new Uint8Array([3, 0]), 1);
      await until(17);
      other.ble.gattsNotify(CONN, handles.pushed, "n");
      deepEqual(await until(18), [[18, [CONN, handles.pushed, new Uint8Array([0x6e])]]]);
      other.ble.gattsIndicate(CONN, handles.pushed, "i");
      deepEqual(await until(19), [[19, [CONN, handles.pushed, new Uint8Array([0x69])]]]);
      await world.clock.sleep(100);
      ok(other.events.some(([event, data]) => event === 20 && data[2] === 0));
    }));

  it("the ATT_MTU is an event, also when it was agreed before", () =>
    inScene(async ({ ble, meet, until }) => {
      await meet();
      for (let turn = 0; turn < 2; turn++) {
        ble.gattcExchangeMtu(CONN);
        deepEqual(await until(21), [[21, [CONN, 517]]]);
      }
    }));

  it("is bounded: more operations than a link's queue takes are refused at once", () =>
    inScene(async ({ ble, meet, until, handles, events, world }) => {
      await meet();
      let taken = 0;
      throws(
        () => {
          for (; taken < 1000; taken++) ble.gattcRead(CONN, handles.value);
        },
        { code: "operation-queue-full" },
      );
      equal(taken, 32);
      await until(16);
      await world.clock.sleep(5000);
      equal(events.filter(([event]) => event === 16).length, 31);
      for (const call of [
        () => ble.gattcRead(CONN, 0),
        () => ble.gattcDiscoverDescriptors(CONN, 5, 4),
        () => ble.gattcDiscoverCharacteristics(CONN, 1, 0x10000),
      ]) {
        throws(call, RangeError);
      }
      throws(() => ble.gattcDiscoverServices(CONN, 0x1800 as never), TypeError);
    }));
});
