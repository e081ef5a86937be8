import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { findResolvingKey } from "../../../../firmware/ble/gap/address.ts";
import { decodeBond, decodePeer, encodeBond, encodePeer } from "../../../../firmware/ble/smp/bond-record.ts";
import {
  PEER_WRITES_MAX,
  STRANGER_WRITES_MAX,
  WRITE_REFILL_MS,
} from "../../../../firmware/ble/smp/kept-bond.ts";
import type { Bond, Identity } from "../../../../firmware/ble/smp/keys.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import {
  bondOf,
  identityOf,
  keyOf,
  OWN,
  openBonds,
  resolvableAddressOf,
  strangerOf,
} from "../../../support/bonds.ts";
import { fromHex } from "../../../support/bytes.ts";
import { MemoryRecords } from "../../../support/rig.ts";

const LEGACY: Partial<Bond> = {
  isSecureConnections: false,
  keyAsPeripheral: { key: keyOf(1), ediv: 0x1234, rand: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  keyAsCentral: { key: keyOf(2), ediv: 0xfedc, rand: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1) },
};

/** Bonds that say how often flash was written. */
function countedBonds() {
  let now = 0;
  let count = 0;
  const clock = { now: () => now, setTimer: () => undefined, clearTimer: () => {} };
  const records = new MemoryRecords();
  const { set } = records;
  records.set = (key, value) => {
    count++;
    set.call(records, key, value);
  };
  const wait = (ms: number): void => {
    now += ms;
  };
  return { ...openBonds(records, { clock }), records, wait, writes: () => count };
}

const seeds = (bonds: { list(): readonly { identity: { address: Uint8Array } }[] }): number[] =>
  bonds.list().map(({ identity }) => identity.address[5]!);

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

describe("bonds: kept from start to start", () => {
  it("every bond, in the order of their last use; a device that pairs again has one", () => {
    const records = new MemoryRecords();
    const first = openBonds(records).bonds;
    for (const seed of [1, 2, 3]) first.keep(bondOf(seed));
    assert.deepEqual(seeds(first), [3, 2, 1]);
    const memory = first.open(identityOf(1))!;
    memory.close();
    assert.deepEqual(seeds(first), [1, 3, 2]);

    const { bonds } = openBonds(records);
    assert.equal(seeds(bonds)[0], 1);
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
    assert.deepEqual(seeds(bonds), [3, 2]);
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
    assert.deepEqual(seeds(again), [2]);
    again.keep(bondOf(3));
    assert.deepEqual(seeds(openBonds(records).bonds).sort(), [2, 3]);
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
      assert.deepEqual(seeds(bonds), left);
    }
  });

  it("not what encrypts a link now; where all do, nothing is given up", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 2 });
    for (const seed of [1, 2]) bonds.keep(bondOf(seed));
    const first = bonds.open(identityOf(1))!;
    bonds.keep(bondOf(3));
    assert.deepEqual(seeds(bonds), [3, 1]);
    bonds.open(identityOf(3));
    assert.equal(bonds.hasRoom(true), false);
    assert.throws(() => bonds.keep(bondOf(4)), { code: "bond-not-saved" });
    first.close();
    assert.equal(bonds.hasRoom(true), true);
    bonds.keep(bondOf(4));
    assert.deepEqual(seeds(bonds), [4, 3]);
  });

  it("bond flooding: strangers have half of the places, and give up only each other's", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 6 });
    bonds.keep(bondOf(1));
    bonds.keep(bondOf(2));
    for (let seed = 10; seed < 18; seed++) bonds.keep(strangerOf(seed));
    assert.deepEqual(seeds(bonds), [17, 16, 15, 2, 1]);
    bonds.keep(bondOf(3));
    assert.deepEqual(seeds(bonds), [3, 17, 16, 15, 2, 1]);
  });

  it("bond flooding: the owner's bonds take strangers' places, never the other way round", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 4 });
    for (const seed of [10, 11]) bonds.keep(strangerOf(seed));
    for (const seed of [1, 2, 3]) bonds.keep(bondOf(seed));
    assert.deepEqual(seeds(bonds), [3, 2, 1, 11]);
    bonds.keep(bondOf(4));
    assert.deepEqual(seeds(bonds), [4, 3, 2, 1]);
    assert.equal(bonds.hasRoom(false), false);
    assert.throws(() => bonds.keep(strangerOf(12)), { code: "bond-not-saved" });
    assert.deepEqual(seeds(bonds), [4, 3, 2, 1]);
  });

  it("an authenticated bond that nobody attended is no stranger's", () => {
    const { bonds } = openBonds(new MemoryRecords(), { maxBonds: 2 });
    bonds.keep(bondOf(1, { isAttended: false, isAuthenticated: true }));
    bonds.keep(bondOf(2, { isAttended: false, isAuthenticated: true }));
    assert.equal(bonds.size, 2);
    bonds.keep(bondOf(3));
    assert.deepEqual(seeds(bonds), [3, 2]);
  });

  it("a smaller maxBonds takes effect with the next bond", () => {
    const { bonds, settings } = openBonds(new MemoryRecords(), { maxBonds: 4 });
    for (const seed of [1, 2, 3, 4]) bonds.keep(bondOf(seed));
    settings.maxBonds = 2;
    assert.equal(bonds.size, 4);
    bonds.keep(bondOf(5));
    assert.deepEqual(seeds(bonds), [5, 4]);
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

  it("wear is bounded: a peer that changes its mind for ever is refused, and may again with time", () => {
    let now = 0;
    const clock = { now: () => now, setTimer: () => undefined, clearTimer: () => {} };
    let writes = 0;
    const records = new MemoryRecords();
    const { bonds, log } = openBonds(records, { clock });
    bonds.keep(bondOf(1));
    bonds.keep(bondOf(2));
    const { set } = records;
    records.set = (key, value) => {
      writes++;
      set.call(records, key, value);
    };
    const memory = bonds.open(identityOf(1))!;
    let turn = 0;
    const attempt = () => memory.save(Uint8Array.of(++turn & 0xff, turn >> 8), true);
    for (let count = 0; count < 1000; count++) attempt();
    assert.equal(writes, PEER_WRITES_MAX);
    assert.equal(bonds.refusedWrites, 1000 - PEER_WRITES_MAX);
    assert.equal(log.length, 1);
    assert.equal(memory.save(memory.client, true), true, "no change costs nothing");
    assert.equal(bonds.open(identityOf(2))!.save(keyOf(1), true), true, "others have their own");
    now = 3 * WRITE_REFILL_MS;
    assert.deepEqual([attempt(), attempt(), attempt(), attempt()], [true, true, true, false]);
  });

  it("wear is bounded: two that reconnect by turns have their order of use written half so often, and no more", () => {
    for (const kind of ["bonded", "strangers"] as const) {
      const { bonds, records, wait, writes } = countedBonds();
      const pair = [1, 2].map((seed) => (kind === "bonded" ? bondOf(seed) : strangerOf(seed)));
      for (const bond of pair) bonds.keep(bond);
      const [one, other] = pair.map(({ identity }) => identity);
      const before = writes();
      const turns = (count: number) => {
        for (let turn = 0; turn < count; turn++) bonds.open(turn % 2 === 0 ? one! : other!)!.close();
      };
      turns(1000);
      const allowed = kind === "bonded" ? PEER_WRITES_MAX : STRANGER_WRITES_MAX / 2 - 2 * 8;
      assert.equal(writes() - before, allowed, kind);
      assert.equal(bonds.refusedWrites, 0, "nobody is refused for it");
      assert.deepEqual(seeds(bonds), [2, 1], "in RAM the order is the true one");

      const memory = bonds.open(one!)!;
      assert.equal(memory.save(keyOf(1), true), true, "it costs no peer its answer");
      assert.deepEqual(seeds(openBonds(records).bonds), [1, 2], "what waited is written with it");
      memory.close();

      const spent = writes();
      wait(4 * WRITE_REFILL_MS);
      turns(1000);
      // One of four comes back for what was just saved; strangers share the four.
      assert.equal(writes() - spent, kind === "bonded" ? 3 + 4 : 3, `${kind}, later`);
    }
  });

  it("wear is bounded: a peer whose database changes, and whose name, has that written so often", () => {
    const { bonds, writes } = countedBonds();
    bonds.keep(bondOf(1));
    const before = writes();
    for (let turn = 0; turn < 1000; turn++) {
      const memory = bonds.open(identityOf(1))!;
      bonds.named(identityOf(1), Uint8Array.of(turn & 0xff, turn >> 8));
      memory.save(Uint8Array.of(turn & 0xff, turn >> 8), false);
      memory.close();
    }
    assert.equal(writes() - before, PEER_WRITES_MAX / 2);
    assert.deepEqual(bonds.open(identityOf(1))!.client, Uint8Array.of(999 & 0xff, 999 >> 8), "known in RAM");
  });

  it("wear is bounded: one that pairs over and over on the bond that encrypts its link", () => {
    for (const isAuthenticated of [false, true]) {
      const { bonds, wait, writes } = countedBonds();
      bonds.keep(bondOf(1, { isAuthenticated }));
      const memory = bonds.open(identityOf(1))!;
      const before = writes();
      const again = () => bonds.keep(bondOf(1, { isAuthenticated }), true);
      for (let turn = 0; turn < PEER_WRITES_MAX / 8; turn++) again();
      assert.throws(again, { code: "bond-not-saved" });
      assert.equal(writes() - before, PEER_WRITES_MAX / 8);
      assert.equal(bonds.refusedWrites, 1);
      assert.ok(bonds.find(1, identityOf(1).address), "the bond stays");
      wait(8 * WRITE_REFILL_MS);
      again();
      assert.throws(again, { code: "bond-not-saved" });
      memory.close();
      again();
    }
  });

  it("wear is bounded: strangers share theirs, and their bonds cost more of it", () => {
    const { bonds } = openBonds(new MemoryRecords());
    let kept = 0;
    for (let seed = 10; seed < 60; seed++) {
      if (!bonds.hasRoom(false)) break;
      bonds.keep(strangerOf(seed));
      kept++;
    }
    assert.equal(kept, STRANGER_WRITES_MAX / 8);
    assert.throws(() => bonds.keep(strangerOf(99)), { code: "bond-not-saved" });
    assert.equal(bonds.hasRoom(true), true);
    bonds.keep(bondOf(1));
  });
});
