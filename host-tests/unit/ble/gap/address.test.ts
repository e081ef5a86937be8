import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  createStaticRandomAddress,
  deriveStaticRandomAddress,
  isStaticRandomAddress,
} from "../../../../firmware/ble/gap/address.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
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

describe("the address of a device by its unique identifier", () => {
  const { aes128 } = simulatedCrypto;

  it("is what AES-128 of another author makes of it (pyca/cryptography)", () => {
    const of = (id: string): string => toHex(deriveStaticRandomAddress(fromHex(id), aes128));
    assert.equal(of("0000000000000000"), "d7 ad 21 e5 af 71");
    assert.equal(of("0011223344556677"), "e6 f5 e6 ef 8e 92");
  });

  it("is a static random address, the same each time, and another for each of 4,096 devices", () => {
    const seen = new Set<string>();
    for (let device = 0; device < 4096; device++) {
      const id = Uint8Array.of(0x61, 0x6e, 0, 0, 0, 0, device >> 8, device & 0xff);
      const address = deriveStaticRandomAddress(id, aes128);
      assert.ok(isStaticRandomAddress(address));
      assert.deepEqual(deriveStaticRandomAddress(id, aes128), address);
      seen.add(toHex(address));
    }
    assert.equal(seen.size, 4096);
  });

  it("goes on to the next block when a block gives none", () => {
    let blocks = 0;
    const zeros = (): Uint8Array => new Uint8Array(16).fill(blocks++ === 0 ? 0 : 5);
    assert.equal(toHex(deriveStaticRandomAddress(new Uint8Array(8), zeros)), "c5 05 05 05 05 05");
    assert.equal(blocks, 2);
  });
});
