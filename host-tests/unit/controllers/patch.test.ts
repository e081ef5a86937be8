/** Patches in the HCD format: whole ones, and those that are not. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HciError } from "../../../firmware/ble/errors.ts";
import { checkPatch } from "../../../firmware/controllers/patch.ts";
import type { ByteSource } from "../../../firmware/platform/platform.ts";
import { u32At } from "../../../simulator/chips/line.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { fromHex } from "../../support/bytes.ts";

function source(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length, "read outside of the source");
      return bytes.slice(offset, offset + length);
    },
    u32(offset) {
      assert.ok(offset >= 0 && offset <= bytes.length, "read outside of the source");
      return u32At(bytes, offset);
    },
  };
}

function faultOf(bytes: Uint8Array): string {
  try {
    checkPatch(source(bytes));
  } catch (error) {
    assert.ok(error instanceof HciError && error.code === "patch-damaged", String(error));
    return error.message;
  }
  assert.fail("the patch was taken");
}

/** Writes two bytes at 0x00200010, then launches. */
const SMALL = fromHex("4cfc06 10002000 aabb  4efc04 ffffffff");

describe("patches", () => {
  it("are counted, with the memory that they write", () => {
    assert.deepEqual(checkPatch(source(SMALL)), { records: 2, bytes: 16, lowest: 0x200010, end: 0x200012 });
    const figures = checkPatch(source(syntheticPatch()));
    assert.equal(figures.records, 139);
    assert.equal(figures.bytes, 35_182);
  });

  it("may lie in an area that goes on behind them", () => {
    const area = new Uint8Array(64).fill(0xff);
    area.set(SMALL);
    assert.equal(checkPatch(source(area)).bytes, SMALL.length);
  });

  it("cut short at any byte, are damaged", () => {
    for (let length = 0; length < SMALL.length; length++) {
      assert.match(faultOf(SMALL.slice(0, length)), /damaged at byte \d+: .*cut short/);
    }
  });

  it("with anything but Write RAM and Launch RAM, are damaged, at the byte that says so", () => {
    assert.match(faultOf(fromHex("4cfc06 10002000 aabb 030c00")), /at byte 9: 0x0c03 is no command/);
    assert.match(faultOf(new Uint8Array(64).fill(0xff)), /at byte 0: 0xffff/);
    assert.match(faultOf(new Uint8Array(64)), /at byte 0: 0x0000/);
  });

  it("with a record that reaches behind the last address, are damaged; one that ends there is not", () => {
    const last = "4efc04 ffffffff";
    assert.equal(checkPatch(source(fromHex(`4cfc06 feffffff aabb ${last}`))).end, 0x1_0000_0000);
    assert.match(
      faultOf(fromHex(`4cfc06 10002000 aabb 4cfc06 ffffffff aabb ${last}`)),
      /at byte 9: the record reaches behind the last address/,
    );
  });

  it("with a record that is too short for its address or without data, or nothing to launch, are damaged", () => {
    for (const [record, length] of [
      ["4cfc03 100020", 3],
      ["4cfc04 10002000", 4],
    ] as const)
      assert.match(
        faultOf(fromHex(`4cfc05 00002000 aa ${record} 4efc04 ffffffff`)),
        new RegExp(`at byte 8: a record of ${length} bytes is too short`),
      );
    assert.match(faultOf(fromHex("4cfc05 00002000 aa 4efc03 ffffff")), /a record of 3 bytes is too short/);
    assert.equal(checkPatch(source(fromHex("4cfc05 00002000 aa 4efc04 ffffffff"))).records, 2);
    assert.match(faultOf(fromHex("4efc04 ffffffff")), /writes nothing/);
  });

  it("of random bytes, or with flipped bits, are damaged or whole, and never read outside of their source", () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 2000; round++) {
      const bytes = round % 2 ? random.bytes(random.u32() % 600) : SMALL.slice();
      if (bytes.length > 0) bytes[random.u32() % bytes.length]! ^= 1 << (random.u32() % 8);
      try {
        const { records, bytes: length } = checkPatch(source(bytes));
        assert.ok(records >= 2 && length <= bytes.length);
      } catch (error) {
        assert.ok(error instanceof HciError && error.code === "patch-damaged", String(error));
      }
    }
  });
});
