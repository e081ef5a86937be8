import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { crc32 } from "../../../firmware/storage/crc32.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { type FlashModel, SimulatedFlash } from "../../../simulator/flash.ts";
import { SeededRandom } from "../../../simulator/random.ts";

const model: FlashModel = {
  size: 2048,
  eraseUnit: 1024,
  programUnit: 8,
  writeBack: false,
  unreadable: false,
};

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function create(settings: Partial<FlashModel> = {}) {
  const flash = new SimulatedFlash({ ...model, ...settings }, new SeededRandom(1));
  const messages: string[] = [];
  const reopen = () => RecordStore.open(flash, (level, message) => messages.push(`${level}: ${message}`));
  return { flash, messages, reopen, store: reopen() };
}

describe("RecordStore", () => {
  it("keeps records over a restart", () => {
    const { store, reopen, messages } = create();
    assert.deepEqual(messages, ["info: Records: nothing was ever kept, starting empty"]);
    store.set("address", bytes(1, 2, 3, 4, 5, 0xc6));
    store.set("empty", bytes());
    store.set("address", bytes(6, 5, 4, 3, 2, 0xc1));
    store.set("gone", bytes(9));
    assert.equal(store.delete("gone"), true);
    assert.equal(store.delete("gone"), false);

    const reopened = reopen();
    assert.deepEqual(reopened.keys().sort(), ["address", "empty"]);
    assert.deepEqual(reopened.get("address"), bytes(6, 5, 4, 3, 2, 0xc1));
    assert.deepEqual(reopened.get("empty"), bytes());
    assert.equal(reopened.get("gone"), undefined);
    assert.equal(messages.length, 1);
  });

  it("writes the documented format", () => {
    const { store, flash } = create();
    store.set("key", bytes(0x11, 0x22));
    const magic = [0x4f, 0x42, 0x52, 0x53, 1, 0, 0, 0, 1, 0, 0, 0];
    const prefix = [0x01, 3, 2, 0];
    const place = [1, 0, 0, 0, 16, 0, 0, 0];
    const littleEndian = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
    assert.deepEqual(
      [...flash.content.subarray(0, 48)],
      [
        ...magic,
        ...littleEndian(crc32(bytes(...magic))),
        ...prefix,
        ...prefix.map((byte) => ~byte & 0xff),
        ...littleEndian(crc32(bytes(...place, ...prefix, 0x6b, 0x65, 0x79, 0x11, 0x22))),
        ...[0x6b, 0x65, 0x79, 0x11, 0x22],
        ...Array.from({ length: 15 }, () => 0xff),
      ],
    );
  });

  it("writes nothing for an equal value", () => {
    const { store, flash } = create();
    store.set("a", bytes(1, 2, 3));
    const { operations } = flash;
    store.set("a", bytes(1, 2, 3));
    assert.equal(store.delete("b"), false);
    assert.equal(flash.operations, operations);
    store.set("a", bytes(1, 2, 4));
    assert.equal(flash.operations, operations + 2);
  });

  it("uses the banks in turn", () => {
    const { store, flash, reopen } = create();
    const erased: number[] = [];
    const erase = flash.erase.bind(flash);
    flash.erase = (offset, length) => {
      erased.push(offset);
      erase(offset, length);
    };
    for (let i = 0; i < 300; i++) store.set("count", bytes(i & 0xff, i >> 8));
    // 42 records of 24 bytes fit a bank; one of them is carried over by nobody, for it is the one that changes.
    assert.deepEqual(erased, [0, 1024, 0, 1024, 0, 1024, 0, 1024]);
    assert.deepEqual(reopen().get("count"), bytes(299 & 0xff, 299 >> 8));
  });

  it("refuses what does not fit and loses nothing", () => {
    const { store, reopen } = create({ size: 512, eraseUnit: 256 });
    store.set("a", new Uint8Array(100).fill(1));
    store.set("b", new Uint8Array(80).fill(2));
    assert.throws(() => store.set("c", new Uint8Array(20)), {
      name: "RangeError",
      message: 'The record store is full: "c" needs 40 bytes, 24 are free. Delete other records first.',
    });
    assert.throws(() => store.set("a", new Uint8Array(132)), RangeError);
    for (const each of [store, reopen()]) {
      assert.deepEqual(each.keys().sort(), ["a", "b"]);
      assert.deepEqual(each.get("a"), new Uint8Array(100).fill(1));
    }
    assert.equal(store.delete("b"), true);
    store.set("c", new Uint8Array(20));
    assert.deepEqual(reopen().keys().sort(), ["a", "c"]);
  });

  it("refuses keys and values out of range", () => {
    const { store } = create();
    for (const key of ["", "a b", "ä", "x".repeat(33)]) {
      assert.throws(() => store.set(key, bytes(1)), { name: "RangeError", message: /1 to 32 characters/ });
    }
    assert.throws(() => store.set("a", new Uint8Array(513)), {
      name: "RangeError",
      message: /the limit is 512/,
    });
    assert.throws(() => create({ size: 1024 }), { name: "RangeError", message: /two erase units/ });
    store.set("x".repeat(32), new Uint8Array(512).fill(0xff));
    assert.deepEqual(store.get("x".repeat(32)), new Uint8Array(512).fill(0xff));
  });

  it("does not take a record's image inside a value for a record", () => {
    const other = create();
    other.store.set("bond", bytes(9));
    const image = other.flash.content.slice(16, 40);
    const { store, flash, reopen, messages } = create();
    store.set("bond", bytes(1));
    store.set("name", image);
    // A damaged length lets the walk go on at 56, where the image lies.
    const header = [0x01, 4, 0, 0];
    flash.content.set([...header, ...header.map((byte) => ~byte & 0xff)], 40);
    const reopened = reopen();
    assert.deepEqual(reopened.keys(), ["bond"]);
    assert.deepEqual(reopened.get("bond"), bytes(1));
    assert.deepEqual(messages.slice(-2).sort(), [
      "warning: Records: a record at 40 is damaged, leaving it out",
      "warning: Records: a record at 56 is damaged, leaving it out",
    ]);
  });

  it("falls back to the value before a damaged one, and says so", () => {
    const { store, flash, reopen, messages } = create();
    store.set("a", bytes(1));
    store.set("a", bytes(2));
    store.set("b", bytes(3));
    flash.content[32 + 13] = 7;
    const reopened = reopen();
    assert.deepEqual(reopened.get("a"), bytes(1));
    assert.deepEqual(reopened.get("b"), bytes(3));
    assert.equal(messages.at(-1), "warning: Records: a record at 32 is damaged, leaving it out");
  });

  it("trusts no length of a header that is torn", () => {
    const { store, flash, reopen, messages } = create();
    store.set("a", bytes(1));
    store.set("b", bytes(2));
    // A bit of the length that was not cleared any more: a record of 3 bytes.
    flash.content[32 + 2]! |= 2;
    assert.deepEqual(reopen().keys(), ["a"]);
    assert.deepEqual(messages.slice(1), [
      "warning: Records: the log is torn at 32, going on with what is before",
    ]);
  });

  it("never throws and never invents a value, whatever bytes are changed", function () {
    this.timeout(600_000);
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new SeededRandom(seed);
      const { flash, store } = create({ size: 768, eraseUnit: 384 });
      const written = new Map<string, Set<string>>();
      for (let i = 0; i < 25; i++) {
        const key = `key${random.below(4)}`;
        const value = random.bytes(8 + random.below(24));
        store.set(key, value);
        written.set(key, (written.get(key) ?? new Set()).add(String(value)));
      }
      for (let changes = 1 + random.below(8); changes > 0; changes--) {
        const at = random.below(flash.size);
        const length = random.below(4) === 0 ? random.below(flash.size - at) : 1;
        for (let i = at; i < at + length; i++) flash.content[i] = random.below(256);
      }
      const damaged = RecordStore.open(flash, () => {});
      for (const key of damaged.keys()) {
        assert.ok(
          written.get(key)?.has(String(damaged.get(key))),
          `seed ${seed}: ${key} was never written so`,
        );
      }
      damaged.set("after", bytes(seed & 0xff));
      const healed = RecordStore.open(flash, (_, message) => assert.fail(`seed ${seed}: ${message}`));
      assert.deepEqual(healed.get("after"), bytes(seed & 0xff));
      assert.deepEqual(healed.keys().sort(), damaged.keys().sort());
    }
  });

  it("starts empty on random content", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const flash = new SimulatedFlash(model, random, random.bytes(model.size));
      const messages: string[] = [];
      const store = RecordStore.open(flash, (level, message) => messages.push(`${level}: ${message}`));
      assert.deepEqual(messages, ["warning: Records: no valid bank, starting empty"]);
      assert.deepEqual(store.keys(), []);
      store.set("a", bytes(1));
      assert.deepEqual(RecordStore.open(flash, () => {}).get("a"), bytes(1));
    }
  });
});
