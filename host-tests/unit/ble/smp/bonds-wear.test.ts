/** How often flash is written for peers, however often they want it. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  PEER_WRITES_MAX,
  STRANGER_WRITES_MAX,
  WRITE_REFILL_MS,
} from "../../../../firmware/ble/smp/kept-bond.ts";
import { bondOf, identityOf, keyOf, openBonds, seedsOf, strangerOf } from "../../../support/bonds.ts";
import { MemoryRecords } from "../../../support/rig.ts";

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

describe("bonds: what flash bears", () => {
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
      assert.deepEqual(seedsOf(bonds), [2, 1], "in RAM the order is the true one");

      const memory = bonds.open(one!)!;
      assert.equal(memory.save(keyOf(1), true), true, "it costs no peer its answer");
      assert.deepEqual(seedsOf(openBonds(records).bonds), [1, 2], "what waited is written with it");
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
