/** What qualification and the field ask of a server, by the names of the test suites (GATT.TS, L2CAP.TS, SM.TS). */
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { concat, counting, fromHex, le16, toHex } from "../support/bytes.ts";
import {
  ALL,
  CCCD,
  CLIENT_FEATURES,
  type Client,
  clientOn,
  connectAnother,
  createClient,
  DATABASE_HASH,
  deferred,
  error,
  SERVICE_CHANGED,
  SERVICE_CHANGED_CCCD,
  service,
  VALUE,
} from "../support/gatt.ts";
import { HANDLE, type Rig, SIGNALING, SMP, takeFrames } from "../support/rig.ts";
import { completedPackets } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const CONFIRMATION = [0x1e];
const NOTIFYING = { properties: PROPERTY.READ | PROPERTY.NOTIFY, maxLength: 100 };

function remoteOf({ rig }: Client) {
  return [...rig.host.connections.values()][0]!.server;
}

describe("stack: qualification of the server", () => {
  it("GATT/SR/UNS/BI: an unsupported request is refused, an unsupported command ignored", async () => {
    const client = await createClient();
    for (const opcode of [0x14, 0x1a, 0x22, 0x24, 0x2e, 0x3f, 0x81, 0xbf]) {
      deepEqual(await client.send([opcode], counting(4)), [error(opcode, 0, 0x06)]);
    }
    for (const opcode of [0x40, 0x53, 0x7f, 0xc0, 0xff])
      deepEqual(await client.send([opcode], counting(4)), []);
    deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });

  it("GATT/SR/GAN/BV-01: a notification after the subscription, none before it and none after its end", async () => {
    const client = await createClient([NOTIFYING]);
    const update = () => client.rig.host.gatt.updates.notifySubscribers(client.values[0]!);
    equal(update(), 0);
    await client.write([1, 0], CCCD);
    equal(update(), 1);
    deepEqual(client.sent(), ["1b 10 00 00 01 02 03"]);
    await client.write([0, 0], CCCD);
    equal(update(), 0);
    deepEqual(client.sent(), []);
  });

  it("GATT/SR/GAN/BV-02: several values in one Multiple Handle Value Notification to a client that understands it", async () => {
    const client = await createClient([NOTIFYING, NOTIFYING], 48);
    await client.write([0x04], CLIENT_FEATURES);
    await client.write([1, 0], CCCD);
    await client.write([1, 0], CCCD + 3);
    const [first, second] = client.values;
    const { updates } = client.rig.host.gatt;
    equal(
      updates.notifyMultiple(remoteOf(client), [
        [first!, counting(2)],
        [second!, counting(3, 7)],
      ]),
      "sent",
    );
    deepEqual(client.sent(), ["23 10 00 02 00 00 01 13 00 03 00 07 08 09"]);
  });

  it("GATT/SR/GAI/BV-01: an indication, confirmed", async () => {
    const client = await createClient();
    await client.write([2, 0], CCCD);
    client.rig.host.gatt.updates.notifySubscribers(client.values[0]!);
    deepEqual(client.sent(), ["1d 10 00 00 01 02 03"]);
    deepEqual(await client.send(CONFIRMATION), []);
    ok(!remoteOf(client).indicating);
  });

  it("GATT/SR/GAS: Service Changed is indicated to a client that asked for it, and confirmed", async () => {
    const client = await createClient();
    deepEqual(await client.write([2, 0], SERVICE_CHANGED_CCCD), ["13"]);
    client.rig.host.gatt.register([service({}, {})]);
    deepEqual(client.sent(), ["1d 08 00 01 00 ff ff"]);
    deepEqual(await client.send(CONFIRMATION), []);
    deepEqual(await client.read(SERVICE_CHANGED), [error(0x0a, SERVICE_CHANGED, 0x02)]);
  });

  it("GATT/SR/GAS: features are set and never cleared; a client with robust caching gets the error once", async () => {
    const client = await createClient();
    deepEqual(await client.read(CLIENT_FEATURES), ["0b 00"]);
    deepEqual(await client.write([0x01], CLIENT_FEATURES), ["13"]);
    deepEqual(await client.write([0x00], CLIENT_FEATURES), [error(0x12, CLIENT_FEATURES, 0x13)]);
    deepEqual(await client.read(CLIENT_FEATURES), ["0b 01"]);
    client.rig.host.gatt.register([service({}, {})]);
    deepEqual(await client.read(), [error(0x0a, VALUE, 0x12)]);
    deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });

  it("GATT/SR/GAS: the Database Hash of 16 bytes, the same until the database changes", async () => {
    const client = await createClient();
    const [hash] = await client.read(DATABASE_HASH);
    equal(fromHex(hash!).length, 17);
    client.values[0]!.value = counting(9);
    deepEqual(await client.read(DATABASE_HASH), [hash!]);
    client.rig.host.gatt.register([service({}, {})]);
    ok((await client.read(DATABASE_HASH))[0] !== hash);
  });

  for (const mtu of [23, 48, 513]) {
    it(`a value of exactly ATT_MTU - 1 bytes at MTU ${mtu}: read whole, then an empty blob at offset = length`, async () => {
      const length = mtu - 1;
      const client = await createClient([{ value: counting(length), maxLength: 512 }], mtu);
      deepEqual(await client.read(), [toHex(concat([0x0b], counting(length)))]);
      deepEqual(await client.blob(length), ["0d"]);
      deepEqual(await client.blob(length - 1), [toHex(concat([0x0d], counting(1, length - 1)))]);
      deepEqual(await client.blob(length + 1), [error(0x0c, VALUE, 0x07)]);
    });
  }

  it("a response withheld by the application past its time: Unlikely Error before 30 s, and the link goes on", async () => {
    const late = deferred<number>();
    const client = await createClient([{ hooks: { onRead: () => late.promise } }, {}]);
    deepEqual(await client.read(), []);
    await client.rig.clock.advance(29_999);
    deepEqual(client.sent(), [error(0x0a, 0, 0x0e)]);
    deepEqual(await client.read(VALUE + 3), ["0b 00 01 02 03"]);
    late.resolve(0x80);
    await client.rig.settle();
    deepEqual(client.sent(), [], "the late answer is swallowed");
  });

  it("a confirmation withheld past 30 s: the link is ended, and nothing more is sent on it", async () => {
    const client = await createClient([{ properties: ALL }]);
    await client.write([3, 0], CCCD);
    const { updates } = client.rig.host.gatt;
    const pending = { attribute: client.values[0]!, value: counting(1), onConfirmed: () => {} };
    updates.indicate(remoteOf(client), pending);
    await client.rig.clock.advance(30_000);
    deepEqual(client.rig.controller.takeOpcodes(), [0x0406]);
    equal(updates.notifySubscribers(client.values[0]!), 0);
    equal(updates.notify(remoteOf(client), client.values[0]!, counting(1), true), "full");
    updates.indicate(remoteOf(client), pending);
    deepEqual(client.sent(), []);
  });

  it("a handle used again while credits of the old link are outstanding: the new link has all of them", async () => {
    const client = await createClient([NOTIFYING]);
    const { rig } = client;
    rig.controller.autoComplete = false;
    const { updates } = rig.host.gatt;
    const fill = (of: Client, values: Client) => {
      let sent = 0;
      while (updates.notify(remoteOf(of), values.values[0]!, counting(1), true) === "sent") sent++;
      return sent;
    };
    const buffers = fill(client, client);
    ok(buffers > 1);
    await rig.disconnect(HANDLE);
    await connectAnother(rig, HANDLE);
    // What the old link had in the controller is reported late, against the rules; it is not counted twice.
    rig.controller.deliver(completedPackets([HANDLE, buffers]));
    await rig.settle();
    rig.controller.sent.length = 0;
    equal(fill(clientOn(rig), client), buffers);
    equal(takeFrames(rig.controller, HANDLE).length, buffers);
  });
});

/** What was sent on the signalling channel since the last look. */
const signals = (rig: Rig): string[] =>
  takeFrames(rig.controller, HANDLE)
    .filter(({ channel }) => channel === SIGNALING)
    .map(({ payload }) => toHex(payload));

describe("stack: qualification of the channels below", () => {
  it("L2CAP/LE/REJ/BI-02: Echo and Information requests are rejected", async () => {
    const { rig } = await createClient();
    for (const code of [0x08, 0x0a]) {
      deepEqual(await rig.exchange(SIGNALING, [code, 0x05, 2, 0, 1, 0]), ["01 05 02 00 00 00"]);
    }
  });

  it("L2CAP/ECFC/BV-26, L2CAP/CFC: an enhanced channel with an MTU of 32 is refused (0x000C), a plain one that nobody accepts too (0x0002)", async () => {
    const { rig } = await createClient();
    const enhanced = concat(le16(0x80), le16(32), le16(64), le16(1), le16(0x40));
    deepEqual(await rig.exchange(SIGNALING, concat([0x17, 1], le16(enhanced.length), enhanced)), [
      "18 01 0a 00 00 00 00 00 00 00 0c 00 00 00",
    ]);
    const plain = concat(le16(0x80), le16(0x40), le16(64), le16(64), le16(1));
    deepEqual(await rig.exchange(SIGNALING, concat([0x14, 2], le16(plain.length), plain)), [], "not yet");
    await rig.clock.advance(500);
    deepEqual(signals(rig), ["15 02 0a 00 00 00 00 00 00 00 00 00 02 00"]);
  });

  it("SM: a device that does not pair says Pairing Not Supported, and the link stands", async () => {
    const { rig } = await createClient();
    rig.aioble.config({ pairing: "never" });
    deepEqual(await rig.exchange(SMP, [0x01, 0x03, 0, 1, 16, 0, 0]), ["05 05"]);
    equal(rig.host.connections.size, 1);
  });
});
