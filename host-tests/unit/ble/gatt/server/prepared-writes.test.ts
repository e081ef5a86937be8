import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  PREPARED_BYTES_MAX,
  PREPARED_COUNT_MAX,
} from "../../../../../firmware/ble/gatt/server/prepared-writes.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { counting, le16, toHex } from "../../../../support/bytes.ts";
import {
  CCCD,
  connectAnother,
  createClient,
  deferred,
  error,
  READ_WRITE,
  service,
  VALUE,
} from "../../../../support/gatt.ts";
import { HANDLE } from "../../../../support/rig.ts";

/** Two characteristics that may be read and written: values at 16 and 18. */
const TWO = [
  { properties: READ_WRITE, maxLength: 100 },
  { properties: READ_WRITE, maxLength: 100 },
];
const OTHER = 18;

describe("prepared writes (Vol 3, Part F, 3.4.6)", () => {
  it("a prepare is echoed whole, and changes nothing until the execute", async () => {
    const client = await createClient(TWO);
    assert.deepEqual(await client.prepare(0, [9, 8, 7]), ["17 10 00 00 00 09 08 07"]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(await client.read(), ["0b 09 08 07"]);
  });

  it("an empty queue executes and cancels without effect", async () => {
    const client = await createClient(TWO);
    for (const flags of [0, 1]) assert.deepEqual(await client.execute(flags), ["19"]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });

  it("cancel forgets everything", async () => {
    const client = await createClient(TWO);
    await client.prepare(0, [9]);
    assert.deepEqual(await client.execute(0), ["19"]);
    assert.deepEqual(await client.execute(1), ["19"]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });

  it("other flags are Invalid PDU and leave the queue", async () => {
    const client = await createClient(TWO);
    await client.prepare(0, [9]);
    for (const pdu of [[0x18], [0x18, 2], [0x18, 0xff], [0x18, 1, 1]]) {
      assert.deepEqual(await client.send(pdu), [error(0x18, 0, 0x04)]);
    }
    await client.execute();
    assert.deepEqual(await client.read(), ["0b 09"]);
  });

  it("a long write of 512 bytes at the smallest MTU is one write for the application", async () => {
    const seen: number[] = [];
    const hooks = { onWritten: (_: unknown, value: Uint8Array) => seen.push(value.length) };
    const client = await createClient([{ maxLength: 512, hooks }]);
    for (let at = 0; at < 512; at += 18) {
      const [reply] = await client.prepare(at, counting(Math.min(18, 512 - at), at));
      assert.ok(reply!.startsWith("17 "), `${at}: ${reply}`);
    }
    assert.deepEqual(seen, []);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(seen, [512]);
    assert.equal(toHex(client.values[0]!.value), toHex(counting(512)));
  });

  it("offset and length errors come at the execute, blame the attribute, and empty the queue", async () => {
    for (const [parts, code] of [
      [[[5, 1]], 0x07],
      [
        [
          [0, 1],
          [3, 1],
        ],
        0x07,
      ],
      [
        [
          [0, 18],
          [18, 18],
          [36, 18],
          [54, 18],
          [72, 18],
          [90, 11],
        ],
        0x0d,
      ],
      [[[0xffff, 0]], 0x07],
    ] as const) {
      const client = await createClient(TWO);
      await client.prepare(0, [0x55], OTHER);
      for (const [offset, length] of parts) {
        assert.ok((await client.prepare(offset, counting(length)))[0]!.startsWith("17"));
      }
      assert.deepEqual(await client.execute(), [error(0x18, VALUE, code)]);
      assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
      assert.deepEqual(await client.read(OTHER), ["0b 00 01 02 03"], "all or nothing");
      assert.deepEqual(await client.execute(), ["19"], "nothing is left");
      assert.deepEqual(await client.read(OTHER), ["0b 00 01 02 03"]);
    }
  });

  it("a part behind the beginning goes into what is there", async () => {
    const client = await createClient(TWO);
    await client.prepare(2, [0xaa]);
    await client.execute();
    assert.deepEqual(await client.read(), ["0b 00 01 aa 03"]);
    await client.prepare(4, [0xbb, 0xcc]);
    await client.execute();
    assert.deepEqual(await client.read(), ["0b 00 01 aa 03 bb cc"], "offset = length extends");
  });

  it("writes to several characteristics are executed together, in their order", async () => {
    const order: string[] = [];
    const named = (name: string) => ({
      ...TWO[0]!,
      hooks: { onWritten: (_: unknown, value: Uint8Array) => order.push(`${name} ${toHex(value)}`) },
    });
    const client = await createClient([named("a"), named("b")]);
    await client.prepare(0, [1, 2], OTHER);
    await client.prepare(0, [3], VALUE);
    await client.prepare(2, [4], OTHER);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(order, ["b 01 02 04", "a 03"]);
  });

  it("reads and writes go on as if the queue did not exist (3.4.6.1)", async () => {
    const client = await createClient(TWO);
    await client.prepare(0, [9]);
    assert.deepEqual(await client.write([1, 1]), ["13"]);
    assert.deepEqual(await client.read(), ["0b 01 01"]);
    await client.execute();
    assert.deepEqual(await client.read(), ["0b 09"]);
  });

  it("the queue is full at its count, and keeps what it holds", async () => {
    const client = await createClient([{ properties: READ_WRITE, maxLength: 512 }]);
    for (let n = 0; n < PREPARED_COUNT_MAX; n++) {
      assert.ok((await client.prepare(n, [n]))[0]!.startsWith("17"));
    }
    assert.deepEqual(await client.prepare(64, [0]), [error(0x16, VALUE, 0x09)]);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.equal(toHex(client.values[0]!.value), toHex(counting(PREPARED_COUNT_MAX)));
    assert.ok((await client.prepare(0, [0]))[0]!.startsWith("17"), "room again");
  });

  it("the queue is full at its bytes, to the byte", async () => {
    const client = await createClient([{ properties: READ_WRITE, maxLength: 512 }], 517);
    for (let total = 0; total < PREPARED_BYTES_MAX; total += 512) {
      assert.ok((await client.prepare(0, counting(512)))[0]!.startsWith("17"));
    }
    assert.deepEqual(await client.prepare(0, [1]), [error(0x16, VALUE, 0x09)]);
    assert.ok((await client.prepare(0, []))[0]!.startsWith("17"), "nothing still fits");
  });

  it("each client has its own queue, bounded by itself", async () => {
    const client = await createClient(TWO);
    const other = await connectAnother(client.rig, HANDLE + 1);
    for (let n = 0; n < PREPARED_COUNT_MAX; n++) await client.prepare(0, [1]);
    assert.ok((await other.prepare(0, [2]))[0]!.startsWith("17"));
    await other.execute();
    assert.deepEqual(await client.read(), ["0b 02"]);
    await client.execute();
    assert.deepEqual(await client.read(), ["0b 01"]);
  });

  it("goes with the link", async () => {
    const client = await createClient(TWO);
    await client.prepare(0, [9]);
    await client.rig.disconnect();
    const again = await connectAnother(client.rig, HANDLE);
    assert.deepEqual(await again.execute(), ["19"]);
    assert.deepEqual(await again.read(), ["0b 00 01 02 03"]);
  });

  it("what a new registration made void is refused with Database Out Of Sync, not written (3.4.6.3)", async () => {
    const client = await createClient(TWO);
    await client.prepare(0, [9]);
    client.rig.host.gatt.register([service(...TWO)]);
    await client.prepare(0, [8]);
    assert.deepEqual(await client.execute(), [error(0x18, VALUE, 0x12)]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
    await client.prepare(0, [7]);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(await client.read(), ["0b 07"]);
  });

  it("a cancel after a new registration starts afresh", async () => {
    const client = await createClient(TWO);
    await client.prepare(0, [9]);
    client.rig.host.gatt.register([service(...TWO)]);
    assert.deepEqual(await client.execute(0), ["19"]);
    assert.deepEqual(await client.execute(1), ["19"]);
  });

  it("refuses a CCCD, what may not be written, and what is not there", async () => {
    const client = await createClient([{ properties: PROPERTY.READ | PROPERTY.NOTIFY }]);
    assert.deepEqual(await client.prepare(0, [1, 0], CCCD), [error(0x16, CCCD, 0x03)]);
    assert.deepEqual(await client.prepare(0, [1]), [error(0x16, VALUE, 0x03)]);
    for (const handle of [0, 18, 0xffff]) {
      assert.deepEqual(await client.prepare(0, [1], handle), [error(0x16, handle, 0x01)]);
    }
    for (let length = 0; length < 4; length++) {
      assert.deepEqual(await client.send([0x16], counting(length)), [error(0x16, 0, 0x04)]);
    }
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(await client.read(CCCD), ["0b 00 00"]);
  });

  it("appended values: each execute adds once, offsets begin anew, overflow refuses all", async () => {
    const client = await createClient([{ properties: READ_WRITE, append: true, maxLength: 10 }]);
    await client.prepare(0, [10, 11]);
    await client.prepare(2, [12]);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.equal(toHex(client.values[0]!.value), "00 01 02 03 0a 0b 0c");
    await client.prepare(0, [13, 14, 15]);
    await client.prepare(3, [16]);
    assert.deepEqual(await client.execute(), [error(0x18, VALUE, 0x0d)]);
    await client.prepare(1, [13]);
    assert.deepEqual(await client.execute(), [error(0x18, VALUE, 0x07)]);
    assert.equal(toHex(client.values[0]!.value), "00 01 02 03 0a 0b 0c");
    assert.deepEqual(await client.write([1, 2, 3, 4]), [error(0x12, VALUE, 0x0d)], "as a write does");
    assert.deepEqual(await client.write([1, 2, 3]), ["13"]);
  });
});

describe("prepared writes with onWrite", () => {
  it("a refusal of the second writes neither, and blames the second", async () => {
    const written: string[] = [];
    const client = await createClient([
      { ...TWO[0]!, hooks: { onWrite: () => 0, onWritten: () => written.push("first") } },
      { ...TWO[0]!, hooks: { onWrite: () => 0x80, onWritten: () => written.push("second") } },
    ]);
    await client.prepare(0, [1], VALUE);
    await client.prepare(0, [2], OTHER);
    assert.deepEqual(await client.execute(), [error(0x18, OTHER, 0x80)]);
    assert.deepEqual(written, []);
    assert.deepEqual(await client.read(VALUE), ["0b 00 01 02 03"]);
    assert.deepEqual(await client.read(OTHER), ["0b 00 01 02 03"]);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(written, []);
  });

  it("is asked once for each value, put together, in order, and may promise", async () => {
    const asked: string[] = [];
    const answers = [deferred<number>(), deferred<number>()];
    const ask = (at: number) => ({
      ...TWO[0]!,
      hooks: {
        onWrite(_: unknown, value: Uint8Array) {
          asked.push(`${at} ${toHex(value)}`);
          return answers[at]!.promise;
        },
      },
    });
    const client = await createClient([ask(0), ask(1)]);
    await client.prepare(0, [1], VALUE);
    await client.prepare(1, [2], VALUE);
    await client.prepare(0, [3], OTHER);
    assert.deepEqual(await client.execute(), []);
    assert.deepEqual(asked, ["0 01 02"]);
    answers[0]!.resolve(0);
    await client.rig.settle();
    assert.deepEqual(asked, ["0 01 02", "1 03"]);
    assert.equal(toHex(client.values[0]!.value), "00 01 02 03", "not before the last agreed");
    answers[1]!.resolve(0);
    await client.rig.settle();
    assert.deepEqual(client.sent(), ["19"]);
    assert.deepEqual(
      client.values.map((attribute) => toHex(attribute.value)),
      ["01 02", "03"],
    );
    assert.equal(client.rig.clock.pending, 0);
  });

  it("is not asked at the prepare, and not for a cancelled queue", async () => {
    const client = await createClient([{ hooks: { onWrite: () => assert.fail("asked") } }]);
    assert.deepEqual(await client.prepare(0, [1]), ["17 10 00 00 00 01"]);
    assert.deepEqual(await client.execute(0), ["19"]);
  });

  it("a client may prepare to every length that fits a packet", async () => {
    for (const mtu of [23, 24, 100, 517]) {
      const client = await createClient([{ maxLength: 512 }], mtu);
      const part = counting(mtu - 5);
      assert.deepEqual(await client.prepare(0, part), [
        `17 ${toHex(Uint8Array.from([...le16(VALUE), 0, 0]))} ${toHex(part)}`,
      ]);
    }
  });
});
