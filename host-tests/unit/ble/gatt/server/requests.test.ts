import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { isAllowedError } from "../../../../support/att.ts";
import { concat, counting, fromHex, le16 } from "../../../../support/bytes.ts";
import { ALL, createClient } from "../../../../support/gatt.ts";

/** Each permission once, with and without a CCCD, with handlers that answer, refuse, throw and promise. */
const CHARACTERISTICS = [
  { properties: PROPERTY.READ },
  { properties: PROPERTY.WRITE },
  { properties: PROPERTY.WRITE_WITHOUT_RESPONSE },
  { properties: PROPERTY.NOTIFY },
  { properties: ALL, maxLength: 512, value: counting(300) },
  { properties: ALL, append: true },
  { properties: ALL, maxLength: 0, value: new Uint8Array(0) },
  { properties: ALL, hooks: { onRead: () => 0x80, onWrite: () => 0xfc } },
  {
    properties: ALL,
    hooks: {
      onRead() {
        throw new Error("read");
      },
      onWrite() {
        throw new Error("write");
      },
    },
  },
  { properties: ALL, hooks: { onRead: async () => counting(40), onWrite: async () => 0 } },
];

/** Handles: none, declarations, values, CCCDs, the generic services, behind the end, the last. */
const HANDLES = [
  0, 1, 3, 8, 9, 11, 13, 14, 15, 16, 18, 20, 22, 23, 25, 26, 28, 31, 34, 37, 40, 41, 42, 0x7fff, 0xffff,
];

/** Requests and their bodies for a handle and the bytes after it. */
const REQUESTS: readonly [opcode: number, body: (handle: number, tail: Uint8Array) => Uint8Array][] = [
  [0x04, (handle, tail) => concat(le16(handle), le16(0xffff), tail)],
  [0x06, (handle, tail) => concat(le16(handle), le16(0xffff), le16(0x2800), tail)],
  [0x08, (handle, tail) => concat(le16(handle), le16(0xffff), le16(0x2a6e), tail)],
  [0x08, (handle, tail) => concat(le16(handle), le16(handle), le16(0x2902), tail)],
  [0x0a, (handle, tail) => concat(le16(handle), tail)],
  [0x0c, (handle, tail) => concat(le16(handle), tail)],
  [0x0e, (handle, tail) => concat(le16(handle), le16(3), tail)],
  [0x10, (handle, tail) => concat(le16(handle), le16(0xffff), le16(0x2800), tail)],
  [0x12, (handle, tail) => concat(le16(handle), tail)],
  [0x16, (handle, tail) => concat(le16(handle), le16(0), tail)],
  [0x18, (_, tail) => tail.subarray(0, 3)],
  [0x20, (handle, tail) => concat(le16(handle), le16(3), tail)],
];

describe("every request, each handle class, permission and length (Vol 3, Part F, Table 3.44)", () => {
  for (const mtu of [23, 100]) {
    for (const [opcode, body] of REQUESTS) {
      it(`0x${opcode.toString(16)} at MTU ${mtu}: exactly one answer, of the allowed set`, async () => {
        const client = await createClient(CHARACTERISTICS, mtu);
        for (const handle of HANDLES) {
          for (let length = 0; length <= mtu + 1; length += length < 24 ? 1 : 13) {
            const pdu = concat([opcode], body(handle, counting(length, handle & 1)));
            const name = `handle ${handle}, ${pdu.length} bytes`;
            const replies = await client.send(pdu);
            assert.equal(replies.length, 1, name);
            const reply = fromHex(replies[0]!);
            assert.ok(reply.length <= mtu, name);
            if (reply[0] !== 0x01) {
              assert.equal(reply[0], opcode + 1, name);
              assert.ok(pdu.length <= mtu, name);
              continue;
            }
            assert.equal(reply.length, 5, name);
            assert.equal(reply[1], opcode, name);
            assert.ok(isAllowedError(opcode, reply[4]!), `${name}: error 0x${reply[4]!.toString(16)}`);
            if ([0x04, 0x06, 0x0e, 0x11].includes(reply[4]!)) {
              assert.deepEqual([...reply.subarray(2, 4)], [0, 0], `${name}: these blame no attribute (3.3)`);
            }
          }
        }
        assert.equal(client.rig.clock.pending, 0);
        assert.equal(client.rig.host.connections.size, 1);
      });
    }
  }

  it("commands, signed or not, of every length and to every handle are never answered", async () => {
    const client = await createClient(CHARACTERISTICS);
    for (const opcode of [0x52, 0xd2, 0x40, 0x5a, 0x7f, 0xff]) {
      for (const handle of HANDLES) {
        for (let length = 0; length <= 24; length++) {
          assert.deepEqual(await client.send([opcode], le16(handle), counting(length)), []);
        }
      }
    }
    const before = client.rig.host.gatt.droppedCommands;
    await client.send([0xd2], le16(16), counting(13));
    assert.equal(client.rig.host.gatt.droppedCommands, before + 1, "a signed write is dropped and counted");
  });
});
