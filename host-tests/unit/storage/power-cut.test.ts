import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { FlashFailure, type FlashModel, PowerCut, SimulatedFlash } from "../../../simulator/flash.ts";
import { SeededRandom } from "../../../simulator/random.ts";

const models: Record<string, FlashModel> = {
  "bytes programmed one by one": {
    size: 1024,
    eraseUnit: 512,
    programUnit: 1,
    writeBack: false,
    unreadable: false,
  },
  "words of 8, an odd number of erase units": {
    size: 5 * 256,
    eraseUnit: 256,
    programUnit: 8,
    writeBack: false,
    unreadable: false,
  },
  "words of 32 with error correction": {
    size: 1024,
    eraseUnit: 512,
    programUnit: 32,
    writeBack: false,
    unreadable: true,
  },
  "a file behind a cache": { size: 1024, eraseUnit: 256, programUnit: 4, writeBack: true, unreadable: false },
};

const keys = ["address", "a", "bond/1", "bond/2", "bond/3", "name.of.thirty-two.characters.xx"];

/** Undefined deletes. */
interface Change {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

function randomChanges(random: SeededRandom, count: number): Change[] {
  return Array.from({ length: count }, () => ({
    key: keys[random.below(keys.length)]!,
    value: random.below(5) === 0 ? undefined : random.bytes(random.below(random.below(4) === 0 ? 250 : 30)),
  }));
}

type Contents = Map<string, string>;

const text = (value: Uint8Array): string => Buffer.from(value).toString("hex");

function contentsOf(store: RecordStore): Contents {
  return new Map(store.keys().map((key) => [key, text(store.get(key)!)]));
}

function apply(change: Change, contents: Contents): Contents {
  const result = new Map(contents);
  if (change.value) result.set(change.key, text(change.value));
  else result.delete(change.key);
  return result;
}

function isSame(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

function open(flash: SimulatedFlash): RecordStore {
  const before = flash.operations;
  const store = RecordStore.open(flash, () => {});
  assert.equal(flash.operations, before, "opening must not write");
  return store;
}

interface Outcome {
  readonly contents: Contents;
  /** How many changes were carried out before the power cut. */
  readonly done: number;
  readonly refused: number;
}

/** Carries out changes until the power is cut; a refused change must change nothing. */
function run(store: RecordStore, changes: readonly Change[], start: Contents): Outcome {
  let contents = start;
  let refused = 0;
  for (const [done, change] of changes.entries()) {
    try {
      if (change.value) store.set(change.key, change.value);
      else store.delete(change.key);
      contents = apply(change, contents);
    } catch (error) {
      if (error instanceof PowerCut) return { contents, done, refused };
      assert.ok(error instanceof RangeError, String(error));
      assert.match(error.message, /store is full/);
      refused++;
    }
    assert.deepEqual(contentsOf(store), contents);
  }
  return { contents, done: changes.length, refused };
}

/** Reopens after a cut: the change in flight has happened or not, all else is as it was. */
function recover(flash: SimulatedFlash, cut: Outcome, changes: readonly Change[]): Outcome {
  const found = contentsOf(open(flash));
  const inFlight = changes[cut.done];
  const after = inFlight ? apply(inFlight, cut.contents) : cut.contents;
  if (!isSame(found, cut.contents))
    assert.deepEqual(found, after, "neither the state before nor the one after");
  return { ...cut, contents: found, done: Math.min(cut.done + 1, changes.length) };
}

describe("RecordStore and power cuts", function () {
  this.timeout(600_000);

  for (const [name, model] of Object.entries(models)) {
    it(`keeps the old or the new value, cut at every flash operation: ${name}`, () => {
      let refusals = 0;
      for (let seed = 1; seed <= 6; seed++) {
        const changes = randomChanges(new SeededRandom(seed), 40);
        const whole = new SimulatedFlash(model, new SeededRandom(seed));
        refusals += run(open(whole), changes, new Map()).refused;
        assert.ok(whole.operations > 50);

        for (let at = 0; at < whole.operations; at++) {
          const random = new SeededRandom(seed * 10_000 + at);
          try {
            let flash = new SimulatedFlash(model, random);
            flash.cutAfter(at);
            const first = run(open(flash), changes, new Map());
            assert.ok(first.done < changes.length);

            flash = flash.restart();
            const recovered = recover(flash, first, changes);
            const rest = changes.slice(recovered.done);
            flash.cutAfter(random.below(30));
            const second = run(open(flash), rest, recovered.contents);

            flash = flash.restart();
            const last = recover(flash, second, rest);
            const final = run(open(flash), rest.slice(last.done), last.contents);
            assert.deepEqual(contentsOf(open(flash.restart())), final.contents);
          } catch (error) {
            throw new Error(`seed ${seed}, cut at operation ${at}`, { cause: error });
          }
        }
      }
      assert.ok(refusals > 0, "the sequences should fill the store now and then");
    });
  }

  it("keeps what was set last, when any single flash operation fails without a cut", () => {
    const model = models["words of 8, an odd number of erase units"]!;
    for (let seed = 1; seed <= 6; seed++) {
      const changes = randomChanges(new SeededRandom(seed), 30);
      const whole = new SimulatedFlash(model, new SeededRandom(seed));
      run(open(whole), changes, new Map());

      for (let at = 0; at < whole.operations; at++) {
        const flash = new SimulatedFlash(model, new SeededRandom(seed * 10_000 + at));
        const store = open(flash);
        flash.failAfter(at);
        let contents: Contents = new Map();
        for (const change of changes) {
          const perform = (value: Uint8Array | undefined) =>
            value ? store.set(change.key, value) : store.delete(change.key);
          try {
            perform(change.value);
            contents = apply(change, contents);
          } catch (error) {
            if (error instanceof RangeError) continue;
            assert.ok(error instanceof FlashFailure, String(error));
            assert.deepEqual(contentsOf(store), contents);
            // Back to the value before: it looks equal, and still has to be written.
            const before = contents.get(change.key);
            perform(before === undefined ? undefined : Uint8Array.from(Buffer.from(before, "hex")));
          }
          const found = contentsOf(open(flash.restart()));
          assert.deepEqual(found, contents, `seed ${seed}, failure at operation ${at}`);
        }
      }
    }
  });
});
