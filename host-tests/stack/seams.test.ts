/** What the layers have room for: a client role on an incoming link, and ATT over a channel that is not fixed. */
import { AttBearer } from "../../firmware/ble/att/bearer.ts";
import type { GattClient } from "../../firmware/ble/gatt/client/client.ts";
import { readValue } from "../../firmware/ble/gatt/client/reads.ts";
import type { ServerBearer } from "../../firmware/ble/gatt/server/bearer.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { concat, counting, fromHex, le16, toHex } from "../support/bytes.ts";
import { CreditChannel } from "../support/credit-channel.ts";
import { CCCD, type Client, createClient, VALUE } from "../support/gatt.ts";
import { HANDLE, takeFrames } from "../support/rig.ts";
import { aclFrame } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

function connectionOf(client: Client) {
  return client.rig.host.connections.get(HANDLE)!;
}

function clientOf(client: Client): GattClient {
  return client.rig.host.clientOf(connectionOf(client))!;
}

/** The camera reads a value of its client. */
function readFrom(client: Client, handle: number): Promise<Uint8Array> {
  const gatt = clientOf(client);
  return new Promise((resolve, reject) => {
    gatt.perform((operation) => readValue(operation, gatt, handle), { resolve, reject });
  });
}

describe("stack: a client role on an incoming link", () => {
  it("reads a value of the phone while the phone is served", async () => {
    const client = await createClient();
    const value = readFrom(client, 0x0003);
    await client.rig.settle();
    deepEqual(client.sent(), ["0a 03 00"]);
    deepEqual(await client.read(), ["0b 00 01 02 03"], "its requests are for the server");
    deepEqual(await client.send([0x0b], fromHex("7068 6f6e65")), [], "its response is not answered");
    equal(toHex(await value), "70 68 6f 6e 65");
    equal(client.rig.clock.pending, 0);
  });

  it("hears a refusal, and takes indications, which it confirms itself", async () => {
    const client = await createClient();
    const refused = rejects(readFrom(client, 0x0003), { code: "gatt-error", status: 0x02 });
    await client.send([0x01, 0x0a], le16(0x0003), [0x02]);
    await refused;
    const { indications } = clientOf(client).inboxesOf(0x0009);
    deepEqual(await client.send([0x1d], le16(0x0009), [7, 8]), ["1e"]);
    deepEqual(indications.take(), Uint8Array.of(7, 8));
  });

  it("what it waits for ends with the link, or after 30 s with the bearer", async () => {
    const client = await createClient();
    const isLost = rejects(readFrom(client, 0x0003), { code: "device-disconnected" });
    await client.rig.disconnect();
    await isLost;

    const slow = await createClient();
    const isLate = rejects(readFrom(slow, 0x0003), { code: "device-disconnected" });
    await slow.rig.clock.advance(30_000);
    await isLate;
    ok(connectionOf(slow).bearer.timedOut);
  });

  it("without one, indications are confirmed and all else from a server is dropped", async () => {
    const client = await createClient();
    for (const opcode of [0x01, 0x03, 0x0b, 0x13, 0x1b, 0x23]) {
      deepEqual(await client.send([opcode], counting(6)), [], `0x${opcode.toString(16)}`);
    }
    deepEqual(await client.send([0x1d], le16(0x0009), [1]), ["1e"]);
  });
});

const CID = 0x0040;
const MPS = 40;

interface Enhanced {
  readonly client: Client;
  readonly channel: CreditChannel;
  readonly server: ServerBearer;
  /** Sends an ATT PDU on the second bearer; the ATT PDUs that came back on it. */
  ask(...pdu: readonly (Uint8Array | readonly number[])[]): Promise<string[]>;
  /** ATT PDUs that were sent on it. */
  sent(): string[];
}

async function createEnhanced(mtu = 100): Promise<Enhanced> {
  const client = await createClient([{ maxLength: 512 }, {}]);
  const { rig } = client;
  const connection = connectionOf(client);
  const channel = new CreditChannel(connection.l2cap.openFixed(CID, MPS), mtu, MPS, 1000);
  const { clock } = rig;
  const bearer = new AttBearer(channel, {
    clock,
    link: HANDLE,
    preferredMtu: undefined,
    log: rig.host.log,
    settings: rig.host.settings,
    onMtu: () => {},
    onTimeout: () => {},
  });
  const server = rig.host.gatt.open(bearer, connection);
  const sent = (): string[] => {
    const pdus: string[] = [];
    let sdu: Uint8Array = new Uint8Array(0);
    for (const frame of takeFrames(rig.controller, HANDLE).filter((each) => each.channel === CID)) {
      ok(frame.payload.length <= MPS, "no longer than the MPS");
      sdu = concat(sdu, frame.payload);
      if (sdu.length - 2 < (sdu[0]! | (sdu[1]! << 8))) continue;
      pdus.push(toHex(sdu.subarray(2)));
      sdu = new Uint8Array(0);
    }
    equal(sdu.length, 0, "every SDU is whole");
    return pdus;
  };
  return {
    client,
    channel,
    server,
    sent,
    async ask(...parts) {
      const pdu = concat(...parts);
      const sdu = concat(le16(pdu.length), pdu);
      rig.controller.sent.length = 0;
      for (let at = 0; at < sdu.length; at += MPS) {
        rig.controller.deliver(aclFrame(HANDLE, CID, sdu.slice(at, at + MPS)));
      }
      await rig.settle();
      return sent();
    },
  };
}

describe("stack: ATT over a credit-based channel", () => {
  it("reads and writes what fits one K-frame and what takes several, at the channel's MTU from the start", async () => {
    const { ask, server } = await createEnhanced();
    equal(server.bearer.mtu, 100);
    deepEqual(await ask([0x0a], le16(VALUE)), ["0b 00 01 02 03"]);
    deepEqual(await ask([0x12], le16(VALUE), counting(97)), ["13"]);
    deepEqual(await ask([0x0a], le16(VALUE)), [`0b ${toHex(counting(97))}`]);
    deepEqual(await ask([0x02], le16(200)), ["01 02 00 00 06"], "there is no MTU to exchange (3.4.2)");
  });

  it("a transaction belongs to its bearer, a subscription to the peer", async () => {
    const { ask, client } = await createEnhanced();
    deepEqual(await client.prepare(0, [9]), ["17 10 00 00 00 09"]);
    deepEqual(await ask([0x18, 1]), ["19"], "another bearer's queue is empty");
    deepEqual(await client.read(), ["0b 00 01 02 03"]);
    deepEqual(await ask([0x12], le16(CCCD), [1, 0]), ["13"]);
    deepEqual(await client.read(CCCD), ["0b 01 00"], "the configuration is the peer's");
    equal(client.rig.host.gatt.updates.notifySubscribers(client.values[0]!), 1);
    deepEqual(client.sent(), ["1b 10 00 00 01 02 03"], "sent once, on its first bearer");
    equal(client.rig.host.gatt.clientCount, 1);
  });

  it("notifies behind its own header, and waits for credits", async () => {
    const { channel, client, sent, server } = await createEnhanced();
    const { updates } = client.rig.host.gatt;
    const [attribute] = client.values;
    client.rig.controller.sent.length = 0;
    equal(updates.notify(server, attribute!, counting(5), true), "sent");
    deepEqual(sent(), ["1b 10 00 00 01 02 03 04"]);
    channel.credits = 1;
    equal(updates.notify(server, attribute!, counting(60), true), "queued");
    equal(takeFrames(client.rig.controller, HANDLE).length, 1);
    channel.grant(5);
    equal(takeFrames(client.rig.controller, HANDLE).length, 1, "the rest of the SDU");
  });

  it("ends by itself: the peer and its subscriptions stay", async () => {
    const { ask, client, server } = await createEnhanced();
    await ask([0x12], le16(CCCD), [1, 0]);
    client.rig.host.gatt.close(server);
    server.bearer.close();
    deepEqual(await client.read(CCCD), ["0b 01 00"]);
    await client.rig.disconnect();
    equal(client.rig.host.gatt.clientCount, 0);
  });
});
