/** Every ATT request, of every length, to every kind of handle: the answer is in the set that the specification allows. */
import type { CharacteristicDefinition } from "../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { isAllowedError, REQUESTS, type RequestRule } from "../support/att.ts";
import { concat, counting, fromHex, le16 } from "../support/bytes.ts";
import { type Client, createClient, FIRST } from "../support/gatt.ts";
import { describe, it } from "../support/suite.ts";

const ROOM = 20;

/** Value and UUID of each permission; the first has a CCCD and descriptors to read and to write. */
const CHARACTERISTICS: readonly Partial<CharacteristicDefinition>[] = [
  {
    properties: PROPERTY.READ | PROPERTY.WRITE | PROPERTY.NOTIFY | PROPERTY.INDICATE,
    maxLength: ROOM,
    descriptors: [
      { uuid: new UUID(0x2901), read: true, value: counting(3), maxLength: 0 },
      { uuid: new UUID(0xfff9), write: true, value: counting(3), maxLength: ROOM },
    ],
  },
  { properties: PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE, maxLength: ROOM },
  { properties: PROPERTY.READ, maxLength: ROOM },
];

/** What a handle stands for, as far as requests care. */
interface Target {
  readonly name: string;
  readonly handle: number;
  readonly exists: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly isCccd?: boolean;
}

const attribute = (
  name: string,
  handle: number,
  readable: boolean,
  writable: boolean,
  isCccd = false,
): Target => ({
  name,
  handle,
  exists: true,
  readable,
  writable,
  isCccd,
});
const nothing = (name: string, handle: number): Target => ({
  name,
  handle,
  exists: false,
  readable: false,
  writable: false,
});

const READABLE = FIRST + 2;
const LAST = FIRST + 9;
const TARGETS: readonly Target[] = [
  nothing("0", 0),
  attribute("a service", FIRST, true, false),
  attribute("a characteristic declaration", FIRST + 1, true, false),
  attribute("a value to read and write", READABLE, true, true),
  attribute("a CCCD", FIRST + 3, true, true, true),
  attribute("a descriptor to read", FIRST + 4, true, false),
  attribute("a descriptor to write", FIRST + 5, false, true),
  attribute("a value to write", FIRST + 7, false, true),
  attribute("a value to read", LAST, true, false),
  nothing("the last and one", LAST + 1),
  nothing("0xffff", 0xffff),
];

const OK = 0;

/** A PDU that asks about the handle, filled up or cut to the length. */
function pduOf({ opcode }: RequestRule, { handle }: Target, length: number): Uint8Array {
  const range = concat(le16(handle), le16(0xffff));
  const bodies: Readonly<Record<number, Uint8Array>> = {
    2: concat(le16(100)),
    4: range,
    6: concat(range, le16(0x2800), le16(0x181a)),
    8: concat(range, le16(0x2803)),
    10: concat(le16(handle)),
    12: concat(le16(handle), le16(0)),
    14: concat(le16(handle), le16(READABLE)),
    16: concat(range, le16(0x2800)),
    18: concat(le16(handle), [1, 0]),
    22: concat(le16(handle), le16(0)),
    24: concat([1]),
    32: concat(le16(handle), le16(READABLE)),
  };
  const filling =
    opcode === 0x0e || opcode === 0x20 ? new Array(length).fill(le16(READABLE)).flat() : counting(length);
  return concat([opcode], bodies[opcode]!, filling).slice(0, length);
}

/** The outcomes that the request's section allows for this handle and length: error codes, or 0 for its response. */
function allowed(
  { opcode, hasLength }: RequestRule,
  target: Target,
  length: number,
  mtu: number,
): readonly number[] {
  if (length > mtu || !hasLength(length)) return [0x04];
  const isRange = [0x04, 0x06, 0x08, 0x10].includes(opcode);
  if (opcode === 0x02 || opcode === 0x18) return [OK, 0x06];
  if (target.handle === 0) return [0x01];
  if (isRange) {
    if (opcode === 0x10 && length === 21) return [0x10];
    return target.exists && target.handle < LAST
      ? [OK, 0x0a]
      : [opcode === 0x04 && target.exists ? OK : 0x0a];
  }
  if (!target.exists) return [0x01];
  if (opcode === 0x12 || opcode === 0x16) {
    if (!target.writable) return [0x03];
    // Parts are judged when they are executed; a queue that is full says so at once. A CCCD is not written in parts.
    if (opcode === 0x16) return target.isCccd ? [0x03] : [OK, 0x09];
    const room = target.isCccd ? 2 : ROOM;
    if (length - 3 > room) return [0x0d];
    return [OK];
  }
  return [target.readable ? OK : 0x02];
}

async function check(
  client: Client,
  rule: RequestRule,
  target: Target,
  length: number,
  mtu: number,
): Promise<void> {
  const name = `${rule.name} of ${length} bytes for ${target.name}`;
  const replies = await client.send(pduOf(rule, target, length));
  equal(replies.length, 1, name);
  const reply = fromHex(replies[0]!);
  ok(reply.length <= mtu, name);
  const isError = reply[0] === 0x01;
  if (isError) {
    deepEqual([reply.length, reply[1]], [5, rule.opcode], name);
    ok(isAllowedError(rule.opcode, reply[4]!), `${name}: error 0x${reply[4]!.toString(16)}`);
    const blamed = [0x04, 0x06, 0x0e, 0x11].includes(reply[4]!) ? 0 : target.handle;
    equal(reply[2]! | (reply[3]! << 8), blamed, `${name}: the handle to blame`);
  } else {
    equal(reply[0], rule.opcode + 1, name);
  }
  const outcome = isError ? reply[4]! : OK;
  const expected = allowed(rule, target, length, mtu);
  ok(expected.includes(outcome), `${name}: 0x${outcome.toString(16)} instead of ${expected}`);
}

describe("stack: ATT requests of every length to every kind of handle", () => {
  for (const rule of REQUESTS) {
    for (const mtu of [23, 48]) {
      it(`${rule.name} (Vol 3, Part F, ${rule.section}) at MTU ${mtu}`, async () => {
        const client = await createClient(CHARACTERISTICS, mtu);
        for (const target of TARGETS) {
          for (let length = 1; length <= mtu + 1; length++) await check(client, rule, target, length, mtu);
        }
        ok(client.rig.host.connections.size === 1 && client.rig.clock.pending === 0, "the link stands");
      });
    }
  }

  it("any other opcode of a request is Request Not Supported, blamed on no handle (3.4.1.1)", async () => {
    const client = await createClient(CHARACTERISTICS);
    const known = new Set(REQUESTS.flatMap(({ opcode }) => [opcode, opcode + 1]));
    const silent = [0x01, 0x1b, 0x1d, 0x1e, 0x23];
    for (let opcode = 0; opcode < 0x100; opcode++) {
      if (known.has(opcode) || silent.includes(opcode)) continue;
      const isCommand = (opcode & 0x40) !== 0;
      const isResponse = (opcode & 1) === 1 && opcode <= 0x23;
      for (let length = 0; length <= 22; length++) {
        const expected = isCommand || isResponse ? [] : [fromHex("01 00 00 00 06")];
        if (expected[0]) expected[0][1] = opcode;
        const replies = await client.send([opcode], counting(length, FIRST));
        deepEqual(replies.map(fromHex), expected, `opcode 0x${opcode.toString(16)}, ${length} bytes`);
      }
    }
  });

  it("a command of any length to any handle is never answered (3.4.5.3, 3.4.5.4)", async () => {
    const client = await createClient(CHARACTERISTICS);
    for (const opcode of [0x52, 0xd2]) {
      for (const { handle } of TARGETS) {
        for (let length = 1; length <= 24; length++) {
          const pdu = concat([opcode], le16(handle), counting(length)).slice(0, length);
          deepEqual(await client.send(pdu), []);
        }
      }
    }
    equal((await client.read())[0]!.slice(0, 2), "0b");
  });
});
