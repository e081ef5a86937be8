import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type AdvertisingFields,
  type AdvertisingPayload,
  buildAdvertisingPayload,
} from "../../../../firmware/ble/gap/advertising-data.ts";
import { UUID } from "../../../../firmware/ble/uuid.ts";
import { counting, fromHex, toHex } from "../../../support/bytes.ts";

function build(fields: Partial<AdvertisingFields>): AdvertisingPayload {
  return buildAdvertisingPayload({ connectable: true, ...fields });
}

/** AD types in a packet, in order; fails when the structures do not fill it exactly (Vol 3, Part C, 11). */
function types(packet: Uint8Array): number[] {
  const found: number[] = [];
  let at = 0;
  while (at < packet.length) {
    found.push(packet[at + 1]!);
    at += packet[at]! + 1;
  }
  assert.equal(at, packet.length);
  return found;
}

describe("advertising data (Vol 3, Part C, 11; CSS, Part A, 1)", () => {
  it("flags first and always: discoverable unless a broadcaster (Vol 3, Part C, 9.1.1.2)", () => {
    for (const [fields, flags] of [
      [{}, "06"],
      [{ limitedDisc: true }, "05"],
      [{ brEdr: true }, "1a"],
      [{ limitedDisc: true, brEdr: true }, "19"],
      [{ connectable: false }, "04"],
      [{ connectable: false, limitedDisc: true }, "04"],
    ] as const) {
      assert.equal(toHex(build(fields).advData), `02 01 ${flags}`);
      assert.equal(build(fields).respData.length, 0);
    }
  });

  it("golden: the payload of examples/environment-sensor", () => {
    const { advData, respData } = build({
      name: "obscura-env",
      services: [new UUID(0x181a)],
      appearance: 0x0540,
      manufacturer: [0xffff, fromHex("4f62736375726101")],
    });
    assert.equal(toHex(advData), "02 01 06 03 03 1a 18 0c 09 6f 62 73 63 75 72 61 2d 65 6e 76 03 19 40 05");
    assert.equal(toHex(respData), "0b ff ff ff 4f 62 73 63 75 72 61 01");
  });

  it("order: 16-, 32-, 128-bit services, name, appearance, manufacturer, whatever the order given", () => {
    const { advData } = build({
      manufacturer: [0x0102, fromHex("aa")],
      appearance: 0x0540,
      name: "ab",
      services: [new UUID(0x12345678), new UUID(0x180f), new UUID(0x180a)],
    });
    assert.equal(
      toHex(advData),
      "02 01 06 05 03 0f 18 0a 18 05 05 78 56 34 12 03 09 61 62 03 19 40 05 04 ff 02 01 aa",
    );
  });

  it("one list for each width, in the order given, each UUID in the width it was written", () => {
    const uart = new UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
    const { advData } = build({ services: [uart, new UUID(0x1801)] });
    assert.equal(
      toHex(advData),
      "02 01 06 03 03 01 18 11 07 9e ca dc 24 0e e5 a9 e0 93 f3 a3 b5 01 00 40 6e",
    );
    const wide = build({
      services: [new UUID("0000180f-0000-1000-8000-00805f9b34fb"), new UUID("0000180f")],
    });
    assert.deepEqual(types(wide.advData), [0x01, 0x05, 0x07]);
  });

  it("all 31 bytes are usable in both packets (C10)", () => {
    const name = "x".repeat(31 - 3 - 2);
    const manufacturer = counting(31 - 4);
    const { advData, respData } = build({ name, manufacturer: [1, manufacturer] });
    assert.equal(advData.length, 31);
    assert.equal(respData.length, 31);
    assert.deepEqual([types(advData), types(respData)], [[0x01, 0x09], [0xff]]);
    assert.throws(() => build({ name, manufacturer: [1, counting(31 - 3)] }), RangeError);
  });

  it("a name's length is counted in bytes of UTF-8", () => {
    const { advData } = build({ name: "Käfer 📷" });
    assert.equal(toHex(advData), "02 01 06 0c 09 4b c3 a4 66 65 72 20 f0 9f 93 b7");
    assert.deepEqual(types(advData), [0x01, 0x09]);
    // 14 letters of two bytes: 30 with the header, which only the scan response has.
    assert.equal(build({ name: "ä".repeat(14) }).respData.length, 30);
    assert.throws(() => build({ name: "ä".repeat(15) }), RangeError);
  });

  it("takes a name as bytes, and leaves an empty one, appearance 0 and an empty list out", () => {
    assert.equal(toHex(build({ name: fromHex("4142") }).advData), "02 01 06 03 09 41 42");
    assert.equal(toHex(build({ name: "", appearance: 0, services: [] }).advData), "02 01 06");
  });

  it("manufacturer data may be empty: the company identifier is sent", () => {
    assert.equal(toHex(build({ manufacturer: [0x004c, new Uint8Array(0)] }).advData), "02 01 06 03 ff 4c 00");
  });

  it("overflows whole field by whole field; a small one may still find room in the first packet", () => {
    // As upstream does: services fill 25 bytes, the name goes to the response, the appearance comes back.
    const services = Array.from({ length: 10 }, (_, at) => new UUID(0x1800 + at));
    const { advData, respData } = build({
      services,
      name: "obscura",
      appearance: 0x0540,
      manufacturer: [1, fromHex("00")],
    });
    assert.deepEqual(types(advData), [0x01, 0x03, 0x19]);
    assert.deepEqual(types(respData), [0x09, 0xff]);
    assert.equal(advData.length, 29);
  });

  it("places every size of name and manufacturer data, or says what does not fit", () => {
    for (let name = 0; name <= 40; name++) {
      for (let data = 0; data <= 40; data++) {
        const fields = { name: "n".repeat(name), manufacturer: [1, counting(data)] as const };
        const nameBytes = name === 0 ? 0 : name + 2;
        const dataBytes = data + 4;
        const place = (free: number[], needed: number): boolean => {
          const at = free.findIndex((room) => needed <= room);
          if (at < 0) return false;
          free[at] = free[at]! - needed;
          return true;
        };
        const free = [28, 31];
        const fits = place(free, nameBytes) && place(free, dataBytes);
        if (fits) {
          const { advData, respData } = build(fields);
          assert.equal(advData.length + respData.length, 3 + nameBytes + dataBytes);
          assert.ok(advData.length <= 31 && respData.length <= 31);
          types(advData);
          types(respData);
        } else assert.throws(() => build(fields), RangeError, `name ${name}, data ${data}`);
      }
    }
  });

  it("the error names the field, what it takes and by how much it is too long", () => {
    assert.throws(
      () => build({ name: "n".repeat(30) }),
      /^RangeError: advertising payload too long: "name" takes 32 bytes and 31 are left.*shorten it by 1 /,
    );
    assert.throws(
      () => build({ name: "n".repeat(29), manufacturer: [1, counting(30)] }),
      /"manufacturer" takes 34 bytes and 28 are left.*shorten it by 6 /,
    );
    const services = Array.from({ length: 15 }, (_, at) => new UUID(at));
    assert.throws(() => build({ services }), /"services \(16-bit\)" takes 32 bytes.*shorten it by 1 /);
  });
});
