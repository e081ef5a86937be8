/** The format of bonds on flash, and of what is known of their peers. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { decodeBond, decodePeer, encodeBond, encodePeer } from "../../../../firmware/ble/smp/bond-record.ts";
import type { Bond } from "../../../../firmware/ble/smp/keys.ts";
import { bondOf, identityOf, keyOf } from "../../../support/bonds.ts";

const LEGACY: Partial<Bond> = {
  isSecureConnections: false,
  keyAsPeripheral: { key: keyOf(1), ediv: 0x1234, rand: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  keyAsCentral: { key: keyOf(2), ediv: 0xfedc, rand: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1) },
};

describe("bond records", () => {
  const kinds: Record<string, Bond> = {
    "of LE Secure Connections": bondOf(1),
    "authenticated, without an IRK": bondOf(2, { isAuthenticated: true, irk: undefined }),
    "of legacy pairing, both keys": bondOf(3, LEGACY),
    "of legacy pairing, one key": bondOf(4, { ...LEGACY, keyAsCentral: undefined }),
    "of legacy pairing, the other key": bondOf(5, {
      ...LEGACY,
      keyAsPeripheral: undefined,
      isAttended: false,
    }),
    "without keys": bondOf(6, { keyAsCentral: undefined, keyAsPeripheral: undefined, keySize: 7 }),
    "from a pairing window": bondOf(8, { isFromWindow: true }),
    "of a public address": bondOf(7, { identity: { addressType: 0, address: identityOf(7).address } }),
  };
  for (const [name, bond] of Object.entries(kinds)) {
    it(`a bond ${name} comes back as it was, and nothing shorter or longer is one`, () => {
      const bytes = encodeBond({ number: 0x01020304, bond });
      assert.deepEqual(decodeBond(bytes), { number: 0x01020304, bond });
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(decodeBond(bytes.subarray(0, length)), "damaged", `${length} bytes`);
      }
      assert.equal(decodeBond(Uint8Array.of(...bytes, 0)), "damaged");
    });
  }

  it("a record of version 1 is a bond that is not known to be from a pairing window", () => {
    const bond = bondOf(1, { isFromWindow: true });
    const bytes = encodeBond({ number: 1, bond });
    bytes[0] = 1;
    assert.equal(decodeBond(bytes), "damaged", "it had no such flag");
    bytes[1]! &= ~0x40;
    assert.deepEqual(decodeBond(bytes), { number: 1, bond: { ...bond, isFromWindow: false } });
  });

  it("what no bond can be is damaged, what another version wrote is foreign", () => {
    const bytes = encodeBond({ number: 1, bond: bondOf(1) });
    const changed = (at: number, value: number) =>
      decodeBond(bytes.map((byte, index) => (index === at ? value : byte)));
    assert.equal(changed(0, 3), "foreign");
    assert.equal(changed(1, 0x80 | bytes[1]!), "damaged");
    for (const size of [0, 6, 17, 255]) assert.equal(changed(2, size), "damaged");
    assert.equal(changed(7, 2), "damaged", "the peer's type of address");
    assert.equal(changed(14, 2), "damaged", "ours");
  });

  it("what is beside a bond comes back as it was", () => {
    const peer = { lastUse: 77, name: Uint8Array.of(65, 66), client: keyOf(1) };
    const bytes = encodePeer(peer);
    assert.deepEqual(decodePeer(bytes), peer);
    for (let length = 0; length < 8; length++) assert.equal(decodePeer(bytes.subarray(0, length)), "damaged");
    assert.equal(decodePeer(Uint8Array.of(9)), "foreign");
  });
});
