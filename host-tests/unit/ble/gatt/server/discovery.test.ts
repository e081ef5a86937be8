import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { ServiceDefinition } from "../../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { UUID } from "../../../../../firmware/ble/uuid.ts";
import { concat, counting, fromHex, le16, toHex } from "../../../../support/bytes.ts";
import { ATT, createConnectedRig, type Rig } from "../../../../support/rig.ts";

const UART = new UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
const UART_TX = new UUID("6e400003-b5a3-f393-e0a9-e50e24dcca9e");

/**
 * 1..5 Generic Access, 6..13 Generic Attribute, then
 * 14 service 0x181A, 15/16 0x2A6E read notify, 17 its CCCD, 18/19 0x2A6F read,
 * 20 service UART, 21/22 TX notify, 23 its CCCD, 24/25 0x2A19 (as 128-bit) write only, 26/27 0x2A6F read.
 */
const SERVICES: readonly ServiceDefinition[] = [
  {
    uuid: new UUID(0x181a),
    characteristics: [
      {
        uuid: new UUID(0x2a6e),
        properties: PROPERTY.READ | PROPERTY.NOTIFY,
        value: fromHex("3408"),
        maxLength: 20,
      },
      { uuid: new UUID(0x2a6f), properties: PROPERTY.READ, value: fromHex("8813"), maxLength: 20 },
    ],
  },
  {
    uuid: UART,
    characteristics: [
      { uuid: UART_TX, properties: PROPERTY.NOTIFY, value: new Uint8Array(0), maxLength: 20 },
      {
        uuid: new UUID("00002a19-0000-1000-8000-00805f9b34fb"),
        properties: PROPERTY.WRITE,
        value: fromHex("64"),
        maxLength: 20,
      },
      { uuid: new UUID(0x2a6f), properties: PROPERTY.READ, value: fromHex("881300"), maxLength: 20 },
    ],
  },
];
const LAST = 27;

async function rigWith(services = SERVICES, mtu = 23): Promise<Rig> {
  const rig = await createConnectedRig((fresh) => void fresh.host.gatt.register(services));
  if (mtu !== 23) await rig.exchange(ATT, [0x02, ...le16(mtu)]);
  return rig;
}

async function ask(
  rig: Rig,
  opcode: number,
  first: number,
  last: number,
  tail: Uint8Array | number[],
): Promise<Uint8Array> {
  const replies = await rig.exchange(ATT, concat([opcode], le16(first), le16(last), tail));
  assert.equal(replies.length, 1);
  return fromHex(replies[0]!);
}

function error(opcode: number, handle: number, code: number): string {
  return toHex(Uint8Array.from([0x01, opcode, ...le16(handle), code]));
}

/** Asks again behind the last handle of each answer until Attribute Not Found, as clients do. */
async function walk(
  rig: Rig,
  opcode: number,
  tail: Uint8Array | number[],
  read: (reply: Uint8Array) => { lines: string[]; last: number },
): Promise<string[]> {
  const lines: string[] = [];
  for (let first = 1; first <= 0xffff; ) {
    const reply = await ask(rig, opcode, first, 0xffff, tail);
    if (reply[0] === 0x01) {
      assert.equal(toHex(reply), error(opcode, first, 0x0a));
      return lines;
    }
    const part = read(reply);
    assert.ok(part.lines.length > 0 && part.last >= first);
    lines.push(...part.lines);
    first = part.last + 1;
  }
  return lines;
}

function readEntries(prefix: 2 | 4) {
  return (reply: Uint8Array) => {
    const size = reply[1]!;
    assert.equal((reply.length - 2) % size, 0, "whole entries only");
    const lines: string[] = [];
    let last = 0;
    for (let at = 2; at < reply.length; at += size) {
      const handle = reply[at]! | (reply[at + 1]! << 8);
      last = prefix === 4 ? reply[at + 2]! | (reply[at + 3]! << 8) : handle;
      lines.push(
        `${handle}${prefix === 4 ? `-${last}` : ""}: ${toHex(reply.subarray(at + prefix, at + size))}`,
      );
    }
    return { lines, last };
  };
}

function readInformation(reply: Uint8Array) {
  const size = reply[1] === 1 ? 4 : 18;
  assert.equal((reply.length - 2) % size, 0);
  const lines: string[] = [];
  let last = 0;
  for (let at = 2; at < reply.length; at += size) {
    last = reply[at]! | (reply[at + 1]! << 8);
    lines.push(`${last}: ${new UUID(reply.slice(at + 2, at + size))}`);
  }
  return { lines, last };
}

for (const mtu of [23, 24, 40, 41, 64, 185, 517]) {
  describe(`discovery at MTU ${mtu}`, () => {
    it("Read By Group Type walks the primary services (Vol 3, Part G, 4.4.1)", async () => {
      const rig = await rigWith(SERVICES, mtu);
      assert.deepEqual(await walk(rig, 0x10, le16(0x2800), readEntries(4)), [
        "1-5: 00 18",
        "6-13: 01 18",
        "14-19: 1a 18",
        `20-27: ${toHex(UART.bytes)}`,
      ]);
    });

    it("Read By Type walks the characteristics (Vol 3, Part G, 4.6.1)", async () => {
      const rig = await rigWith(SERVICES, mtu);
      assert.deepEqual(await walk(rig, 0x08, le16(0x2803), readEntries(2)), [
        "2: 02 03 00 00 2a",
        "4: 02 05 00 01 2a",
        "7: 20 08 00 05 2a",
        "10: 0a 0b 00 29 2b",
        "12: 02 0d 00 2a 2b",
        "15: 12 10 00 6e 2a",
        "18: 02 13 00 6f 2a",
        `21: 10 16 00 ${toHex(UART_TX.bytes)}`,
        "24: 08 19 00 19 2a",
        "26: 02 1b 00 6f 2a",
      ]);
    });

    it("Find Information walks every attribute (Vol 3, Part F, 3.4.3.1)", async () => {
      const rig = await rigWith(SERVICES, mtu);
      const lines = await walk(rig, 0x04, [], readInformation);
      assert.equal(lines.length, LAST);
      assert.deepEqual(
        lines.map((line) => Number.parseInt(line, 10)),
        Array.from({ length: LAST }, (_, at) => at + 1),
      );
      assert.equal(lines[8], "9: UUID(0x2902)");
      assert.equal(lines[21], `22: ${UART_TX}`);
      assert.equal(lines[24], "25: UUID(0x2a19)");
    });

    it("Find By Type Value walks services by UUID, in either width (Vol 3, Part G, 4.4.2)", async () => {
      const rig = await rigWith(SERVICES, mtu);
      const readRanges = (reply: Uint8Array) => {
        const lines: string[] = [];
        let last = 0;
        for (let at = 1; at < reply.length; at += 4) {
          last = reply[at + 2]! | (reply[at + 3]! << 8);
          lines.push(`${reply[at]! | (reply[at + 1]! << 8)}-${last}`);
        }
        return { lines, last };
      };
      const find = (value: Uint8Array) => walk(rig, 0x06, concat(le16(0x2800), value), readRanges);
      assert.deepEqual(await find(fromHex("1a18")), ["14-19"]);
      assert.deepEqual(await find(new UUID(0x181a).bytes128), ["14-19"]);
      assert.deepEqual(await find(UART.bytes), ["20-27"]);
      assert.deepEqual(await find(fromHex("1b18")), []);
    });
  });
}

describe("discovery: many equal entries fill an answer and no more", () => {
  const services: ServiceDefinition[] = Array.from({ length: 60 }, () => ({
    uuid: new UUID(0x180f),
    characteristics: [],
  }));

  for (const mtu of [23, 24, 25, 26, 27, 517]) {
    it(`MTU ${mtu}`, async () => {
      const rig = await rigWith(services, mtu);
      const group = await ask(rig, 0x10, 14, 0xffff, le16(0x2800));
      assert.equal(group.length, 2 + Math.min(60, Math.floor((mtu - 2) / 6)) * 6);
      const information = await ask(rig, 0x04, 14, 0xffff, []);
      assert.equal(information.length, 2 + Math.min(60, Math.floor((mtu - 2) / 4)) * 4);
      const found = await ask(rig, 0x06, 14, 0xffff, [...le16(0x2800), ...le16(0x180f)]);
      assert.equal(found.length, 1 + Math.min(60, Math.floor((mtu - 1) / 4)) * 4);
    });
  }
});

describe("discovery: ranges and refusals", () => {
  const OPCODES: readonly [number, readonly number[]][] = [
    [0x04, []],
    [0x06, [...le16(0x2800), ...le16(0x1800)]],
    [0x08, le16(0x2803)],
    [0x10, le16(0x2800)],
  ];

  for (const [opcode, tail] of OPCODES) {
    it(`0x${opcode.toString(16)}: start 0 or above the end is Invalid Handle, blamed on the start`, async () => {
      const rig = await rigWith();
      for (const [first, last] of [
        [0, 0],
        [0, 0xffff],
        [2, 1],
        [0xffff, 0xfffe],
      ] as const) {
        assert.equal(toHex(await ask(rig, opcode, first, last, [...tail])), error(opcode, first, 0x01));
      }
    });

    it(`0x${opcode.toString(16)}: a range behind the database is Attribute Not Found, blamed on the start`, async () => {
      const rig = await rigWith();
      for (const [first, last] of [
        [LAST + 1, 0xffff],
        [0xffff, 0xffff],
      ] as const) {
        assert.equal(toHex(await ask(rig, opcode, first, last, [...tail])), error(opcode, first, 0x0a));
      }
    });
  }

  it("keeps to the end of the range", async () => {
    const rig = await rigWith();
    assert.equal(toHex(await ask(rig, 0x04, 3, 3, [])), "05 01 03 00 00 2a");
    assert.equal(toHex(await ask(rig, 0x10, 14, 14, le16(0x2800))), "11 06 0e 00 13 00 1a 18");
    assert.equal(toHex(await ask(rig, 0x08, 15, 15, le16(0x2803))), "09 07 0f 00 12 10 00 6e 2a");
    assert.equal(toHex(await ask(rig, 0x08, 16, 17, le16(0x2803))), error(0x08, 16, 0x0a));
  });

  it("Find Information changes width with the first type of the range only", async () => {
    const rig = await rigWith(SERVICES, 517);
    const before = await ask(rig, 0x04, 20, 0xffff, []);
    assert.equal(toHex(before), "05 01 14 00 00 28 15 00 03 28", "stops before the 128-bit type");
    const at = await ask(rig, 0x04, 22, 0xffff, []);
    assert.equal(toHex(at), `05 02 16 00 ${toHex(UART_TX.bytes)}`, "stops after it");
  });

  it("Read By Group Type of anything but primary services is refused (Vol 3, Part F, 3.4.4.9)", async () => {
    const rig = await rigWith();
    for (const type of [0x2801, 0x2803, 0x2a00, 0x1234]) {
      const reply = await ask(rig, 0x10, 1, 0xffff, le16(type));
      assert.equal(reply[0], 0x01);
      assert.ok(reply[4] === 0x10 || (type === 0x2801 && reply[4] === 0x0a), toHex(reply));
    }
    const wide = await ask(rig, 0x10, 1, 0xffff, new UUID(0x2800).bytes128);
    assert.equal(toHex(wide.subarray(0, 8)), "11 06 01 00 05 00 00 18", "the 128-bit form is the same type");
    assert.equal(toHex(await ask(rig, 0x10, 1, 0xffff, UART.bytes)), error(0x10, 1, 0x10));
  });

  it("Read By Type reads values by characteristic UUID in any width (Vol 3, Part G, 4.8.2)", async () => {
    const rig = await rigWith();
    for (const type of [fromHex("6f2a"), new UUID(0x2a6f).bytes128]) {
      assert.equal(
        toHex(await ask(rig, 0x08, 1, 0xffff, type)),
        "09 04 13 00 88 13",
        "then a value of another length",
      );
    }
    assert.equal(toHex(await ask(rig, 0x08, 20, 0xffff, le16(0x2a6f))), "09 05 1b 00 88 13 00");
  });

  it("Read By Type refuses what may not be read, if it comes first, and blames it", async () => {
    const rig = await rigWith();
    assert.equal(toHex(await ask(rig, 0x08, 1, 0xffff, le16(0x2a19))), error(0x08, 25, 0x02));
    assert.equal(toHex(await ask(rig, 0x08, 1, 0xffff, UART_TX.bytes)), error(0x08, 22, 0x02));
  });

  it("Read By Type cuts a long value to the answer, and to 253 bytes (Vol 3, Part F, 3.4.4.2)", async () => {
    const services: ServiceDefinition[] = [
      {
        uuid: new UUID(0x181a),
        characteristics: [
          { uuid: new UUID(0x2a6e), properties: PROPERTY.READ, value: counting(512), maxLength: 512 },
        ],
      },
    ];
    for (const [mtu, length] of [
      [23, 19],
      [100, 96],
      [257, 253],
      [517, 253],
    ] as const) {
      const rig = await rigWith(services, mtu);
      const reply = await ask(rig, 0x08, 1, 0xffff, le16(0x2a6e));
      assert.equal(reply[1], length + 2);
      assert.equal(reply.length, 2 + 2 + length, `MTU ${mtu}`);
    }
  });

  it("Find By Type Value compares whole values, and skips what may not be read (3.4.3.3)", async () => {
    const rig = await rigWith();
    const find = async (type: number, value: string) =>
      toHex(await ask(rig, 0x06, 1, 0xffff, concat(le16(type), fromHex(value))));
    assert.equal(await find(0x2a6e, "3408"), "07 10 00 10 00");
    assert.equal(await find(0x2a6e, "34"), error(0x06, 1, 0x0a));
    assert.equal(await find(0x2a6e, "340800"), error(0x06, 1, 0x0a));
    assert.equal(await find(0x2a6e, ""), error(0x06, 1, 0x0a));
    assert.equal(await find(0x2a19, "64"), error(0x06, 1, 0x0a), "not readable: no match, no refusal");
  });

  it("a read of a CCCD by type shows the asking client's own", async () => {
    const rig = await rigWith();
    await rig.exchange(ATT, [0x12, 17, 0, 1, 0]);
    assert.equal(
      toHex(await ask(rig, 0x08, 1, 0xffff, le16(0x2902))),
      "09 04 09 00 00 00 11 00 01 00 17 00 00 00",
    );
  });

  it("wrong lengths are Invalid PDU", async () => {
    const rig = await rigWith();
    for (const opcode of [0x04, 0x06, 0x08, 0x10]) {
      for (let length = 0; length <= 22; length++) {
        const legal =
          opcode === 0x04 ? length === 4 : opcode === 0x06 ? length >= 6 : length === 6 || length === 20;
        const replies = await rig.exchange(ATT, [opcode, ...counting(length, 1)]);
        const isInvalid = replies[0] === error(opcode, 0, 0x04);
        assert.equal(isInvalid, !legal, `opcode ${opcode}, ${length} bytes: ${replies[0]}`);
      }
    }
  });
});
