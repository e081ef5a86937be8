import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ADDR_PUBLIC, ADDR_RANDOM, Device } from "../../../firmware/aioble/device.ts";
import {
  BleError,
  DeviceDisconnectedError,
  GattError,
  HciError,
  TimeoutError,
} from "../../../firmware/aioble/errors.ts";
import { counting, fromHex, toHex } from "../../support/bytes.ts";

describe("Device", () => {
  it("takes six bytes in printed order, or 12 digits with colons anywhere", () => {
    for (const addr of [fromHex("c0ffee00aa01"), "c0ffee00aa01", "C0:FF:EE:00:AA:01", "c0ffee:00aa01"]) {
      const device = new Device(ADDR_RANDOM, addr);
      assert.equal(toHex(device.addr), "c0 ff ee 00 aa 01");
      assert.equal(device.addrHex(), "c0:ff:ee:00:aa:01");
      assert.equal(`${device}`, "Device(ADDR_RANDOM, c0:ff:ee:00:aa:01)");
    }
    assert.equal(`${new Device(ADDR_PUBLIC, "000000000001")}`, "Device(ADDR_PUBLIC, 00:00:00:00:00:01)");
  });

  it("keeps its address when the bytes it was made from change", () => {
    const bytes = counting(6);
    const device = new Device(0, bytes);
    bytes.fill(0xff);
    assert.equal(device.addrHex(), "00:01:02:03:04:05");
  });

  it("is equal to the same type and address, and to nothing else", () => {
    const device = new Device(0, "c0ffee00aa01");
    assert.equal(device.equals(new Device(0, "C0:FF:EE:00:AA:01")), true);
    assert.equal(device.equals(new Device(1, "c0ffee00aa01")), false);
    assert.equal(device.equals(new Device(0, "c0ffee00aa02")), false);
    for (const other of [undefined, null, "c0ffee00aa01", {}]) assert.equal(device.equals(other), false);
  });

  it("throws TypeError for any other address or type", () => {
    for (const addr of [
      "",
      "c0ffee",
      "c0ffee00aa0",
      "c0ffee00aa011",
      "c0ffee00aa0g",
      "abcdef",
      "0x0ffee00aa01",
    ]) {
      assert.throws(() => new Device(0, addr), TypeError, addr);
    }
    for (const addr of [counting(5), counting(7), [1, 2, 3, 4, 5, 6], undefined, 5]) {
      assert.throws(() => new Device(0, addr as never), TypeError);
    }
    for (const type of [2, -1, "0", undefined])
      assert.throws(() => new Device(type as never, counting(6)), TypeError);
  });
});

describe("errors", () => {
  it("are BleErrors with a code, a name and a sentence", () => {
    for (const [error, name, code, message] of [
      [
        new DeviceDisconnectedError(0x08),
        "DeviceDisconnectedError",
        "device-disconnected",
        /connection timeout \(0x08\)/,
      ],
      [new TimeoutError(250), "TimeoutError", "timeout", /250/],
      [new GattError(0x0d), "GattError", "gatt-error", /invalid attribute value length \(0x0d\)/],
      [new HciError("controller-lost", "Gone.", 3), "HciError", "controller-lost", /Gone/],
    ] as const) {
      assert.ok(error instanceof BleError && error instanceof Error);
      assert.equal(error.name, name);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.match(error.message, /\.$/);
      assert.ok(String(error).startsWith(`${name}: `));
    }
  });
});
