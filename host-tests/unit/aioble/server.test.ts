import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { DeviceConnection } from "../../../firmware/aioble/device-connection.ts";
import type { Characteristic, CharacteristicOptions, Service } from "../../../firmware/aioble/server.ts";
import { QUEUE_LIMIT } from "../../../firmware/ble/hci/acl.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { concat, counting, fromHex, le16, toHex } from "../../support/bytes.ts";
import { ATT, createRig, HANDLE, type Rig, takeFrames } from "../../support/rig.ts";
import { aclFrame, completedPackets } from "../../support/scripted-controller.ts";

const VALUE = 16;
const CCCD = 17;
const BUFFERS = 4;

interface Scene {
  readonly rig: Rig;
  readonly service: Service;
  readonly characteristic: Characteristic;
  readonly connection: DeviceConnection;
}

async function createScene(options: CharacteristicOptions): Promise<Scene> {
  const rig = createRig();
  rig.controller.autoComplete = true;
  const { aioble } = rig;
  const service = new aioble.Service(new UUID(0x181a));
  const characteristic = new aioble.Characteristic(service, new UUID(0x2a6e), options);
  aioble.registerServices(service);
  const connection = await connect(rig, HANDLE);
  return { rig, service, characteristic, connection };
}

async function connect(rig: Rig, handle: number): Promise<DeviceConnection> {
  const advertising = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect(handle);
  rig.controller.sent.length = 0;
  return advertising;
}

const write = (rig: Rig, value: Uint8Array | readonly number[], handle = VALUE, link = HANDLE) =>
  rig.exchange(ATT, concat([0x12], le16(handle), value), link);
const read = (rig: Rig) => rig.exchange(ATT, [0x0a, ...le16(VALUE)]);
const subscribe = (rig: Rig, link = HANDLE) => write(rig, [1, 0], CCCD, link);

function notifications(rig: Rig, handle = HANDLE): string[] {
  return takeFrames(rig.controller, handle)
    .map((frame) => toHex(frame.payload))
    .filter((text) => text.startsWith("1b"));
}

describe("Characteristic: values", () => {
  it("initial: empty, bytes or text; the flags are the property bits (Vol 3, Part G, 3.3.1.1)", () => {
    const { aioble } = createRig();
    const service = new aioble.Service(new UUID(0x181a));
    const make = (options?: CharacteristicOptions) =>
      new aioble.Characteristic(service, new UUID(0x2a6e), options);
    assert.equal(make().read().length, 0);
    assert.equal(toHex(make({ initial: "ä" }).read()), "c3 a4");
    assert.equal(toHex(make({ initial: fromHex("0102") }).read()), "01 02");
    assert.equal(make().flags, 0);
    assert.equal(make({ read: true, write: true, writeNoResponse: true, notify: true }).flags, 0x1e);
    assert.equal(service.characteristics.length, 5);
  });

  it("a value is a copy, in and out", async () => {
    const mine = fromHex("0102");
    const { rig, characteristic } = await createScene({ read: true, initial: mine });
    mine[0] = 0xff;
    characteristic.read()[1] = 0xff;
    assert.equal(toHex(characteristic.read()), "01 02");
    const written = fromHex("0304");
    characteristic.write(written);
    written.fill(0xff);
    assert.deepEqual(await read(rig), ["0b 03 04"]);
    const part = counting(10).subarray(4, 6);
    characteristic.write(part);
    assert.deepEqual(await read(rig), ["0b 04 05"]);
  });

  it("a presentation format holds what its fields do, and nothing is cut (Vol 3, Part G, 3.3.3.5)", async () => {
    const { rig, service } = await createScene({ read: true });
    const make = (format: object) =>
      new rig.aioble.Characteristic(service, new UUID(1), { format: format as never }).descriptors[0]!;
    const whole = { format: 255, exponent: -128, unit: 0xffff, namespace: 255, description: 0xffff };
    assert.equal(toHex(make(whole).read()), "ff 80 ff ff ff ff ff");
    const least = { format: 0, exponent: 127, unit: 0, namespace: 0, description: 0 };
    assert.equal(toHex(make(least).read()), "00 7f 00 00 00 00 00");
    assert.equal(toHex(make({ format: 14, unit: 0x272f }).read()), "0e 00 2f 27 01 00 00");
    const { length } = service.characteristics;
    for (const [field, below, above] of [
      ["format", -1, 256],
      ["exponent", -129, 128],
      ["unit", -1, 0x10000],
      ["namespace", -1, 256],
      ["description", -1, 0x10000],
    ] as const) {
      for (const value of [below, above, 1.5, Number.NaN]) {
        assert.throws(() => make({ ...whole, [field]: value }), {
          name: "RangeError",
          message: new RegExp(`^format\\.${field} ${value} is out of range: `),
        });
      }
      assert.throws(() => make({ ...whole, [field]: "4" }), {
        name: "TypeError",
        message: `format: ${field} is "4", which is no number`,
      });
    }
    for (const missing of [{}, { format: 14 }, { unit: 0x272f }]) {
      assert.throws(() => make(missing), /^RangeError: format\.(format|unit) undefined is out of range/);
    }
    assert.equal(service.characteristics.length, length, "nothing of them stays behind");
  });

  it("holds up to 512 bytes (Vol 3, Part F, 3.2.9)", async () => {
    const { rig, characteristic, service } = await createScene({ read: true, initial: counting(512) });
    assert.throws(() => characteristic.write(counting(513)), RangeError);
    assert.throws(() => characteristic.write("ä".repeat(257)), RangeError);
    assert.equal(characteristic.read().length, 512);
    const { aioble } = rig;
    assert.throws(
      () => new aioble.Characteristic(service, new UUID(1), { initial: counting(513) }),
      RangeError,
    );
    assert.equal(service.characteristics.length, 1, "nothing of it stays behind");
  });

  it("clients may write 20 bytes, or as many as we wrote, and never less again", async () => {
    const { rig, characteristic } = await createScene({ write: true });
    await rig.exchange(ATT, [0x02, ...le16(200)]);
    assert.deepEqual(await write(rig, counting(20)), ["13"]);
    assert.deepEqual(await write(rig, counting(21)), ["01 12 10 00 0d"]);
    characteristic.write(counting(30));
    characteristic.write(counting(3));
    assert.deepEqual(await write(rig, counting(30)), ["13"]);
    assert.deepEqual(await write(rig, counting(31)), ["01 12 10 00 0d"]);
    assert.equal(toHex(characteristic.read()), toHex(counting(30)));
  });

  it("before and after registration, and through a second registration, the value stays", async () => {
    const { rig, service, characteristic } = await createScene({ read: true, write: true, initial: "a" });
    await write(rig, [0x62]);
    rig.aioble.registerServices(service);
    assert.deepEqual(await read(rig), ["0b 62"]);
    rig.aioble.registerServices();
    assert.equal(toHex(characteristic.read()), "62");
    characteristic.write("c");
    rig.aioble.registerServices(service);
    assert.deepEqual(await read(rig), ["0b 63"]);
    await write(rig, [0x64]);
    assert.equal(toHex(characteristic.read()), "64");
  });

  it("wrong arguments throw TypeError at once", async () => {
    const { rig, characteristic, connection, service } = await createScene({ read: true, notify: true });
    const { aioble } = rig;
    assert.throws(() => new aioble.Service(0x181a as never), TypeError);
    assert.throws(() => new aioble.Characteristic({} as never, new UUID(1)), TypeError);
    assert.throws(() => new aioble.Characteristic(service, 0x2a6e as never), TypeError);
    assert.throws(() => new aioble.Characteristic(service, new UUID(1), { initial: 5 as never }), TypeError);
    assert.throws(() => characteristic.write([1, 2] as never), TypeError);
    assert.throws(() => aioble.registerServices({} as never), TypeError);
    await subscribe(rig);
    for (const data of [[1, 2], 5, null, {}, new DataView(new ArrayBuffer(2))]) {
      assert.throws(() => void characteristic.notify(connection, data as never), TypeError);
    }
  });
});

describe("Characteristic.notify", () => {
  it("to a client that has not subscribed: false, and nothing is sent (Vol 3, Part G, 3.3.3.3)", async () => {
    const { rig, characteristic, connection } = await createScene({ notify: true, initial: "x" });
    assert.equal(await characteristic.notify(connection), false);
    assert.deepEqual(rig.controller.take(), []);
    characteristic.write("y", { sendUpdate: true });
    assert.deepEqual(rig.controller.take(), []);
  });

  it("to one that has: true; the data given, or the current value; the value itself does not change", async () => {
    const { rig, characteristic, connection } = await createScene({ read: true, notify: true, initial: "x" });
    await subscribe(rig);
    rig.controller.sent.length = 0;
    assert.equal(await characteristic.notify(connection), true);
    assert.equal(await characteristic.notify(connection, "ä"), true);
    assert.equal(await characteristic.notify(connection, fromHex("0102")), true);
    assert.equal(await characteristic.notify(connection, new Uint8Array(0)), true);
    assert.deepEqual(notifications(rig), ["1b 10 00 78", "1b 10 00 c3 a4", "1b 10 00 01 02", "1b 10 00"]);
    assert.equal(toHex(characteristic.read()), "78");
  });

  it("waits when the controller is full, keeps its data, and resolves in order", async () => {
    const { rig, characteristic, connection } = await createScene({ notify: true });
    await subscribe(rig);
    rig.controller.autoComplete = false;
    rig.controller.sent.length = 0;
    const done: number[] = [];
    const data = new Uint8Array(1);
    for (let n = 0; n < BUFFERS + 3; n++) {
      data[0] = n;
      characteristic.notify(connection, data).then(
        () => done.push(n),
        () => assert.fail(),
      );
    }
    await rig.settle();
    assert.deepEqual(done, [0, 1, 2, 3]);
    rig.controller.deliver(completedPackets([HANDLE, 1]));
    await rig.settle();
    assert.deepEqual(done, [0, 1, 2, 3, 4]);
    rig.controller.deliver(completedPackets([HANDLE, 4]));
    await rig.settle();
    assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual(
      notifications(rig),
      [0, 1, 2, 3, 4, 5, 6].map((n) => `1b 10 00 0${n}`),
    );
  });

  it("rejects with send-queue-full when as many wait as may; awaiting each never comes there", async () => {
    const { rig, characteristic, connection } = await createScene({ notify: true });
    await subscribe(rig);
    rig.controller.autoComplete = false;
    const waiting = Array.from({ length: BUFFERS + QUEUE_LIMIT }, () =>
      characteristic.notify(connection, "x"),
    );
    await assert.rejects(characteristic.notify(connection, "x"), {
      name: "BleError",
      code: "send-queue-full",
    });
    rig.controller.deliver(aclFrame(HANDLE, ATT, [0x0a, 3, 0]));
    for (let n = 0; n < 20; n++) rig.controller.deliver(completedPackets([HANDLE, BUFFERS]));
    await rig.settle();
    assert.deepEqual(await Promise.all(waiting), new Array(waiting.length).fill(true));
    assert.equal(
      takeFrames(rig.controller, HANDLE).at(-1)?.payload[0],
      0x0b,
      "a request is served all the same",
    );
    rig.controller.autoComplete = true;
    for (let n = 0; n < 200; n++) {
      const sent = characteristic.notify(connection, "x");
      await rig.settle();
      assert.equal(await sent, true);
    }
  });

  it("only where it was declared and registered, and only on a link that is up", async () => {
    const { rig, characteristic, connection, service } = await createScene({ read: true });
    assert.throws(() => void characteristic.notify(connection), /TypeError.*without notify/);
    const { aioble } = rig;
    const other = new aioble.Characteristic(service, new UUID(1), { notify: true });
    assert.throws(() => void other.notify(connection), /TypeError.*not registered/);
    aioble.registerServices(service);
    assert.equal(await other.notify(connection), false);
    await rig.disconnect(HANDLE, 0x08);
    await assert.rejects(async () => await other.notify(connection), {
      name: "DeviceDisconnectedError",
      reason: 0x08,
    });
  });

  it("write({ sendUpdate: true }) notifies every client that subscribed, and no other", async () => {
    const { rig, characteristic } = await createScene({ notify: true });
    await connect(rig, HANDLE + 1);
    await connect(rig, HANDLE + 2);
    await subscribe(rig, HANDLE);
    await subscribe(rig, HANDLE + 2);
    rig.controller.sent.length = 0;
    characteristic.write("z", { sendUpdate: true });
    const packets = [...rig.controller.sent];
    const received = [0, 1, 2].map((at) => {
      rig.controller.sent.splice(0, rig.controller.sent.length, ...packets);
      return notifications(rig, HANDLE + at);
    });
    assert.deepEqual(received, [["1b 10 00 7a"], [], ["1b 10 00 7a"]]);
  });
});

describe("Characteristic.written", () => {
  it("resolves with the writer's connection; the value is stored before", async () => {
    const { rig, characteristic, connection } = await createScene({ write: true });
    const writer = characteristic.written();
    await write(rig, [7]);
    assert.equal(await writer, connection);
    assert.equal(toHex(characteristic.read()), "07");
  });

  it("at once when a write has come before the wait, and once for a burst", async () => {
    const { rig, characteristic, connection } = await createScene({ write: true, writeNoResponse: true });
    await write(rig, [1]);
    await write(rig, [2]);
    await rig.exchange(ATT, [0x52, ...le16(VALUE), 3]);
    assert.equal(await characteristic.written(), connection);
    assert.equal(toHex(characteristic.read()), "03");
    let settled = false;
    const next = characteristic.written().finally(() => {
      settled = true;
    });
    await rig.settle();
    assert.equal(settled, false);
    await write(rig, [4]);
    await next;
  });

  it("wakes every waiter", async () => {
    const { rig, characteristic, connection } = await createScene({ write: true });
    const both = Promise.all([characteristic.written(), characteristic.written()]);
    await write(rig, [1]);
    assert.deepEqual(await both, [connection, connection]);
  });

  it("a waiter that gave up takes no write from the next", async () => {
    const { rig, characteristic, connection } = await createScene({ write: true });
    const short = assert.rejects(characteristic.written({ timeoutMs: 10 }), { name: "TimeoutError" });
    await rig.clock.advance(10);
    await short;
    await write(rig, [1]);
    assert.equal(await characteristic.written({ timeoutMs: 10 }), connection);
    assert.equal(rig.clock.pending, 0);
  });

  it("names the client that wrote last, also when its link is gone", async () => {
    const { rig, characteristic, connection } = await createScene({ write: true });
    const second = await connect(rig, HANDLE + 1);
    await write(rig, [1], VALUE, HANDLE);
    await write(rig, [2], VALUE, HANDLE + 1);
    await rig.disconnect(HANDLE + 1);
    const writer = await characteristic.written();
    assert.equal(writer, second);
    assert.notEqual(writer, connection);
    assert.equal(writer.isConnected(), false);
  });

  it("a refused write is none, nor is our own", async () => {
    const { rig, characteristic } = await createScene({ write: true });
    let settled = false;
    void characteristic.written().then(() => {
      settled = true;
    });
    await write(rig, counting(20).subarray(0, 0));
    assert.equal(settled, true, "an empty write is one");
    settled = false;
    const next = characteristic.written().then(() => {
      settled = true;
    });
    characteristic.write("mine");
    await write(rig, counting(21));
    await write(rig, [1], 5);
    assert.equal(settled, false);
    await write(rig, [1]);
    await next;
  });

  it("only where clients may write, and only when registered", async () => {
    const { rig, characteristic, service } = await createScene({ read: true, notify: true });
    assert.throws(() => void characteristic.written(), /TypeError.*without write/);
    const other = new rig.aioble.Characteristic(service, new UUID(1), { writeNoResponse: true });
    assert.throws(() => void other.written(), /TypeError.*not registered/);
  });
});
