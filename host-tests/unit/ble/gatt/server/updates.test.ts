import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { PendingIndication, ServerBearer } from "../../../../../firmware/ble/gatt/server/bearer.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { concat, counting, fromHex, le16, toHex } from "../../../../support/bytes.ts";
import { CCCD, CLIENT_FEATURES, type Client, createClient, VALUE } from "../../../../support/gatt.ts";

const CONFIRMATION = [0x1e];
const OTHER_CCCD = 20;

function remoteOf(client: Client): ServerBearer {
  return [...client.rig.host.connections.values()][0]!.server;
}

interface Indications {
  readonly confirmations: [string, boolean][];
  indicate(value: string, at?: number): PendingIndication;
}

function indications(client: Client): Indications {
  const confirmations: [string, boolean][] = [];
  return {
    confirmations,
    indicate(value, at = 0) {
      const pending: PendingIndication = {
        attribute: client.values[at]!,
        value: fromHex(value),
        onConfirmed: (confirmed) => confirmations.push([value, confirmed]),
      };
      client.rig.host.gatt.updates.indicate(remoteOf(client), pending, true);
      return pending;
    },
  };
}

describe("indications (Vol 3, Part F, 3.3.2 and 3.4.7.2)", () => {
  it("go out one at a time, in order, each after the confirmation of the one before", async () => {
    const client = await createClient([{}, {}]);
    const { confirmations, indicate } = indications(client);
    indicate("01");
    indicate("02", 1);
    indicate("03");
    assert.deepEqual(client.sent(), ["1d 10 00 01"]);
    assert.deepEqual(await client.send(CONFIRMATION), ["1d 13 00 02"]);
    assert.deepEqual(confirmations, [["01", true]]);
    assert.deepEqual(await client.send(CONFIRMATION), ["1d 10 00 03"]);
    assert.deepEqual(await client.send(CONFIRMATION), []);
    assert.deepEqual(
      confirmations.map(([value]) => value),
      ["01", "02", "03"],
    );
    assert.equal(client.rig.clock.pending, 0);
  });

  it("confirmations that nobody waits for change nothing", async () => {
    const client = await createClient();
    const { confirmations, indicate } = indications(client);
    for (let n = 0; n < 3; n++) assert.deepEqual(await client.send(CONFIRMATION), []);
    indicate("01");
    indicate("02");
    client.sent();
    assert.deepEqual(await client.together(CONFIRMATION, CONFIRMATION, CONFIRMATION), ["1d 10 00 02"]);
    assert.deepEqual(confirmations, [
      ["01", true],
      ["02", true],
    ]);
  });

  it("without a confirmation for 30 s the link ends, and each is called once with its failure (3.3.3)", async () => {
    const client = await createClient();
    const { confirmations, indicate } = indications(client);
    indicate("01");
    indicate("02");
    await client.rig.clock.advance(29_999);
    client.rig.controller.sent.length = 0;
    await client.rig.clock.advance(1);
    assert.deepEqual(client.rig.controller.takeOpcodes(), [0x0406]);
    await client.rig.disconnect();
    assert.deepEqual(confirmations, [
      ["01", false],
      ["02", false],
    ]);
    assert.equal(client.rig.clock.pending, 0);
  });

  it("one that waits can be withdrawn; one that has left is confirmed into the void", async () => {
    const client = await createClient();
    const { updates } = client.rig.host.gatt;
    const { indicate } = indications(client);
    const first = indicate("01");
    const second = indicate("02");
    indicate("03");
    updates.withdraw(remoteOf(client), second);
    updates.withdraw(remoteOf(client), first);
    assert.deepEqual(client.sent(), ["1d 10 00 01"]);
    assert.deepEqual(await client.send(CONFIRMATION), ["1d 10 00 03"]);
    assert.deepEqual(await client.send(CONFIRMATION), []);
  });

  it("to subscribers: the latest value takes the place of one that waits, not of one with a value of its own", async () => {
    const client = await createClient([{}, {}]);
    const { updates } = client.rig.host.gatt;
    await client.write([2, 0], CCCD);
    const { indicate } = indications(client);
    const [attribute] = client.values;
    indicate("aa", 1);
    indicate("bb");
    for (const text of ["01", "02", "03"]) {
      attribute!.value = fromHex(text);
      assert.equal(updates.notifySubscribers(attribute!), 1);
    }
    assert.deepEqual(client.sent(), ["1d 13 00 aa"]);
    assert.deepEqual(await client.send(CONFIRMATION), ["1d 10 00 bb"]);
    assert.deepEqual(await client.send(CONFIRMATION), ["1d 10 00 03"]);
    attribute!.value = fromHex("04");
    updates.notifySubscribers(attribute!);
    assert.deepEqual(await client.send(CONFIRMATION), ["1d 10 00 04"], "one on its way is not changed");
    assert.deepEqual(await client.send(CONFIRMATION), []);
  });

  it("notifications go on while one waits; a client with both bits is notified", async () => {
    const client = await createClient();
    const { updates } = client.rig.host.gatt;
    await client.write([3, 0], CCCD);
    indications(client).indicate("01");
    updates.notifySubscribers(client.values[0]!);
    assert.deepEqual(client.sent(), ["1d 10 00 01", "1b 10 00 00 01 02 03"]);
  });

  it("longer than ATT_MTU - 3 is cut", async () => {
    const client = await createClient();
    indications(client).indicate("00".repeat(30));
    assert.equal(client.sent()[0]!.split(" ").length, 23);
  });

  it("ten thousand values for a client that never confirms take the room of one", async () => {
    const client = await createClient();
    await client.write([2, 0], CCCD);
    for (let n = 0; n < 10_000; n++) client.rig.host.gatt.updates.notifySubscribers(client.values[0]!);
    assert.equal(remoteOf(client).indications.length, 2);
  });
});

describe("Multiple Handle Value Notifications (Vol 3, Part F, 3.4.7.4)", () => {
  const NOTIFYING = { properties: PROPERTY.READ | PROPERTY.NOTIFY, maxLength: 100 };

  async function createSubscribed(features: number, mtu = 23): Promise<Client> {
    const client = await createClient([NOTIFYING, NOTIFYING], mtu);
    if (features) await client.write([features], CLIENT_FEATURES);
    await client.write([1, 0], CCCD);
    await client.write([1, 0], OTHER_CCCD);
    client.rig.controller.sent.length = 0;
    return client;
  }

  const notify = (client: Client, ...values: Uint8Array[]) =>
    client.rig.host.gatt.updates.notifyMultiple(
      remoteOf(client),
      values.map((value, at) => [client.values[at % 2]!, value] as const),
    );

  it("only to clients that set bit 2 of their features (Part G, 7.2)", async () => {
    for (const features of [0, 1]) {
      const client = await createSubscribed(features);
      notify(client, fromHex("01"), fromHex("02"));
      assert.deepEqual(client.sent(), ["1b 10 00 01", "1b 13 00 02"]);
    }
    for (const features of [4, 5]) {
      const client = await createSubscribed(features);
      assert.equal(notify(client, fromHex("01"), fromHex("02")), "sent");
      assert.deepEqual(client.sent(), ["23 10 00 01 00 01 13 00 01 00 02"]);
    }
  });

  it("tuples are never cut, every PDU fits, none holds fewer than two values", async () => {
    for (const mtu of [23, 24, 30, 64]) {
      for (const lengths of [
        [0, 0],
        [7, 7],
        [7, 8],
        [1, 15, 1, 1],
        [19, 1, 1],
        [20, 20],
        [60, 1, 1],
        [5, 5, 5, 5, 5, 5, 5],
      ]) {
        const client = await createSubscribed(4, mtu);
        notify(client, ...lengths.map((length, at) => counting(length, at * 16)));
        const seen: string[] = [];
        for (const text of client.sent()) {
          const pdu = fromHex(text);
          assert.ok(pdu.length <= mtu);
          if (pdu[0] === 0x1b) {
            seen.push(toHex(pdu.subarray(3)));
            continue;
          }
          assert.equal(pdu[0], 0x23);
          let tuples = 0;
          for (let at = 1; at < pdu.length; tuples++) {
            const length = pdu[at + 2]! | (pdu[at + 3]! << 8);
            assert.ok(at + 4 + length <= pdu.length, "whole");
            seen.push(toHex(pdu.subarray(at + 4, at + 4 + length)));
            at += 4 + length;
          }
          assert.ok(tuples >= 2);
        }
        const expected = lengths.map((length, at) => toHex(counting(Math.min(length, mtu - 3), at * 16)));
        assert.deepEqual(seen, expected, `MTU ${mtu}: ${lengths}`);
      }
    }
  });

  it("what was not asked for is left out", async () => {
    const client = await createSubscribed(4);
    await client.write([0, 0], OTHER_CCCD);
    client.rig.controller.sent.length = 0;
    notify(client, fromHex("01"), fromHex("02"));
    assert.deepEqual(client.sent(), ["1b 10 00 01"]);
    await client.write([0, 0], CCCD);
    client.rig.controller.sent.length = 0;
    assert.equal(notify(client, fromHex("01"), fromHex("02")), "unsubscribed");
    assert.deepEqual(client.sent(), []);
  });
});

describe("included and secondary services, and descriptors (Vol 3, Part G, 3.1 to 3.3)", () => {
  it("a client may read, and write where allowed, a descriptor like any attribute", async () => {
    const { UUID } = await import("../../../../../firmware/ble/uuid.ts");
    const client = await createClient([
      {
        properties: PROPERTY.READ,
        descriptors: [
          { uuid: new UUID(0x2901), read: true, value: fromHex("4142"), maxLength: 0 },
          { uuid: new UUID(0x2904), read: true, write: true, value: fromHex("00"), maxLength: 7 },
          { uuid: new UUID(0x2905), value: fromHex("00"), maxLength: 7 },
        ],
      },
    ]);
    assert.deepEqual(await client.read(17), ["0b 41 42"]);
    assert.deepEqual(await client.write([1], 17), ["01 12 11 00 03"]);
    assert.deepEqual(await client.write(counting(7), 18), ["13"]);
    assert.deepEqual(await client.write(counting(8), 18), ["01 12 12 00 0d"]);
    assert.deepEqual(await client.read(18), [`0b ${toHex(counting(7))}`]);
    assert.deepEqual(await client.read(19), ["01 0a 13 00 02"]);
    assert.deepEqual(await client.send([0x04], le16(VALUE + 1), le16(0xffff)), [
      `05 01 ${toHex(concat(le16(17), le16(0x2901), le16(18), le16(0x2904), le16(19), le16(0x2905)))}`,
    ]);
  });
});
