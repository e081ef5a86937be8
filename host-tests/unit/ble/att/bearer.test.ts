import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { TRANSACTION_TIMEOUT_MS } from "../../../../firmware/ble/att/bearer.ts";
import * as pdus from "../../../../firmware/ble/att/pdus.ts";
import { encode } from "../../../../firmware/ble/codec.ts";
import type { CharacteristicDefinition } from "../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../../../firmware/ble/gatt/types.ts";
import { MTU_SETTING } from "../../../../firmware/ble/links.ts";
import { UUID } from "../../../../firmware/ble/uuid.ts";
import { isAllowedError } from "../../../support/att.ts";
import { concat, counting, fromHex, le16, toHex } from "../../../support/bytes.ts";
import { ATT, createConnectedRig, HANDLE, type Rig, takeFrames } from "../../../support/rig.ts";
import { aclFrame } from "../../../support/scripted-controller.ts";

/** Handle of the first registered characteristic's value: after the services 0x1800 (1 to 5) and 0x1801 (6 to 13). */
const VALUE = 16;
const CCCD = 17;

function characteristic(options: Partial<CharacteristicDefinition> = {}): CharacteristicDefinition {
  return {
    uuid: new UUID(0x2a6e),
    properties: PROPERTY.READ | PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE | PROPERTY.NOTIFY,
    value: counting(4),
    maxLength: 512,
    ...options,
  };
}

function rigWith(options: Partial<CharacteristicDefinition> = {}): Promise<Rig> {
  return createConnectedRig((rig) => {
    rig.host.gatt.register([{ uuid: new UUID(0x181a), characteristics: [characteristic(options)] }]);
  });
}

function mtuOf(rig: Rig): number {
  return rig.host.connections.get(HANDLE)!.bearer.mtu;
}

describe("ATT MTU exchange (Vol 3, Part F, 3.4.2)", () => {
  for (const [asked, expected] of [
    [0, 23],
    [22, 23],
    [23, 23],
    [24, 24],
    [185, 185],
    [516, 516],
    [517, 517],
    [518, 517],
    [0xffff, 517],
  ] as const) {
    it(`a client with ${asked} gets ${MTU_SETTING.initial} as answer and ${expected} is in force`, async () => {
      const rig = await rigWith();
      const seen: number[] = [];
      rig.host.observe({ onMtu: (_, mtu) => seen.push(mtu) });
      assert.deepEqual(await rig.exchange(ATT, [0x02, ...le16(asked)]), ["03 05 02"]);
      assert.equal(mtuOf(rig), expected);
      assert.deepEqual(seen, [expected]);
    });
  }

  it("asked again, the answer is the same, and the latest figure of the client holds (A10)", async () => {
    const rig = await rigWith();
    const seen: number[] = [];
    rig.host.observe({ onMtu: (_, mtu) => seen.push(mtu) });
    for (const [asked, expected] of [
      [100, 100],
      [100, 100],
      [50, 50],
      [0, 23],
      [300, 300],
      [0xffff, 517],
    ] as const) {
      assert.deepEqual(await rig.exchange(ATT, [0x02, ...le16(asked)]), ["03 05 02"]);
      assert.equal(mtuOf(rig), expected);
    }
    assert.deepEqual(seen, [100, 50, 23, 300, 517], "called once for each change");
  });

  it("asked again, the wrong length is Invalid PDU and what was agreed stays", async () => {
    const rig = await rigWith();
    await rig.exchange(ATT, [0x02, ...le16(100)]);
    for (const length of [0, 1, 3]) {
      assert.deepEqual(await rig.exchange(ATT, [0x02, ...counting(length, 30)]), ["01 02 00 00 04"]);
    }
    assert.equal(mtuOf(rig), 100);
  });

  it("the answer keeps to the figure of the link's beginning, whatever is configured meanwhile", async () => {
    const rig = await rigWith();
    await rig.exchange(ATT, [0x02, ...le16(100)]);
    rig.aioble.config({ mtu: 64 });
    assert.deepEqual(await rig.exchange(ATT, [0x02, ...le16(200)]), ["03 05 02"]);
    assert.equal(mtuOf(rig), 200);
  });

  it("starts at 23 again on the next link", async () => {
    const rig = await rigWith();
    await rig.exchange(ATT, [0x02, ...le16(100)]);
    await rig.disconnect();
    const connected = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    await rig.connect();
    await connected;
    assert.equal(mtuOf(rig), 23);
    assert.deepEqual(await rig.exchange(ATT, [0x02, ...le16(50)]), ["03 05 02"]);
  });

  it("the wrong length is Invalid PDU and changes nothing", async () => {
    for (const length of [0, 1, 3, 4]) {
      const rig = await rigWith();
      assert.deepEqual(await rig.exchange(ATT, [0x02, ...counting(length, 100)]), ["01 02 00 00 04"]);
      assert.equal(mtuOf(rig), 23);
    }
  });
});

describe("ATT bearer: every opcode with every length up to 10 (Vol 3, Part F, 3.3 and 3.4.1)", () => {
  const SUCCESS = [0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x20];
  for (const fill of [0x00, 0x01, VALUE, 0xff]) {
    it(`filled with 0x${fill.toString(16)}: one allowed answer to a request, none to anything else`, async () => {
      const rig = await rigWith();
      for (let opcode = 0; opcode <= 0xff; opcode++) {
        for (let length = 0; length <= 10; length++) {
          const name = `opcode 0x${opcode.toString(16)}, ${length} bytes`;
          const replies = await rig.exchange(ATT, [opcode, ...new Array(length).fill(fill)]);
          const isRequest = (opcode & 0x40) === 0 && ((opcode & 1) === 0 || opcode > 0x23) && opcode !== 0x1e;
          if (opcode === 0x1d) {
            assert.deepEqual(replies, ["1e"], "an indication is confirmed");
            continue;
          }
          assert.equal(replies.length, isRequest ? 1 : 0, name);
          if (!isRequest) continue;
          const reply = fromHex(replies[0]!);
          if (reply[0] !== 0x01) {
            assert.ok(SUCCESS.includes(opcode) && reply[0] === opcode + 1, `${name}: ${replies[0]}`);
            assert.ok(reply.length <= mtuOf(rig), name);
            continue;
          }
          assert.equal(reply.length, 5, name);
          assert.equal(reply[1], opcode, name);
          const error = reply[4]!;
          assert.ok(isAllowedError(opcode, error), `${name}: error ${error}`);
          if (error === 0x04 || error === 0x06) assert.deepEqual([reply[2], reply[3]], [0, 0], name);
        }
      }
      assert.equal(rig.host.connections.size, 1, "the link stands");
    });
  }

  it("an empty frame is ignored", async () => {
    const rig = await rigWith();
    assert.deepEqual(await rig.exchange(ATT, []), []);
  });

  it("what is longer than ATT_MTU: a request is Invalid PDU, a command is dropped (3.2.8)", async () => {
    const rig = await rigWith();
    assert.deepEqual(await rig.exchange(ATT, concat([0x12], le16(VALUE), counting(21))), ["01 12 00 00 04"]);
    assert.deepEqual(await rig.exchange(ATT, concat([0x52], le16(VALUE), counting(21))), []);
    assert.deepEqual(
      await rig.exchange(ATT, concat([0x1e], counting(30))),
      [],
      "a confirmation is no request",
    );
    assert.deepEqual(await rig.exchange(ATT, [0x0a, ...le16(VALUE)]), [`0b ${toHex(counting(4))}`]);
    assert.deepEqual(await rig.exchange(ATT, concat([0x12], le16(VALUE), counting(20))), ["13"]);
  });

  it("an Error Response names 0x0000 where no attribute is meant (3.4.1.1)", async () => {
    const rig = await rigWith();
    assert.deepEqual(await rig.exchange(ATT, [0x0a, ...le16(VALUE), 0]), ["01 0a 00 00 04"]);
    assert.deepEqual(await rig.exchange(ATT, [0x14, ...le16(VALUE), 0, 0]), ["01 14 00 00 06"]);
    assert.deepEqual(await rig.exchange(ATT, [0x0a, 0x34, 0x12]), ["01 0a 34 12 01"]);
  });
});

describe("ATT bearer: notifications and indications (Vol 3, Part F, 3.4.7)", () => {
  it("the hot path writes what the declaration says", async () => {
    const rig = await rigWith();
    await rig.exchange(ATT, [0x12, ...le16(CCCD), 1, 0]);
    rig.controller.sent.length = 0;
    const attribute = { handle: VALUE, value: fromHex("3408") };
    rig.host.connections.get(HANDLE)!.server.notify(attribute.handle, attribute.value, 2);
    const declared = encode(pdus.handleValueNotification.fields, {
      attributeHandle: attribute.handle,
      attributeValue: attribute.value,
    });
    const [frame] = takeFrames(rig.controller, HANDLE);
    assert.equal(toHex(frame!.payload), toHex(concat([pdus.handleValueNotification.opcode], declared)));
  });

  it("cuts a value to ATT_MTU - 3", async () => {
    for (const [mtu, length, sent] of [
      [23, 20, 20],
      [23, 21, 20],
      [100, 97, 97],
      [100, 512, 97],
      [517, 512, 512],
    ] as const) {
      const rig = await rigWith();
      await rig.exchange(ATT, [0x02, ...le16(mtu)]);
      rig.controller.sent.length = 0;
      const { gatt, connections } = rig.host;
      gatt.updates.notify(connections.get(HANDLE)!.server, gatt.at(VALUE)!, counting(length), true);
      assert.equal(takeFrames(rig.controller, HANDLE)[0]!.payload.length, 3 + sent);
    }
  });

  it("an indication: one at a time, confirmed once, by a confirmation of one byte only", async () => {
    const rig = await rigWith();
    const { server } = rig.host.connections.get(HANDLE)!;
    const confirmations: boolean[] = [];
    server.indicate(8, fromHex("0100ffff"), (confirmed) => confirmations.push(confirmed));
    assert.equal(server.indicating, true);
    await rig.exchange(ATT, [0x1e, 0]);
    assert.deepEqual(confirmations, []);
    await rig.exchange(ATT, [0x1e]);
    assert.deepEqual(confirmations, [true]);
    assert.equal(server.indicating, false);
    await rig.exchange(ATT, [0x1e]);
    assert.deepEqual(confirmations, [true]);
    assert.equal(rig.clock.pending, 0, "its timer is gone");
  });

  it("an indication left open for 30 s ends the link (3.3.3)", async () => {
    const rig = await rigWith();
    const { server } = rig.host.connections.get(HANDLE)!;
    const confirmations: boolean[] = [];
    server.indicate(8, fromHex("0100ffff"), (confirmed) => confirmations.push(confirmed));
    await rig.clock.advance(TRANSACTION_TIMEOUT_MS - 1);
    rig.controller.sent.length = 0;
    await rig.clock.advance(1);
    assert.deepEqual(rig.controller.takeOpcodes(), [0x0406]);
    await rig.disconnect(HANDLE, 0x16);
    assert.deepEqual(confirmations, [false]);
  });

  it("an indication ends with the link", async () => {
    const rig = await rigWith();
    const confirmations: boolean[] = [];
    rig.host.connections
      .get(HANDLE)!
      .server.indicate(8, fromHex("00"), (confirmed) => confirmations.push(confirmed));
    await rig.disconnect();
    assert.deepEqual(confirmations, [false]);
    assert.equal(rig.clock.pending, 0);
  });

  it("requests are served while an indication waits (3.3.2)", async () => {
    const rig = await rigWith();
    rig.host.connections.get(HANDLE)!.server.indicate(8, fromHex("00"), () => {});
    assert.deepEqual(await rig.exchange(ATT, [0x0a, ...le16(VALUE)]), [`0b ${toHex(counting(4))}`]);
  });
});

describe("a hostile client", () => {
  it("asks ten thousand times without taking an answer: memory is bounded, and the link works afterwards", async () => {
    const rig = await rigWith({ value: counting(20) });
    rig.controller.autoComplete = false;
    const request = aclFrame(HANDLE, ATT, [0x0a, ...le16(VALUE)]);
    rig.controller.deliverTogether(...new Array(10_000).fill(request));
    await rig.settle();
    const { link } = rig.host.connections.get(HANDLE)!;
    assert.ok(link.queued <= 64, `${link.queued} answers wait`);
    rig.controller.autoComplete = true;
    rig.host.acl.completed(new DataView(Uint8Array.from([4, 0x13, 5, 1, ...le16(HANDLE), 4, 0]).buffer));
    await rig.settle();
    assert.equal(link.queued, 0);
    assert.equal((await rig.exchange(ATT, [0x0a, ...le16(VALUE)])).length, 1);
  });
});
