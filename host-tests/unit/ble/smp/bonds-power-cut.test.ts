import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { describe, it } from "mocha";
import { encodeBond } from "../../../../firmware/ble/smp/bond-record.ts";
import type { Bonds } from "../../../../firmware/ble/smp/bonds.ts";
import type { Bond, Identity } from "../../../../firmware/ble/smp/keys.ts";
import { RecordStore } from "../../../../firmware/storage/records.ts";
import { type FlashModel, PowerCut, SimulatedFlash } from "../../../../simulator/flash.ts";
import { SeededRandom } from "../../../../simulator/random.ts";
import { bondOf, identityOf, openBonds } from "../../../support/bonds.ts";
import { toHex } from "../../../support/bytes.ts";
import { MemoryRecords } from "../../../support/rig.ts";

const MAX_BONDS = 3;
const DEVICES = 5;

const MODELS: Record<string, FlashModel> = {
  "words of 8": { size: 2048, eraseUnit: 512, programUnit: 8, writeBack: false, unreadable: false },
  "words of 32 with error correction": {
    size: 4096,
    eraseUnit: 1024,
    programUnit: 32,
    writeBack: false,
    unreadable: true,
  },
  "a file behind a cache": { size: 2048, eraseUnit: 256, programUnit: 4, writeBack: true, unreadable: false },
};

/** One thing that happens to a store of bonds. It may throw a `BleError` that says why not, and has changed nothing then. */
type Step = (bonds: Bonds) => void;

/** Pairings, re-pairings, evictions, subscriptions, uses and deletions. */
function randomSteps(random: SeededRandom, count: number): Step[] {
  return Array.from({ length: count }, (): Step => {
    const seed = 1 + random.below(DEVICES);
    const identity = identityOf(seed);
    const kind = random.below(10);
    if (kind < 4) {
      const options: Partial<Bond> = {
        isAttended: random.below(2) === 0,
        isAuthenticated: random.below(3) === 0,
        irk: random.bytes(16),
      };
      return (bonds) => bonds.keep(bondOf(seed, options));
    }
    if (kind < 8) {
      const client = random.bytes(random.below(60));
      const pairsAgain = random.below(4) === 0;
      const irk = random.bytes(16);
      return (bonds) => {
        const memory = bonds.open(identity);
        // One operation on flash at a time: a cut leaves what was before it, or what is after it.
        if (pairsAgain && memory) bonds.keep(bondOf(seed, { irk }), true);
        else memory?.save(client, true);
        (memory as { close?: () => void } | undefined)?.close?.();
      };
    }
    if (kind < 9) return (bonds) => void bonds.open(identity)?.close();
    return (bonds) => void bonds.forget(identity);
  });
}

/** What matters of all bonds: the keys, and what is known of each client. */
function contentsOf(bonds: Bonds): Map<string, string> {
  const contents = new Map<string, string>();
  for (const bond of bonds.all()) {
    const key = toHex(bond.identity.address);
    assert.ok(!contents.has(key), "two bonds with one identity");
    contents.set(key, `${toHex(encodeBond({ number: 0, bond }))} | ${clientOf(bonds, bond.identity)}`);
  }
  return contents;
}

function clientOf(bonds: Bonds, identity: Identity): string {
  return toHex(bonds.open(identity)!.client);
}

/** A copy in memory, which says what ought to be. */
function copyOf(store: RecordStore): MemoryRecords {
  const copy = new MemoryRecords();
  for (const key of store.keys()) copy.set(key, store.get(key)!);
  return copy;
}

const open = (flash: SimulatedFlash): RecordStore => RecordStore.open(flash, () => {});
const look = (records: RecordStore | MemoryRecords) =>
  contentsOf(openBonds(records, { maxBonds: MAX_BONDS }).bonds);

interface Outcome {
  readonly done: number;
  /** What is allowed to be found: before the step in flight, and after each operation of it. */
  readonly allowed: Map<string, string>[];
}

/** Records that note what would be found after each operation on them. */
class NotingRecords extends MemoryRecords {
  readonly found: Map<string, string>[] = [];

  override set(key: string, value: Uint8Array): void {
    super.set(key, value);
    this.note();
  }

  override delete(key: string): boolean {
    const existed = super.delete(key);
    this.note();
    return existed;
  }

  note(): void {
    const copy = new MemoryRecords();
    for (const [key, value] of this.values) copy.set(key, value);
    this.found.push(look(copy));
  }
}

/** Takes steps until the power is cut. */
function run(flash: SimulatedFlash, store: RecordStore, steps: readonly Step[]): Outcome {
  const expected = new NotingRecords();
  for (const [key, value] of copyOf(store).values) expected.values.set(key, value);
  const { bonds } = openBonds(store, { maxBonds: MAX_BONDS });
  const oracle = openBonds(expected, { maxBonds: MAX_BONDS }).bonds;
  for (const [done, step] of steps.entries()) {
    expected.found.length = 0;
    expected.note();
    attempt(step, oracle);
    try {
      attempt(step, bonds);
      // What only costs the order of use is logged, not thrown.
      probe(flash);
    } catch (error) {
      assert.ok(error instanceof PowerCut, String(error));
      return { done, allowed: [...expected.found] };
    }
    assert.deepEqual(keptBy(bonds), keptBy(oracle));
  }
  expected.found.length = 0;
  expected.note();
  return { done: steps.length, allowed: expected.found };
}

/** Throws where the power is cut. */
function probe(flash: SimulatedFlash): void {
  try {
    flash.read(0, 1);
  } catch (error) {
    if (error instanceof PowerCut) throw error;
  }
}

/** What is kept, without a look that counts as a use. */
function keptBy(bonds: Bonds): string[] {
  return bonds
    .all()
    .map((bond) => toHex(encodeBond({ number: 0, bond })))
    .sort();
}

function attempt(step: Step, bonds: Bonds): void {
  try {
    step(bonds);
  } catch (error) {
    if ((error as { code?: string }).code !== "bond-not-saved") throw error;
  }
}

describe("bonds and power cuts", function () {
  this.timeout(600_000);

  for (const [name, model] of Object.entries(MODELS)) {
    it(`lose nothing that was confirmed, cut at every flash operation: ${name}`, () => {
      for (let seed = 1; seed <= 2; seed++) {
        const steps = randomSteps(new SeededRandom(seed), 40);
        const whole = new SimulatedFlash(model, new SeededRandom(seed));
        run(whole, open(whole), steps);
        assert.ok(whole.operations > 60, "the steps should write, and fill a bank now and then");

        for (let at = 0; at < whole.operations; at++) {
          const random = new SeededRandom(seed * 10_000 + at);
          try {
            let flash = new SimulatedFlash(model, random);
            flash.cutAfter(at);
            const first = run(flash, open(flash), steps);
            assert.ok(first.done < steps.length);
            flash = flash.restart();
            check(flash, first);
            // It works on, and is cut once more.
            const rest = steps.slice(first.done + 1);
            flash.cutAfter(random.below(40));
            const second = run(flash, open(flash), rest);
            flash = flash.restart();
            check(flash, second);
            const last = run(flash, open(flash), rest.slice(second.done + 1));
            check(flash.restart(), last);
          } catch (error) {
            throw new Error(`seed ${seed}, cut at operation ${at}`, { cause: error });
          }
        }
      }
    });
  }

  it("the device's own key is the same ever after, cut at every operation of its first start", () => {
    const model = MODELS["words of 8"]!;
    for (let at = 0; at < 8; at++) {
      let flash = new SimulatedFlash(model, new SeededRandom(at));
      flash.cutAfter(at);
      openBonds(open(flash)).bonds.ownIrk();
      flash = flash.restart();
      const irk = openBonds(open(flash)).bonds.ownIrk();
      assert.deepEqual(openBonds(open(flash.restart())).bonds.ownIrk(), irk);
    }
  });
});

function check(flash: SimulatedFlash, { allowed }: Outcome): void {
  const found = look(open(flash));
  const isAllowed = allowed.some((contents) => isDeepStrictEqual(contents, found));
  assert.ok(isAllowed, `neither before nor after the step: ${[...found]}`);
}
