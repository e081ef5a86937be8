import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { writeCommand, writeRequest } from "../../../../../firmware/ble/att/pdus.ts";
import { encode } from "../../../../../firmware/ble/codec.ts";
import { type Attribute, Database } from "../../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { UUID } from "../../../../../firmware/ble/uuid.ts";
import { concat, counting, fromHex, toHex } from "../../../../support/bytes.ts";
import { ATT, createConnectedRig, HANDLE } from "../../../../support/rig.ts";

import {
  blob,
  CCCD,
  definition,
  error,
  read,
  rigWith,
  SERVICE_CHANGED,
  type ServerRig,
  sentTo,
  VALUE,
  write,
  writeNoResponse,
} from "./server-scene.ts";

describe("GATT reads (Vol 3, Part F, 3.4.4.3 to 3.4.4.6)", () => {
  for (const mtu of [23, 50, 517]) {
    it(`MTU ${mtu}: every length around ATT_MTU - 1 and 512 is read whole with blobs`, async () => {
      for (const length of [0, 1, mtu - 2, mtu - 1, mtu, 2 * (mtu - 1), 512].filter((n) => n <= 512)) {
        const value = counting(length, 7);
        const rig = await rigWith({ value }, mtu);
        let seen = fromHex((await read(rig))[0]!).subarray(1);
        assert.equal(seen.length, Math.min(length, mtu - 1));
        for (let part = seen; part.length === mtu - 1; ) {
          const reply = fromHex((await blob(rig, seen.length))[0]!);
          assert.equal(reply[0], 0x0d, `offset ${seen.length} of ${length}`);
          part = reply.subarray(1);
          seen = concat(seen, part);
        }
        assert.equal(toHex(seen), toHex(value));
      }
    });
  }

  it("a blob at the end is empty, beyond it Invalid Offset", async () => {
    const rig = await rigWith({ value: counting(30) });
    assert.deepEqual(await blob(rig, 0), [`0d ${toHex(counting(22))}`]);
    assert.deepEqual(await blob(rig, 29), ["0d 1d"]);
    assert.deepEqual(await blob(rig, 30), ["0d"]);
    assert.deepEqual(await blob(rig, 31), [error(0x0c, VALUE, 0x07)]);
    assert.deepEqual(await blob(rig, 0xffff), [error(0x0c, VALUE, 0x07)]);
  });

  it("refuses what may not be read and what is not there, and blames the handle", async () => {
    const rig = await rigWith({ properties: PROPERTY.WRITE });
    assert.deepEqual(await read(rig), [error(0x0a, VALUE, 0x02)]);
    assert.deepEqual(await blob(rig, 0), [error(0x0c, VALUE, 0x02)]);
    assert.deepEqual(await blob(rig, 500), [error(0x0c, VALUE, 0x02)]);
    for (const handle of [0, 17, 0xffff]) {
      assert.deepEqual(await read(rig, handle), [error(0x0a, handle, 0x01)]);
      assert.deepEqual(await blob(rig, 0, handle), [error(0x0c, handle, 0x01)]);
    }
  });

  it("the mandatory services show name and appearance (Vol 3, Part C, 12)", async () => {
    const rig = await rigWith();
    assert.deepEqual(await read(rig, 3), ["0b"]);
    rig.host.gatt.generic.deviceName = fromHex("4142");
    rig.host.gatt.generic.appearance = 0x0540;
    assert.deepEqual(await read(rig, 3), ["0b 41 42"]);
    assert.deepEqual(await read(rig, 5), ["0b 40 05"]);
    rig.host.gatt.register([]);
    assert.deepEqual(await read(rig, 3), ["0b 41 42"], "also in the next database");
    assert.deepEqual(await read(rig, SERVICE_CHANGED), [error(0x0a, SERVICE_CHANGED, 0x02)]);
  });
});

describe("GATT reads with onRead", () => {
  it("is asked at offset 0 only, with the client, and may set the value", async () => {
    const asked: unknown[] = [];
    const rig: ServerRig = await rigWith({
      value: counting(40),
      hooks: {
        onRead(client) {
          asked.push(client);
          rig.attribute.value = counting(40, 100);
          return undefined;
        },
      },
    });
    assert.deepEqual(await read(rig), [`0b ${toHex(counting(22, 100))}`]);
    assert.deepEqual(await blob(rig, 22), [`0d ${toHex(counting(18, 122))}`]);
    assert.equal(asked.length, 1);
    assert.equal(asked[0], rig.host.connections.get(HANDLE));
  });

  it("refuses with its error code, in every request that reads from offset 0", async () => {
    const rig = await rigWith({ hooks: { onRead: () => 0x08 } });
    assert.deepEqual(await read(rig), [error(0x0a, VALUE, 0x08)]);
    assert.deepEqual(await blob(rig, 0), [error(0x0c, VALUE, 0x08)]);
    const byType = await rig.exchange(ATT, [0x08, 1, 0, 0xff, 0xff, 0x6e, 0x2a]);
    assert.deepEqual(byType, [error(0x08, VALUE, 0x08)], "Read By Type is no way around it");
    const byValue = await rig.exchange(ATT, [0x06, 1, 0, 0xff, 0xff, 0x6e, 0x2a, 0, 1, 2, 3]);
    assert.deepEqual(byValue, [error(0x06, 1, 0x0a)], "nor is guessing the value");
  });

  it("an exception in it is Unlikely Error, is logged, and the link stands", async () => {
    const rig = await rigWith({
      hooks: {
        onRead() {
          throw new Error("sensor gone");
        },
      },
    });
    assert.deepEqual(await read(rig), [error(0x0a, 0, 0x0e)], "Unlikely Error blames no attribute (3.3)");
    assert.ok(rig.log.some(([level, text]) => level === "error" && text.includes("sensor gone")));
    assert.deepEqual(await read(rig, 5), ["0b 00 00"]);
  });

  it("is not asked where reading is not permitted", async () => {
    const rig = await rigWith({ properties: PROPERTY.WRITE, hooks: { onRead: () => assert.fail("asked") } });
    assert.deepEqual(await read(rig), [error(0x0a, VALUE, 0x02)]);
  });
});

describe("GATT writes (Vol 3, Part F, 3.4.5)", () => {
  it("takes every length up to the limit and refuses one more: Invalid Attribute Value Length", async () => {
    for (const maxLength of [0, 1, 20]) {
      const rig = await rigWith({ maxLength }, 100);
      for (let length = 0; length <= maxLength; length++) {
        assert.deepEqual(await write(rig, counting(length, 50)), ["13"]);
        assert.equal(toHex(rig.attribute.value), toHex(counting(length, 50)));
      }
      const before = toHex(rig.attribute.value);
      assert.deepEqual(await write(rig, counting(maxLength + 1)), [error(0x12, VALUE, 0x0d)]);
      assert.equal(toHex(rig.attribute.value), before, "nothing was stored, cut or whole (C17)");
    }
  });

  it("refuses what may not be written and what is not there", async () => {
    const rig = await rigWith({ properties: PROPERTY.READ | PROPERTY.WRITE_WITHOUT_RESPONSE });
    assert.deepEqual(await write(rig, [1]), [error(0x12, VALUE, 0x03)]);
    for (const handle of [1, 2, 3, 5, 10, 13, 14, 15])
      assert.deepEqual(await write(rig, [1], handle), [error(0x12, handle, 0x03)]);
    for (const handle of [0, 17, 0xffff])
      assert.deepEqual(await write(rig, [1], handle), [error(0x12, handle, 0x01)]);
  });

  it("a command that is too long, not allowed, or for nothing is dropped, counted and never answered", async () => {
    const rig = await rigWith({}, 100);
    assert.deepEqual(await writeNoResponse(rig, [7]), []);
    assert.equal(toHex(rig.attribute.value), "07");
    assert.equal(rig.host.gatt.droppedCommands, 0);
    const bad: [number[] | Uint8Array, number][] = [
      [counting(21), VALUE],
      [[1], 3],
      [[1, 0], CCCD],
      [[1], 0],
      [[1], 0xffff],
    ];
    for (const [value, handle] of bad) assert.deepEqual(await writeNoResponse(rig, value, handle), []);
    for (let length = 0; length < 3; length++) {
      await rig.exchange(ATT, concat([0x52], counting(length, 0x40)).subarray(0, 1 + length));
    }
    assert.equal(rig.host.gatt.droppedCommands, bad.length + 3);
    assert.equal(toHex(rig.attribute.value), "07");
    assert.deepEqual(await read(rig, CCCD), ["0b 00 00"]);
    const noCommands = await rigWith({ properties: PROPERTY.WRITE });
    await writeNoResponse(noCommands, [1]);
    assert.equal(noCommands.host.gatt.droppedCommands, 1);
  });

  it("the hot paths read what the declarations write", async () => {
    const rig = await rigWith();
    for (const pdu of [writeRequest, writeCommand]) {
      const value = fromHex(pdu === writeRequest ? "aabb" : "ccdd");
      const body = encode(pdu.fields, { attributeHandle: VALUE, attributeValue: value });
      await rig.exchange(ATT, concat([pdu.opcode], body));
      assert.equal(toHex(rig.attribute.value), toHex(value));
    }
  });

  it("onWritten comes after the Write Response is on its way, with the value stored; what it throws is logged", async () => {
    const seen: string[] = [];
    const rig: ServerRig = await rigWith({
      hooks: {
        onWritten(client) {
          assert.equal(client, rig.host.connections.get(HANDLE));
          seen.push(`${toHex(rig.attribute.value)} after ${sentTo(rig, HANDLE)}`);
          throw new Error("application bug");
        },
      },
    });
    rig.controller.sent.length = 0;
    await write(rig, [1, 2]);
    await writeNoResponse(rig, [3]);
    assert.deepEqual(seen, ["01 02 after 13", "03 after "]);
    assert.equal(rig.log.filter(([, text]) => text.includes("application bug")).length, 2);
    assert.deepEqual(await read(rig), ["0b 03"]);
  });
});

describe("Database", () => {
  it("gives handles without gaps and groups that end with their last attribute", () => {
    const database = new Database();
    const [value, other] = database.add({
      uuid: new UUID(0x181a),
      characteristics: [definition({}), definition({ properties: PROPERTY.READ })],
    });
    database.add({ uuid: new UUID(0x180f), characteristics: [] });
    assert.equal(database.lastHandle, 7);
    assert.deepEqual([value!.handle, other!.handle], [3, 6]);
    assert.deepEqual(
      Array.from({ length: database.lastHandle }, (_, at) => `${at + 1}-${database.at(at + 1)!.groupEnd}`),
      ["1-6", "2-4", "3-3", "4-4", "5-6", "6-6", "7-7"],
    );
    assert.equal(database.next(5, 2), undefined);
    assert.equal(database.next(1, 0xffff, new UUID(0x2803))?.handle, 2);
    assert.equal(database.next(0xffff, 0xffff), undefined);
    assert.equal(database.at(0), undefined);
    assert.equal(database.at(8), undefined);
  });

  it("is full at 65,535 attributes, and the server then keeps the database that it has", async () => {
    const rig = await rigWith();
    const many = Array.from({ length: 0x10000 }, () => ({ uuid: new UUID(0x180f), characteristics: [] }));
    assert.throws(() => rig.host.gatt.register(many), RangeError);
    const stranger = { uuid: new UUID(0x180f), characteristics: [] };
    const including = { uuid: new UUID(0x1810), includes: [stranger], characteristics: [] };
    assert.throws(() => rig.host.gatt.register([including]), TypeError);
    rig.host.gatt.generic.deviceName = fromHex("4f4b");
    assert.deepEqual(await read(rig, 3), ["0b 4f 4b"], "the name is still the one that clients read");
    assert.deepEqual(await read(rig, 18), [error(0x0a, 18, 0x01)], "and nothing was added behind it");
    assert.deepEqual(await read(rig), ["0b 00 01 02 03"]);
    assert.deepEqual(await write(rig, [1, 0], CCCD), ["13"]);
  });
});

describe("GATT server before its first registration", () => {
  it("name and appearance that were set before there is a database are what the first client reads, and nothing is behind the mandatory services", async () => {
    const rig = await createConnectedRig(({ host }) => {
      host.gatt.deviceName = fromHex("41 42");
      host.gatt.generic.appearance = 0x0540;
    });
    assert.deepEqual(await read(rig, 3), ["0b 41 42"]);
    assert.deepEqual(await read(rig, 5), ["0b 40 05"]);
    assert.ok(rig.host.gatt.at(13));
    assert.equal(rig.host.gatt.at(14), undefined);
  });

  it("a registration that fails leaves the mandatory services to the first client", async () => {
    const rig = await createConnectedRig(({ host }) => {
      const elsewhere = { uuid: new UUID(0x180f), characteristics: [] };
      const refused = { uuid: new UUID(0x181a), includes: [elsewhere], characteristics: [definition({})] };
      assert.throws(() => host.gatt.register([refused]), TypeError);
    });
    assert.deepEqual(await read(rig, 2), ["0b 02 03 00 00 2a"]);
    assert.equal(rig.host.gatt.at(14), undefined);
  });

  it("a service of the firmware's own is found by the first client", async () => {
    let value: Attribute | undefined;
    const rig = await createConnectedRig(({ host }) => {
      host.gatt.offer({ uuid: new UUID(0x181a), characteristics: [definition({})] }, ([attribute]) => {
        value = attribute;
      });
      assert.equal(value, undefined);
    });
    assert.equal(value?.handle, VALUE);
    assert.deepEqual(await read(rig), [`0b ${toHex(counting(4))}`]);
  });
});
