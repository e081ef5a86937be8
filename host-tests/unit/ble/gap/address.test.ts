import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createStaticRandomAddress, isStaticRandomAddress } from "../../../../firmware/ble/gap/address.ts";
import { fromHex, toHex } from "../../../support/bytes.ts";

describe("static random addresses (Vol 6, Part B, 1.3.2.1)", () => {
  it("have the two top bits set, and neither all zeros nor all ones below", () => {
    for (const good of ["c00000000001", "c10000000000", "fffffffffffe", "feffffffffff", "d1a2b3c4d5e6"]) {
      assert.equal(isStaticRandomAddress(fromHex(good)), true, good);
    }
    for (const bad of [
      "c00000000000",
      "ffffffffffff",
      "800000000001",
      "400000000001",
      "000000000001",
      "7fffffffffff",
    ]) {
      assert.equal(isStaticRandomAddress(fromHex(bad)), false, bad);
    }
    for (const length of [0, 5, 7])
      assert.equal(isStaticRandomAddress(new Uint8Array(length).fill(0xc1)), false);
  });

  it("are drawn again until they are one", () => {
    const draws = ["000000000000", "3fffffffffff", "0000000000aa"];
    const address = createStaticRandomAddress(() => fromHex(draws.shift()!));
    assert.equal(toHex(address), "c0 00 00 00 00 aa");
    assert.equal(draws.length, 0);
  });
});
