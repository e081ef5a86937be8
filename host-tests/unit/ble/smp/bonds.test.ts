/** Which bonds there are, from start to start, and what each keeps of its peer. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  bondOf,
  identityOf,
  keyOf,
  OWN,
  openBonds,
  resolvableAddressOf,
  seedsOf,
  strangerOf,
} from "../../../support/bonds.ts";
import { MemoryRecords } from "../../../support/rig.ts";

describe("bonds: kept from start to start", () => {
  it("every bond, in the order of their last use; a device that pairs again has one", () => {
    const records = new MemoryRecords();
    const first = openBonds(records).bonds;
    for (const seed of [1, 2, 3]) first.keep(bondOf(seed));
    assert.deepEqual(seedsOf(first), [3, 2, 1]);
    const memory = first.open(identityOf(1))!;
    memory.close();
    assert.deepEqual(seedsOf(first), [1, 3, 2]);

    const { bonds } = openBonds(records);
    assert.equal(seedsOf(bonds)[0], 1);
    assert.deepEqual(bonds.find(1, identityOf(2).address), bondOf(2));
    bonds.keep(bondOf(2, { isAuthenticated: true }));
    assert.equal(bonds.size, 3);
    assert.equal(openBonds(records).bonds.find(1, identityOf(2).address)!.isAuthenticated, true);
  });

  it("a caller that wipes its keys does not wipe the bond's", () => {
    const { bonds } = openBonds(new MemoryRecords());
    const bond = bondOf(1);
    bonds.keep(bond);
    bond.keyAsPeripheral!.key.fill(0);
    bond.irk!.fill(0);
    assert.deepEqual(bonds.find(1, identityOf(1).address), bondOf(1));
  });

  it("forget and forgetAll leave nothing on flash but the device's own key", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    bonds.ownIrk();
    for (const seed of [1, 2, 3]) {
      bonds.keep(bondOf(seed));
      bonds.open(identityOf(seed))!.close();
    }
    assert.equal(bonds.forget(identityOf(2)), true);
    assert.equal(bonds.forget(identityOf(2)), false);
    assert.deepEqual(records.keys().sort(), ["bond.0", "bond.2", "irk", "peer.1", "peer.3"]);
    bonds.forgetAll();
    assert.deepEqual(records.keys(), ["irk"]);
    assert.deepEqual(openBonds(records).bonds.list(), []);
  });

  it("the own identity resolving key is drawn once", () => {
    const records = new MemoryRecords();
    const irk = openBonds(records).bonds.ownIrk();
    records.set("irk", keyOf(9));
    assert.deepEqual(openBonds(records).bonds.ownIrk(), keyOf(9));
    assert.equal(irk.length, 16);
  });

  it("records of another version are left as they are, with what is beside them", () => {
    const records = new MemoryRecords();
    records.set("bond.0", Uint8Array.of(3, 1, 1));
    records.set("peer.7", Uint8Array.of(2, 9));
    const { bonds, log } = openBonds(records, { maxBonds: 2 });
    for (const seed of [1, 2, 3]) bonds.keep(bondOf(seed));
    assert.deepEqual(seedsOf(bonds), [3, 2]);
    assert.equal(bonds.forget(identityOf(3)), true);
    assert.deepEqual(records.get("bond.0"), Uint8Array.of(3, 1, 1));
    assert.deepEqual(records.get("peer.7"), Uint8Array.of(2, 9));
    assert.deepEqual(log, [["warning", "smp: the record bond.0 cannot be used: it is foreign"]]);
  });

  it("a damaged record is left out, its place is used again, and the others are as they were", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    for (const seed of [1, 2]) bonds.keep(bondOf(seed));
    records.set("bond.0", Uint8Array.of(1, 2, 3));
    const again = openBonds(records).bonds;
    assert.deepEqual(seedsOf(again), [2]);
    again.keep(bondOf(3));
    assert.deepEqual(seedsOf(openBonds(records).bonds).sort(), [2, 3]);
  });

  it("a bond made under another own address is kept, and used under that address again", () => {
    let own = OWN;
    const records = new MemoryRecords();
    const { bonds } = openBonds(records, { own: () => own });
    bonds.keep(bondOf(1));
    own = { addressType: 0, address: OWN.address };
    assert.equal(bonds.find(1, identityOf(1).address), undefined);
    assert.equal(bonds.find(1, resolvableAddressOf(1, 0x445566)), undefined);
    bonds.keep(bondOf(1, { ownIdentity: own }));
    assert.equal(bonds.size, 2);
    own = OWN;
    assert.deepEqual(bonds.find(1, identityOf(1).address), bondOf(1));
  });

  it("a name that was read is kept with the next write, cut to 31 bytes", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    bonds.keep(bondOf(1));
    const memory = bonds.open(identityOf(1))!;
    bonds.named(identityOf(1), new Uint8Array(40).fill(65));
    memory.close();
    assert.deepEqual(openBonds(records).bonds.list()[0]!.name, new Uint8Array(31).fill(65));
  });
});

describe("bonds: a full store", () => {
  it("gives up what was used longest ago, unauthenticated ones first", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 4 });
    bonds.keep(bondOf(1));
    bonds.keep(bondOf(2, { isAuthenticated: true }));
    bonds.keep(bondOf(3));
    bonds.keep(bondOf(4));
    bonds.open(identityOf(1))!.close();
    for (const [seed, left] of [
      [5, [5, 1, 4, 2]],
      [6, [6, 5, 1, 2]],
      [7, [7, 6, 5, 2]],
    ] as const) {
      bonds.keep(bondOf(seed));
      assert.deepEqual(seedsOf(bonds), left);
    }
  });

  it("not what encrypts a link now; where all do, nothing is given up", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 2 });
    for (const seed of [1, 2]) bonds.keep(bondOf(seed));
    const first = bonds.open(identityOf(1))!;
    bonds.keep(bondOf(3));
    assert.deepEqual(seedsOf(bonds), [3, 1]);
    bonds.open(identityOf(3));
    assert.equal(bonds.hasRoom(true), false);
    assert.throws(() => bonds.keep(bondOf(4)), { code: "bond-not-saved" });
    first.close();
    assert.equal(bonds.hasRoom(true), true);
    bonds.keep(bondOf(4));
    assert.deepEqual(seedsOf(bonds), [4, 3]);
  });

  it("bond flooding: strangers have half of the places, and give up only each other's", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 6 });
    bonds.keep(bondOf(1));
    bonds.keep(bondOf(2));
    for (let seed = 10; seed < 18; seed++) bonds.keep(strangerOf(seed));
    assert.deepEqual(seedsOf(bonds), [17, 16, 15, 2, 1]);
    bonds.keep(bondOf(3));
    assert.deepEqual(seedsOf(bonds), [3, 17, 16, 15, 2, 1]);
  });

  it("bond flooding: the owner's bonds take strangers' places, never the other way round", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 4 });
    for (const seed of [10, 11]) bonds.keep(strangerOf(seed));
    for (const seed of [1, 2, 3]) bonds.keep(bondOf(seed));
    assert.deepEqual(seedsOf(bonds), [3, 2, 1, 11]);
    bonds.keep(bondOf(4));
    assert.deepEqual(seedsOf(bonds), [4, 3, 2, 1]);
    assert.equal(bonds.hasRoom(false), false);
    assert.throws(() => bonds.keep(strangerOf(12)), { code: "bond-not-saved" });
    assert.deepEqual(seedsOf(bonds), [4, 3, 2, 1]);
  });

  it("an authenticated bond that nobody attended is no stranger's", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 2 });
    bonds.keep(bondOf(1, { isAttended: false, isAuthenticated: true }));
    bonds.keep(bondOf(2, { isAttended: false, isAuthenticated: true }));
    assert.equal(bonds.size, 2);
    bonds.keep(bondOf(3));
    assert.deepEqual(seedsOf(bonds), [3, 2]);
  });

  it("a smaller maxBonds takes effect with the next bond", () => {
    const { bonds, settings } = openBonds(new MemoryRecords(), { maxBonds: 4 });
    for (const seed of [1, 2, 3, 4]) bonds.keep(bondOf(seed));
    settings.maxBonds = 2;
    assert.equal(bonds.size, 4);
    bonds.keep(bondOf(5));
    assert.deepEqual(seedsOf(bonds), [5, 4]);
  });
});

describe("bonds: what is known of a peer", () => {
  it("is there at its next link, and begins anew with another pairing", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    bonds.keep(bondOf(1));
    const memory = bonds.open(identityOf(1))!;
    assert.deepEqual(memory.client, new Uint8Array(0));
    assert.equal(memory.save(keyOf(1), true), true);
    assert.deepEqual(memory.client, keyOf(1));
    const again = openBonds(records).bonds;
    assert.deepEqual(again.open(identityOf(1))!.client, keyOf(1), "without a word of the first's end");
    memory.close();
    bonds.keep(bondOf(1));
    assert.deepEqual(openBonds(records).bonds.open(identityOf(1))!.client, new Uint8Array(0));
  });

  it("goes on when the peer pairs once more over the bond that encrypts its link", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    bonds.keep(bondOf(1));
    const memory = bonds.open(identityOf(1))!;
    memory.save(keyOf(1), true);
    bonds.keep(bondOf(1, { isAttended: false, isAuthenticated: true }), true);
    assert.deepEqual(openBonds(records).bonds.open(identityOf(1))!.client, keyOf(1));
    assert.equal(memory.save(keyOf(2), true), true);
    memory.close();
    assert.deepEqual(openBonds(records).bonds.open(identityOf(1))!.client, keyOf(2));
  });

  it("begins anew when a device that has not shown the bond's key takes its place, while its link is up", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    bonds.keep(bondOf(1));
    const memory = bonds.open(identityOf(1))!;
    memory.save(keyOf(1), true);
    bonds.keep(bondOf(1, { isAuthenticated: true }));
    assert.equal(memory.isKept, false);
    assert.equal(memory.save(keyOf(2), true), true);
    memory.close();
    assert.equal(bonds.list()[0]!.isConnected, false);
    assert.deepEqual(openBonds(records).bonds.open(identityOf(1))!.client, new Uint8Array(0));
  });

  it("a bond that is deleted while its link is up is not written again", () => {
    const records = new MemoryRecords();
    const { bonds } = openBonds(records);
    bonds.keep(bondOf(1));
    const memory = bonds.open(identityOf(1))!;
    bonds.forget(identityOf(1));
    assert.equal(memory.save(keyOf(1), true), true, "there is nothing to keep");
    memory.close();
    assert.deepEqual(records.keys(), []);
  });

  it("what fails to be written has not changed", () => {
    const records = new MemoryRecords();
    const { bonds, log } = openBonds(records);
    bonds.keep(bondOf(1));
    const memory = bonds.open(identityOf(1))!;
    memory.save(keyOf(1), true);
    const { set } = records;
    records.set = () => {
      throw new Error("the flash is worn");
    };
    assert.equal(memory.save(keyOf(2), true), false);
    assert.deepEqual(memory.client, keyOf(1));
    assert.equal(log.length, 1);
    records.set = set;
    assert.equal(memory.save(keyOf(2), true), true);
  });
});
