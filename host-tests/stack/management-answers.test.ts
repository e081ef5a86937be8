/**
 * How long the management server's clients wait for answers, in virtual time, while the flash takes as long as a data sheet's worst
 * case and verifying takes its slices: smpclient gives up after 2.5 s (40 s at an upload's first request), mcumgr-toolkit asks again
 * after 1 s.
 */
import { RecordStore } from "../../firmware/storage/records.ts";
import { Slots } from "../../firmware/update/slots.ts";
import { type FlashModel, SimulatedFlash } from "../../simulator/flash.ts";
import { SeededRandom } from "../../simulator/random.ts";
import type { World } from "../../simulator/world.ts";
import { equal, ok } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { managed } from "../support/management-scene.ts";
import { bundleOf } from "../support/memory-slots.ts";
import { describe, it } from "../support/suite.ts";

/** The time-outs of the clients. */
const TOOLKIT_MS = 1000;
const SMPCLIENT_MS = 2500;

/** What an answer may take beside the flash: the radio, and the slices of others. */
const RADIO_MS = 250;

/** A page of NOR flash, and the most that programming one takes. */
const PAGE_BYTES = 256;
const PAGE_MS = 3;

/** Slices of a bundle of 200 KB with Ed25519, and how long one of 2 M instructions takes a processor at 100 MHz. */
const SLICES = 25;
const SLICE_MS = 20;

const SLOT_BYTES = 262_144;
const START = 131_072;

/** NOR flash that takes its time in the background, one operation after the other. */
class SlowFlash extends SimulatedFlash {
  private readonly world: World;
  private readonly eraseMs: number;
  private last: Promise<unknown> = Promise.resolve();

  constructor(model: FlashModel, world: World, eraseMs: number) {
    super(model, new SeededRandom(1));
    this.world = world;
    this.eraseMs = eraseMs;
  }

  override programInBackground(offset: number, bytes: Uint8Array): Promise<void> {
    const tookMs = Math.ceil(bytes.length / PAGE_BYTES + 1) * PAGE_MS;
    return this.behind(tookMs, () => this.program(offset, bytes));
  }

  override eraseInBackground(offset: number, length: number): Promise<void> {
    return this.behind((length / this.eraseUnit) * this.eraseMs, () => this.erase(offset, length));
  }

  private behind(tookMs: number, work: () => void): Promise<void> {
    const done = this.last.then(() => this.world.clock.sleep(tookMs)).then(work);
    this.last = done.catch(() => undefined);
    return done;
  }
}

/** The camera's own slots on such a flash. What the natives say is scripted: what is there verifies. */
function slowSlots(world: World, eraseUnit: number, eraseMs: number): Slots {
  const model = { size: START + SLOT_BYTES, eraseUnit, programUnit: 8, writeBack: false, unreadable: false };
  const flash = new SlowFlash(model, world, eraseMs);
  const small = new SimulatedFlash({ ...model, size: 2 * eraseUnit }, new SeededRandom(1));
  let slices = 0;
  let marked = false;
  return new Slots({
    records: RecordStore.open(small, () => {}),
    // Behind each slice.
    clock: { setTimer: (callback) => world.clock.setTimer(callback, SLICE_MS) },
    batteryVolts: () => undefined,
    lines: {
      flash: () => flash,
      state: () => ({
        ...{ running: "confirmed", slotBytes: SLOT_BYTES, slot: 1, offset: START, trustsEverybody: false },
        ...{ windowMs: 0, pairingMs: 0, powerOnRecoveries: 0, awaitsReach: false },
      }),
      image: (index) => ({
        version: Uint8Array.of(1 + index, 0, 0, 0, 0, 0, 0, 0),
        hash: index === 0 ? counting(32) : SHA,
        ...{ confirmed: index === 0, pending: index === 1 && marked, permanent: false, bootable: true },
      }),
      reached: () => undefined,
      paired: () => undefined,
      touch: () => undefined,
      verifyBegin: () => {
        slices = SLICES;
      },
      verifyStep: () => --slices === 0,
      verified: () => ({ length: BUNDLE.length, fileHash: SHA }),
      mark: () => {
        marked = true;
        return undefined;
      },
      unmark: () => undefined,
      confirm: () => undefined,
      reset: () => undefined as never,
      rtcNow: () => 0,
      sleep: () => undefined as never,
    },
  });
}

const BUNDLE = bundleOf([2, 0, 0], 40_000);
const SHA = counting(32).reverse();

describe("answers of the management server on slow flash", () => {
  for (const [what, eraseUnit, eraseMs, limitMs] of [
    ["sectors of 4 KB that take 400 ms to erase", 4096, 400, TOOLKIT_MS],
    ["blocks of 64 KB that take 2 s to erase", 65_536, 2000, SMPCLIENT_MS],
  ] as const)
    it(`come before a client's time-out: ${what}`, async () => {
      await managed(
        async ({ another, client, world }) => {
          const took = new Map<string, number>();
          const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
            const before = world.clock.now();
            const result = await work;
            took.set(name, Math.max(took.get(name) ?? 0, world.clock.now() - before));
            return result;
          };
          const other = await another();
          await client.echo("once");
          let isDone = false;
          const looking = (async () => {
            while (!isDone) {
              await timed("a look beside it", other.client.list());
              await timed("an echo beside it", other.client.echo("hello"));
            }
          })();
          await timed("parameters", client.read([0, 6]));
          let before = world.clock.now();
          let count = 0;
          await client.upload(BUNDLE, SHA, (offset) => {
            const now = world.clock.now();
            const which = count++ === 0 ? "first" : offset === BUNDLE.length ? "last" : "next";
            const name = `the ${which} request of an upload`;
            took.set(name, Math.max(took.get(name) ?? 0, now - before));
            before = now;
          });
          await timed("mark", client.mark(SHA));
          await timed("erase", client.erase());
          isDone = true;
          await looking;
          await other.connection.disconnect();
          ok(count > 40, `${count} requests`);
          equal(took.size, 8);
          const report = JSON.stringify([...took]);
          for (const [name, tookMs] of took) {
            const mostMs = /beside|parameters/.test(name) ? RADIO_MS : limitMs;
            ok(tookMs < mostMs, `${name} takes ${tookMs} ms, at most ${mostMs}: ${report}`);
          }
          // The flash and the slices take their time: none of this would be seen on one that takes none.
          ok(took.get("erase")! >= eraseMs && took.get("mark")! >= (SLICES - 1) * SLICE_MS, report);
        },
        { slots: (world) => slowSlots(world, eraseUnit, eraseMs) },
      );
    });
});
