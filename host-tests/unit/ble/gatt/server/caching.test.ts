import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Database } from "../../../../../firmware/ble/gatt/server/database.ts";
import { GenericServices } from "../../../../../firmware/ble/gatt/server/generic-services.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { UUID } from "../../../../../firmware/ble/uuid.ts";
import { simulatedCrypto } from "../../../../../simulator/crypto.ts";
import { fromHex, toHex } from "../../../../support/bytes.ts";
import {
  CCCD,
  CLIENT_FEATURES,
  type Client,
  createClient,
  DATABASE_HASH,
  error,
  SERVICE_CHANGED_CCCD,
  service,
  VALUE,
} from "../../../../support/gatt.ts";

const readHash = (client: Client) => client.send([0x08, 1, 0, 0xff, 0xff, 0x2a, 0x2b]);

describe("Database Hash (Vol 3, Part G, 7.3)", () => {
  it("the specification's sample gives the specification's hash (Appendix B), least significant byte first", () => {
    const generic = new GenericServices(simulatedCrypto.aesCmac, () => true);
    const database = new Database();
    generic.addTo(database, () => undefined)();
    // The sample's device name may be written.
    database.at(2)!.value = fromHex("0a0300002a");
    const battery = {
      uuid: new UUID(0x180f),
      secondary: true,
      characteristics: [
        { uuid: new UUID(0x2a19), properties: PROPERTY.READ, value: fromHex("64"), maxLength: 0 },
      ],
    };
    database.add({
      uuid: new UUID(0x1808),
      includes: [battery],
      characteristics: [
        {
          uuid: new UUID(0x2a18),
          properties: PROPERTY.READ | PROPERTY.INDICATE | PROPERTY.EXTENDED,
          value: fromHex("1234"),
          maxLength: 0,
          descriptors: [{ uuid: new UUID(0x2900), read: true, value: fromHex("0000"), maxLength: 0 }],
        },
      ],
    });
    database.add(battery);
    database.resolveIncludes();
    assert.equal(
      toHex(generic.databaseHash().slice().reverse()),
      "f1 ca 2d 48 ec f5 8b ac 8a 88 30 bb b9 fb a9 90",
    );
  });

  it("depends on the structure, not on values; the same database gives the same hash", async () => {
    const client = await createClient();
    const [first] = await readHash(client);
    assert.match(first!, /^09 12 0d 00( ..){16}$/);
    client.values[0]!.value = fromHex("ffff");
    client.rig.host.gatt.generic.deviceName = fromHex("41");
    assert.deepEqual(await readHash(client), [first]);
    client.rig.host.gatt.register([service({}, {})]);
    const [second] = await readHash(client);
    assert.notEqual(second, first);
    client.rig.host.gatt.register([service({})]);
    assert.deepEqual(await readHash(client), [first]);
  });
});

describe("Client Supported Features (Vol 3, Part G, 7.2)", () => {
  it("bits may be set, never cleared; unknown ones are ignored; it is each client's own", async () => {
    const client = await createClient();
    const set = (...value: number[]) => client.write(value, CLIENT_FEATURES);
    assert.deepEqual(await client.read(CLIENT_FEATURES), ["0b 00"]);
    assert.deepEqual(await set(), [error(0x12, CLIENT_FEATURES, 0x13)]);
    assert.deepEqual(await set(0x01), ["13"]);
    assert.deepEqual(await set(0xfc | 0x01), ["13"]);
    assert.deepEqual(await client.read(CLIENT_FEATURES), ["0b 05"]);
    for (const value of [0x00, 0x01, 0x04, 0xfa]) {
      assert.deepEqual(await set(value), [error(0x12, CLIENT_FEATURES, 0x13)], `0x${value.toString(16)}`);
    }
    assert.deepEqual(await set(0x05, 0, 0, 0), ["13"], "later versions have more bytes");
    assert.deepEqual(await client.read(CLIENT_FEATURES), ["0b 05"]);
  });
});

describe("robust caching (Vol 3, Part G, 2.5.2.1)", () => {
  async function createUnaware(): Promise<Client> {
    const client = await createClient([{}, {}]);
    await client.write([0x01], CLIENT_FEATURES);
    client.rig.host.gatt.register([service({})]);
    return client;
  }

  it("a client that did not ask for it is served on", async () => {
    const client = await createClient();
    client.rig.host.gatt.register([service({})]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });

  it("every request that names an attribute is refused once; the next is served", async () => {
    for (const [pdu, handle] of [
      [[0x0a, VALUE, 0], VALUE],
      [[0x0c, VALUE, 0, 0, 0], VALUE],
      [[0x0e, VALUE, 0, VALUE, 0], VALUE],
      [[0x20, VALUE, 0, VALUE, 0], VALUE],
      [[0x12, VALUE, 0, 1], VALUE],
      [[0x16, VALUE, 0, 0, 0, 1], VALUE],
      [[0x18, 1], 0],
      [[0x08, VALUE, 0, 0xff, 0xff, 0x6e, 0x2a], VALUE],
      [[0x08, 2, 0, 0xff, 0xff, 0x2a, 0x2b], 2],
    ] as const) {
      const client = await createUnaware();
      assert.deepEqual(await client.send(pdu), [error(pdu[0], handle, 0x12)]);
      const [second] = await client.send(pdu);
      assert.notEqual(second, error(pdu[0], handle, 0x12));
      assert.deepEqual(await client.read(), [pdu[0] === 0x12 ? "0b 01" : "0b 00 01 02 03"]);
    }
  });

  it("discovery is served, never refused for it (Part F, 3.4.3.1, 3.4.3.3, 3.4.4.9), and does not make aware", async () => {
    const client = await createUnaware();
    for (const pdu of [
      [0x04, 1, 0, 0xff, 0xff],
      [0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0x1a, 0x18],
      [0x10, 1, 0, 0xff, 0xff, 0x00, 0x28],
      [0x08, 5, 0, 0xff, 0xff, 0x03, 0x28],
      [0x08, 1, 0, 0xff, 0xff, 0x6e, 0x2a],
    ]) {
      assert.equal((await client.send(pdu))[0]!.slice(0, 2), (pdu[0]! + 1).toString(16).padStart(2, "0"));
    }
    assert.deepEqual(await client.send([0x08, 5, 0, 0xff, 0xff, 0x02, 0x28]), [error(0x08, 5, 0x0a)]);
    assert.deepEqual(await client.read(), [error(0x0a, VALUE, 0x12)]);
  });

  it("commands are ignored, and counted, until it is aware", async () => {
    const client = await createUnaware();
    await client.command([9]);
    assert.equal(client.rig.host.gatt.droppedCommands, 1);
    await client.read();
    await client.command([9]);
    assert.equal(client.rig.host.gatt.droppedCommands, 2, "the refusal alone does not make aware");
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
    await client.command([9]);
    assert.deepEqual(await client.read(), ["0b 09"]);
  });

  it("reading the hash makes it aware with the next request, without a refusal", async () => {
    const client = await createUnaware();
    assert.match((await readHash(client))[0]!, /^09 12 0d 00/);
    await client.command([9]);
    assert.equal(client.rig.host.gatt.droppedCommands, 1, "not yet");
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
    await client.command([9]);
    assert.deepEqual(await client.read(), ["0b 09"]);
  });

  it("another change begins it anew", async () => {
    const client = await createUnaware();
    await client.read();
    client.rig.host.gatt.register([service({}, {})]);
    assert.deepEqual(await client.read(), [error(0x0a, VALUE, 0x12)]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
    await readHash(client);
    client.rig.host.gatt.register([service({})]);
    assert.deepEqual(
      await client.read(DATABASE_HASH),
      [error(0x0a, DATABASE_HASH, 0x12)],
      "by handle is no exception",
    );
  });

  it("a confirmed Service Changed makes it aware; of an earlier change it does not", async () => {
    const client = await createClient([{}]);
    await client.write([0x01], CLIENT_FEATURES);
    await client.write([2, 0], SERVICE_CHANGED_CCCD);
    client.rig.controller.sent.length = 0;
    client.rig.host.gatt.register([service({}, {})]);
    assert.deepEqual(client.sent(), ["1d 08 00 01 00 ff ff"]);
    client.rig.host.gatt.register([service({})]);
    assert.deepEqual(client.sent(), []);
    assert.deepEqual(await client.send([0x1e]), ["1d 08 00 01 00 ff ff"]);
    await client.command([9]);
    assert.equal(client.rig.host.gatt.droppedCommands, 1);
    assert.deepEqual(await client.send([0x1e]), []);
    await client.command([9]);
    assert.deepEqual(await client.read(), ["0b 09"]);
  });

  it("nothing of the old database is sent after the change: waiting indications are withdrawn", async () => {
    const client = await createClient([{}]);
    const { gatt, connections } = client.rig.host;
    await client.write([2, 0], CCCD);
    const confirmations: boolean[] = [];
    const remote = [...connections.values()][0]!.server;
    for (let n = 0; n < 3; n++) {
      gatt.updates.indicate(remote, {
        attribute: client.values[0]!,
        value: fromHex(`0${n}`),
        onConfirmed: (confirmed) => confirmations.push(confirmed),
      });
    }
    assert.deepEqual(client.sent(), ["1d 10 00 00"]);
    gatt.register([service({})]);
    assert.deepEqual(confirmations, [false, false]);
    assert.deepEqual(await client.send([0x1e]), []);
    assert.deepEqual(confirmations, [false, false, true]);
  });

  it("a new link of a client without a bond is aware", async () => {
    const client = await createUnaware();
    await client.rig.disconnect();
    const connected = client.rig.aioble.advertise({ intervalUs: 100_000 });
    await client.rig.settle();
    await client.rig.connect();
    await connected;
    assert.deepEqual(await client.read(CLIENT_FEATURES), ["0b 00"]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });
});
