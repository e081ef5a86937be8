import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { counting, fromHex, toHex } from "../../support/bytes.ts";

const BATTERY_128 = "0000180f-0000-1000-8000-00805f9b34fb";
const NORDIC_UART = "6e400001-b5a3-f393-e0a9-e50e24dcca9e";

describe("UUID", () => {
  it("16-bit from every form", () => {
    for (const uuid of [
      new UUID(0x180f),
      new UUID("180f"),
      new UUID("180F"),
      new UUID("1-8-0-f"),
      new UUID(fromHex("0f18")),
      new UUID(new UUID(0x180f)),
    ]) {
      assert.equal(uuid.width, 2);
      assert.equal(uuid.short, 0x180f);
      assert.equal(toHex(uuid.bytes), "0f 18");
      assert.equal(uuid.toString(), "UUID(0x180f)");
      assert.equal(toHex(uuid.attBytes), "0f 18");
    }
    assert.equal(new UUID(0).toString(), "UUID(0x0000)");
    assert.equal(new UUID(0xffff).width, 2);
  });

  it("32-bit from every form, widened to 128 bits for ATT (Vol 3, Part G, 2.5.4)", () => {
    for (const uuid of [new UUID(0xfedcba98), new UUID("FEDCBA98"), new UUID(fromHex("98badcfe"))]) {
      assert.equal(uuid.width, 4);
      assert.equal(uuid.short, 0xfedcba98);
      assert.equal(uuid.toString(), "UUID(0xfedcba98)");
      assert.equal(toHex(uuid.attBytes), "fb 34 9b 5f 80 00 00 80 00 10 00 00 98 ba dc fe");
    }
    assert.equal(new UUID(0x10000).width, 4);
  });

  it("128-bit from every form, little-endian inside", () => {
    const wire = "9e ca dc 24 0e e5 a9 e0 93 f3 a3 b5 01 00 40 6e";
    for (const uuid of [
      new UUID(NORDIC_UART),
      new UUID(NORDIC_UART.toUpperCase()),
      new UUID(NORDIC_UART.replaceAll("-", "")),
      new UUID(fromHex(wire)),
    ]) {
      assert.equal(uuid.width, 16);
      assert.equal(uuid.short, -1);
      assert.equal(toHex(uuid.bytes), wire);
      assert.equal(toHex(uuid.attBytes), wire);
      assert.equal(toHex(uuid.bytes128), wire);
      assert.equal(uuid.toString(), `UUID('${NORDIC_UART}')`);
      assert.equal(JSON.stringify({ uuid }), `{"uuid":"UUID('${NORDIC_UART}')"}`);
    }
  });

  it("equal across widths as 128-bit values (Vol 3, Part B, 2.5.1)", () => {
    const forms = [new UUID(0x180f), new UUID("0000180f"), new UUID(BATTERY_128)];
    for (const a of forms) {
      for (const b of forms) {
        assert.equal(a.equals(b), true);
        assert.equal(a.compareTo(b), 0);
      }
      assert.equal(toHex(a.attBytes), "0f 18", "a value with a 16-bit form travels as 2 bytes");
    }
    const wide = new UUID("12345678-0000-1000-8000-00805f9b34fb");
    assert.equal(wide.equals(new UUID(0x12345678)), true);
  });

  it("unequal when any byte of the base differs, and to anything but a UUID", () => {
    const battery = new UUID(0x180f);
    for (let at = 0; at < 16; at++) {
      const bytes = new UUID(BATTERY_128).bytes.slice();
      bytes[at] = bytes[at]! ^ 1;
      assert.equal(battery.equals(new UUID(bytes)), false, `byte ${at}`);
    }
    assert.equal(new UUID(NORDIC_UART).equals(new UUID(NORDIC_UART.replace("6e4", "6e5"))), false);
    for (const other of [undefined, null, 0x180f, "180f", {}, { short: 0x180f }]) {
      assert.equal(battery.equals(other), false);
    }
  });

  it("orders by 128-bit value", () => {
    const sorted = [new UUID(0x0001), new UUID(0xffff), new UUID(0x10000), new UUID(NORDIC_UART)];
    for (const [i, a] of sorted.entries()) {
      for (const [j, b] of sorted.entries()) assert.equal(Math.sign(a.compareTo(b)), Math.sign(i - j));
    }
  });

  it("reads what it prints in full", () => {
    const text = new UUID(BATTERY_128).toString();
    assert.equal(text, `UUID('${BATTERY_128}')`);
    assert.equal(new UUID(text.slice(6, -2)).equals(new UUID(0x180f)), true);
  });

  it("keeps its value when the bytes it was made from change", () => {
    const bytes = fromHex("0f18");
    const uuid = new UUID(bytes);
    bytes[0] = 0;
    assert.equal(uuid.short, 0x180f);
  });

  it("throws RangeError for numbers out of range", () => {
    for (const value of [-1, 0x1_0000_0000, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new UUID(value), RangeError, String(value));
    }
  });

  it("throws TypeError for anything else", () => {
    const strings = [
      "",
      "-",
      "1",
      "18",
      "180",
      "180g",
      "0x180f",
      "180f ",
      "18 0f",
      "1234567",
      `${BATTERY_128}0`,
    ];
    for (const text of [...strings, "zzzz", "180\u0660", BATTERY_128.slice(1)]) {
      assert.throws(() => new UUID(text), TypeError, JSON.stringify(text));
    }
    for (const value of [undefined, null, {}, [0x0f, 0x18], true, 10n]) {
      assert.throws(() => new UUID(value as never), TypeError, String(value));
    }
    for (let length = 0; length <= 20; length++) {
      if (length === 2 || length === 4 || length === 16) continue;
      assert.throws(() => new UUID(counting(length)), TypeError, `${length} bytes`);
    }
  });
});
