/**
 * A year in an hour of nothing but trouble: 1,000 duty cycles in virtual time on the stack, the driver and the modelled chip, with
 * faults of the chip, power cuts and a flat battery strewn in.
 */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { controllerDriver, missingParts } from "../../../firmware/features/feature.ts";
import { image } from "../../../firmware/features/image.ts";
import { createModules } from "../../../firmware/features/modules.ts";
import { createSignals } from "../../../firmware/platform/globals.ts";
import type { FlashArea, Platform } from "../../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../../firmware/platform/timer-queue.ts";
import type { Burst } from "../../../firmware/power/index.ts";
import type { Power } from "../../../firmware/power/power.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { noCyw43Faults } from "../../../simulator/chips/cyw43.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { DEFAULT_FLASH, PowerCut, SimulatedFlash } from "../../../simulator/flash.ts";
import { clockOf, type Life } from "../../../simulator/life.ts";
import { SimulatedPower } from "../../../simulator/power.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { createWorld } from "../../../simulator/world.ts";
import type { WholeAioble } from "../../support/modules.ts";
import { thorough } from "../../support/thorough.ts";

const INTERVAL_MS = 60_000;
const DEADLINE_MS = 20_000;
const OFFER_MS = 300;
const CYCLES = 1000;
/** From here on nothing may grow: every trouble has come a few times. */
const SETTLED_CYCLES = 200;
/** Bytes of the heap that a cycle may leave on average, for what the test itself keeps of it, and compiled code. A host that stays has 80,000. */
const GROWTH_MAX = 3000;
/** Operations on flash of a cycle. */
const FLASH_OPERATIONS = 4;

type State = { readonly readings: number; readonly delivered: number };

/** What goes wrong in a cycle. */
type Trouble =
  | "nothing"
  | "record"
  | "hang"
  | "no CTS"
  | "silent"
  | "stray byte"
  | "wrong rate"
  | "chatter"
  | "overrun"
  | "hardware error"
  | "cut"
  | "cut in a write"
  | "flat battery";

/** Bytes of JavaScript's heap that a collection leaves. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

/** The flash of one life of a camera. */
function watched(flash: SimulatedFlash, onCut: () => void): FlashArea {
  const watch = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof PowerCut) onCut();
      throw error;
    }
  };
  const { size, eraseUnit, programUnit } = flash;
  return {
    ...{ size, eraseUnit, programUnit },
    read: (offset, length) => watch(() => flash.read(offset, length)),
    program: (offset, bytes) => watch(() => flash.program(offset, bytes)),
    erase: (offset, length) => watch(() => flash.erase(offset, length)),
    sync: () => watch(() => flash.sync()),
  };
}

class Field {
  readonly world = createWorld(7);
  readonly random: SeededRandom;
  readonly camera = this.world.addChipCamera({ line: { patch: syntheticPatch(20, 3000, 5) } });
  flash = new SimulatedFlash({ ...DEFAULT_FLASH, size: 16_384 });
  // No memory outlasts the loss of the supply: everything is on flash.
  readonly lines = new SimulatedPower(this.world.clock, 0);
  readonly log: string[] = [];
  /** When bursts began, by the clock of the supply. */
  readonly beats: { readonly supply: number; readonly atMs: number }[] = [];
  /** Counts losses of the supply. */
  supply = 0;
  readonly lows: number[] = [];
  state: State = { readings: 0, delivered: 0 };

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** One start, until the camera sleeps or its power is cut `cutAfterMs` later. */
  async start(cutAfterMs?: number): Promise<"asleep" | "cut"> {
    const { camera, lines, world } = this;
    const { clock } = world;
    const life = { isOver: false };
    let isCut = false;
    this.log.length = 0;
    await clock.run(
      () =>
        new Promise<void>((resolve, reject) => {
          const cut = (): void => {
            isCut = life.isOver = true;
            resolve();
          };
          lines.onAsleep = resolve;
          if (cutAfterMs !== undefined) clock.setTimer(() => !life.isOver && cut(), cutAfterMs);
          this.program(life, watched(this.flash, cut)).catch(
            (error: Error) => error.name !== "Asleep" && !life.isOver && reject(error),
          );
        }),
      3 * DEADLINE_MS,
    );
    life.isOver = true;
    camera.line.close();
    if (isCut) camera.line.power(false);
    this.flash = this.flash.restart();
    return isCut ? "cut" : "asleep";
  }

  private async program(life: Life, flash: FlashArea): Promise<unknown> {
    const { camera, lines, log, world } = this;
    const { clock } = world;
    const platform: Platform = {
      ...camera.platform,
      clock: createTimerQueue(clockOf(life, clock)),
      power: lines,
      flash: (area) => (area === "state" ? flash : camera.platform.flash(area)),
      log: (level, line) => void (level !== "info" && level !== "debug" && log.push(line)),
    };
    const records = RecordStore.open(platform.flash("state"), platform.log);
    const host = new Host(platform, records, missingParts(image), controllerDriver(image, platform));
    const signals = createSignals(platform);
    const modules = createModules(host, signals, image);
    const { advertise } = modules.aioble as unknown as WholeAioble;
    const power = modules.power as Power;
    const initial: State = { readings: 0, delivered: 0 };
    return power.dutyCycle({
      ...{ intervalMs: INTERVAL_MS, deadlineMs: DEADLINE_MS, state: initial, lowVolts: 3.2 },
      onLowBattery: (volts) => void this.lows.push(volts),
      burst: async ({ state, signal }: Burst<State>) => {
        this.beats.push({ supply: this.supply, atMs: lines.rtcNow() });
        const readings = state.readings + 1;
        try {
          await host.activate();
          await advertise({ intervalUs: 100_000, name: "field", timeoutMs: OFFER_MS, signal });
        } catch (error) {
          // Nobody came: delivered none. The radio did not start: neither.
          if ((error as Error).name !== "TimeoutError") return { readings, delivered: state.delivered };
        }
        return { readings, delivered: state.delivered + 1 };
      },
    });
  }

  /** The records as the next start finds them. */
  records(): RecordStore {
    return RecordStore.open(this.flash.restart(), () => undefined);
  }

  /** What the camera has kept. */
  kept(): { app: State; cycle: { number: number; failures: number } } | undefined {
    const bytes = this.records().get("power/state");
    return bytes && JSON.parse(Buffer.from(bytes).toString());
  }
}

describe("power: 1,000 duty cycles with trouble", function () {
  this.timeout(120_000);

  const play = async (seed: number): Promise<void> => {
    const field = new Field(seed);
    const { camera, lines, random, world } = field;
    const { chip } = camera;
    const clock = world.clock;
    const counts = new Map<Trouble, number>();
    const TROUBLES: readonly Trouble[] = [
      ...["record", "hang", "no CTS", "silent", "stray byte", "wrong rate", "chatter"],
      ...["overrun", "hardware error", "cut", "cut in a write", "flat battery"],
    ] as Trouble[];
    let readings = 0;
    let pendingAtStart = 0;
    let settled: { readonly heap: number; readonly keys: readonly string[] } | undefined;
    /** Cuts that came before the camera slept. */
    const cuts = new Map<Trouble, number>();
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const trouble =
        random.fraction() < 0.4 ? TROUBLES[Math.floor(random.fraction() * TROUBLES.length)]! : "nothing";
      counts.set(trouble, (counts.get(trouble) ?? 0) + 1);
      chip.faults = {
        ...noCyw43Faults(),
        refuseRecord: trouble === "record" ? 1 + Math.floor(random.fraction() * 20) : undefined,
        hangsAfterLaunch: trouble === "hang",
        noCts: trouble === "no CTS",
        silent: trouble === "silent",
        strayByte: trouble === "stray byte",
        keepsRate: trouble === "wrong rate",
        chatters: trouble === "chatter",
      };
      lines.volts = trouble === "flat battery" ? 2.9 : 3.7;
      // In the start of the chip, on the air, or behind the burst, when nobody listens.
      const afterMs = random.fraction() * 1000;
      const late = clock.setTimer(() => {
        if (trouble === "overrun") camera.line.fail("overrun");
        else if (trouble === "hardware error") camera.controller.reportHardwareError(1);
      }, afterMs);
      const beats = field.beats.length;
      if (trouble === "cut in a write")
        field.flash.cutAfter(Math.floor(random.fraction() * FLASH_OPERATIONS));
      const end = await field.start(trouble === "cut" ? random.fraction() * 900 : undefined);
      clock.clearTimer(late);
      const kept = field.kept();
      const now = kept?.app.readings ?? 0;
      if (cycle === SETTLED_CYCLES) settled = { heap: heapUsed(), keys: field.records().keys() };
      if (end === "cut") {
        cuts.set(trouble, (cuts.get(trouble) ?? 0) + 1);
        // The burst's own reading may be gone, what was kept before is not.
        assert.ok(now === readings || now === readings + 1, `cycle ${cycle}: ${readings} became ${now}`);
        readings = now;
        lines.restart("power-on");
        field.supply++;
        await clock.advance(1000);
        continue;
      }
      assert.equal(now, readings + (trouble === "flat battery" ? 0 : 1), `cycle ${cycle}, ${trouble}`);
      readings = now;
      assert.equal(field.beats.length - beats, trouble === "flat battery" ? 0 : 1);
      assert.ok(!chip.isReady(), "asleep with the chip supplied");
      assert.ok(lines.wakeAtMs! - lines.rtcNow() <= INTERVAL_MS, "sleeps no longer than its interval");
      const dueMs = lines.wakeAtMs!;
      await clock.advance(dueMs - lines.rtcNow());
      if (cycle === 20) pendingAtStart = clock.pending;
      if (cycle > 20)
        assert.ok(clock.pending <= pendingAtStart + 8, `${clock.pending} timers after cycle ${cycle}`);
      lines.restart("timer");
      assert.ok(Math.abs(lines.rtcNow() - dueMs) < 1);
    }
    assert.ok(counts.size === TROUBLES.length + 1, "every trouble came");
    assert.ok(cuts.get("cut")! > 10 && cuts.get("cut in a write")! > 10, JSON.stringify([...cuts]));
    assert.deepEqual(field.records().keys().sort(), [...settled!.keys].sort());
    const grown = (heapUsed() - settled!.heap) / (CYCLES - SETTLED_CYCLES);
    assert.ok(grown <= GROWTH_MAX, `the heap grew by ${grown} bytes a cycle`);
    assert.equal(field.lows.length, counts.get("flat battery"));
    assert.deepEqual(chip.violations, []);
    // As long as the supply lasts the beats are whole intervals apart, whatever came between.
    let compared = 0;
    for (const [at, { supply, atMs }] of field.beats.entries()) {
      const before = field.beats[at - 1];
      if (before?.supply !== supply) continue;
      const off = (atMs - before.atMs) % INTERVAL_MS;
      assert.ok(
        Math.min(off, INTERVAL_MS - off) < 1,
        `beat ${at} is ${atMs - before.atMs} ms behind the one before`,
      );
      compared++;
    }
    assert.ok(compared > 800, `${compared}`);
  };

  it("keep their cadence, lose no reading that was kept, and grow nothing", () => play(11));

  for (const seed of [2, 31, 4711]) thorough.it(`the same with seed ${seed}`, () => play(seed));
});
