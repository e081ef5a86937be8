/** Whose bond a resolvable private address is. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { findResolvingKey } from "../../../../firmware/ble/gap/address.ts";
import type { Bond, Identity } from "../../../../firmware/ble/smp/keys.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { bondOf, identityOf, keyOf, OWN, openBonds, resolvableAddressOf } from "../../../support/bonds.ts";
import { fromHex } from "../../../support/bytes.ts";
import { MemoryRecords } from "../../../support/rig.ts";

describe("bonds: resolvable private addresses (Vol 6, Part B, 1.3.2.3)", () => {
  it("the specification's sample resolves", () => {
    const irk = fromHex("ec 02 34 a3 57 c8 ad 05 34 10 10 a6 0a 39 7d 9b");
    const find = (address: string) =>
      findResolvingKey(fromHex(address), [keyOf(1), irk, irk], simulatedCrypto.aes128);
    assert.equal(find("70 81 94 0d fb aa"), 1);
    for (const other of [
      "70 81 94 0d fb ab",
      "70 81 94 0d fa aa",
      "70 81 94 0c fb aa",
      "70 81 95 0d fb aa",
    ]) {
      assert.equal(find(other), -1);
    }
  });

  it("finds the bond whose key made the address; not by another key, and of no other kind of address", () => {
    const { bonds } = openBonds(new MemoryRecords());
    for (let seed = 1; seed <= 8; seed++) bonds.keep(bondOf(seed));
    for (let seed = 1; seed <= 8; seed++) {
      const address = resolvableAddressOf(seed, 0x400000 + seed);
      assert.deepEqual(bonds.find(1, address), bondOf(seed));
      assert.deepEqual(
        bonds.find(1, address),
        bondOf(seed),
        "once more, by the address that was resolved last",
      );
      assert.equal(bonds.find(0, address), undefined, "a public address");
    }
    assert.equal(bonds.find(1, resolvableAddressOf(9, 0x400001)), undefined);
  });

  describe("where the keys of several bonds resolve an address", () => {
    const IRK = keyOf(1001);
    const address = resolvableAddressOf(1, 0x412345);
    const stranger = bondOf(11, { irk: IRK, isAttended: false });
    const attended = bondOf(12, { irk: IRK });
    const authenticated = bondOf(13, { irk: IRK, isAttended: false, isAuthenticated: true });
    const orders = {
      "the stranger's first": [stranger, attended, authenticated],
      "the stranger's last": [authenticated, attended, stranger],
      "the stranger's between": [attended, stranger, authenticated],
    };
    for (const [what, order] of Object.entries(orders)) {
      it(`the one that is worth more has it: ${what}`, () => {
        const records = new MemoryRecords();
        const { bonds } = openBonds(records);
        const seen: Bond[] = [];
        for (const bond of order) {
          bonds.keep(bond);
          seen.push(bond);
          const best = [authenticated, attended, stranger].find((each) => seen.includes(each))!;
          // The second time by the address that was resolved last.
          for (const time of ["first", "second"]) {
            assert.deepEqual(bonds.find(1, address)!.identity, best.identity, `${time} of ${seen.length}`);
          }
        }
        const peers = [authenticated, attended, stranger].map(({ identity }) => identity);
        assert.deepEqual(
          bonds.privatePeers().map(({ identity }) => identity),
          peers,
          "to the controller, too",
        );
        const after = openBonds(records).bonds;
        assert.deepEqual(after.find(1, address)!.identity, authenticated.identity, "after a start");
        for (const [at, { identity }] of [authenticated, attended, stranger].entries()) {
          assert.deepEqual(after.find(1, address)!.identity, peers[at]);
          after.forget(identity);
        }
        assert.equal(after.find(1, address), undefined);
      });
    }

    it("a stranger that takes another key on its own bond does not take the owner's address", () => {
      const { bonds } = openBonds(new MemoryRecords());
      bonds.keep(bondOf(11, { isAttended: false }));
      bonds.keep(attended);
      assert.deepEqual(bonds.find(1, address)!.identity, attended.identity);
      bonds.open(stranger.identity);
      bonds.keep(stranger);
      assert.deepEqual(bonds.find(1, address)!.identity, attended.identity);
    });

    it("a bond of another identity of this device does not count, and does again under that identity", () => {
      let own = OWN;
      const { bonds } = openBonds(new MemoryRecords(), { own: () => own });
      bonds.keep(attended);
      const other: Identity = { addressType: 0, address: OWN.address };
      const elsewhere = bondOf(14, { ...authenticated, identity: identityOf(14), ownIdentity: other });
      own = other;
      bonds.keep(elsewhere);
      assert.deepEqual(bonds.find(1, address)!.identity, elsewhere.identity);
      own = OWN;
      assert.deepEqual(bonds.find(1, address)!.identity, attended.identity);
      own = other;
      assert.deepEqual(bonds.find(1, address)!.identity, elsewhere.identity);
    });
  });

  it("a bond without an IRK is found by its address alone", () => {
    const { bonds } = openBonds(new MemoryRecords());
    bonds.keep(bondOf(1, { irk: undefined }));
    assert.equal(bonds.find(1, resolvableAddressOf(1, 0x412345)), undefined);
    assert.ok(bonds.find(1, identityOf(1).address));
  });
});
