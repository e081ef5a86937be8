/**
 * examples/battery-sensor on the stack, the driver and the modelled chip, in virtual time: its three cycles with a phone, whatever
 * this computer is busy with, and no fault of the radio takes a reading.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { createCamera } from "../../../firmware/camera/camera.ts";
import { controllerDriver, missingParts } from "../../../firmware/features/feature.ts";
import { image } from "../../../firmware/features/image.ts";
import { createModules } from "../../../firmware/features/modules.ts";
import { createGlobals, createSignals } from "../../../firmware/platform/globals.ts";
import type { Platform } from "../../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../../firmware/platform/timer-queue.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { type Cyw43Faults, noCyw43Faults } from "../../../simulator/chips/cyw43.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { DEFAULT_FLASH, SimulatedFlash } from "../../../simulator/flash.ts";
import { clockOf } from "../../../simulator/life.ts";
import { SimulatedPower } from "../../../simulator/power.ts";
import { createWorld } from "../../../simulator/world.ts";
import { loadApplication } from "../../../tools/energy/application.ts";
import { root } from "../../../tools/paths.ts";
import { Player } from "../../../tools/phone/player.ts";
import { parseScript } from "../../../tools/phone/script.ts";
import type { CentralEvent } from "../../../tools/rig/events.ts";
import { HeardLines } from "../../../tools/session/heard.ts";

/** Values that were indicated to the phone, in hexadecimal. */
function pushed(seen: readonly CentralEvent[]): string[] {
  return seen.flatMap((event) => (event.event === "notification" && event.indication ? [event.raw] : []));
}

/** A camera with the example on it. */
async function createScene() {
  const world = createWorld(5);
  const { clock } = world;
  const camera = world.addChipCamera({
    line: { patch: syntheticPatch(20, 3000, 5) },
    stateFlash: new SimulatedFlash({ ...DEFAULT_FLASH, size: 16_384 }),
  });
  const lines = new SimulatedPower(clock);
  const log: string[] = [];
  const heard = new HeardLines(clock);
  const { run } = await loadApplication("battery-sensor");
  return {
    ...{ world, clock, chip: camera.chip, log, heard },
    /** From a start to the sleep behind it. */
    async cycle(): Promise<void> {
      const life = { isOver: false };
      const platform: Platform = {
        ...camera.platform,
        clock: createTimerQueue(clockOf(life, clock)),
        power: lines,
        log: (_level, line) => {
          log.push(line);
          heard.add(line);
        },
      };
      const records = RecordStore.open(platform.flash("state"), platform.log);
      const host = new Host(platform, records, missingParts(image), controllerDriver(image, platform));
      const signals = createSignals(platform);
      const modules = { ...createModules(host, signals, image), camera: createCamera({ read: () => 20 }) };
      await new Promise<void>((resolve, reject) => {
        lines.onAsleep = resolve;
        run(modules, createGlobals(platform, signals)).catch(
          (error: Error) => error.name !== "Asleep" && reject(error),
        );
      });
      life.isOver = true;
      camera.line.close();
    },
    /** The sleep, to the wake at its end. */
    async sleep(): Promise<void> {
      await clock.sleep(lines.wakeAtMs! - lines.rtcNow());
      lines.restart("timer");
    },
  };
}

describe("examples: battery-sensor", function () {
  this.timeout(60_000);

  it("keeps every reading, whatever the radio does", async () => {
    const { world, chip, log, cycle, sleep } = await createScene();
    const none = noCyw43Faults();
    const troubles: readonly Cyw43Faults[] = [
      none,
      { ...none, noCts: true },
      { ...none, refuseRecord: 3 },
      { ...none, silent: true },
      { ...none, hangsAfterLaunch: true },
      { ...none, keepsRate: true },
      none,
    ];
    await world.run(async () => {
      for (const [at, faults] of troubles.entries()) {
        chip.faults = { ...faults };
        log.length = 0;
        await cycle();
        const text = log.join("\n");
        assert.ok(text.includes(`cycle ${at} (`) && text.includes(`: ${at + 1} readings wait`), text);
        if (faults !== none) assert.match(text, /the readings cannot be offered: HciError/);
        assert.doesNotMatch(text, /the burst failed/);
        await sleep();
      }
    }, 600_000);
  });

  it("its phone takes the first reading, nobody the second, and the phone the second and the third at once", async () => {
    const { world, clock, chip, log, heard, cycle, sleep } = await createScene();
    const name = join(root, "examples/battery-sensor/phone.txt");
    const seen: CentralEvent[] = [];
    await world.run(async () => {
      let isOver = false;
      const camera = async (): Promise<void> => {
        for (let cycles = 1; !isOver; cycles++) {
          await cycle();
          assert.equal(chip.starts, cycles, "the chip is brought up from cold for each burst");
          await sleep();
        }
      };
      const stage = {
        addPhone: () => world.addPhone().phone,
        wait: (ms: number) => clock.sleep(ms),
        heard: (text: string, withinMs: number) => heard.heard(text, withinMs),
      };
      const running = camera();
      await new Player(stage, (event) => seen.push(event)).play(
        parseScript(readFileSync(name, "utf8"), name),
      );
      isOver = true;
      await running;
    }, 600_000);
    const said = log.filter((line) => /readings? w|nobody came/.test(line));
    assert.deepEqual(said.slice(0, 6), [
      "cycle 0 (power-on): 1 readings wait",
      "1 readings were taken",
      "cycle 1 (timer): 1 readings wait",
      "nobody came: they are kept",
      "cycle 2 (timer): 2 readings wait",
      "2 readings were taken",
    ]);
    assert.deepEqual(pushed(seen), ["d007", "d007d007"], JSON.stringify(seen));
  });

  it("pushes more than a packet holds in several, and lets go what was confirmed when its client leaves in between", async () => {
    const { world, clock, log, cycle, sleep } = await createScene();
    const { phone } = world.addPhone();
    const stage = {
      addPhone: () => phone,
      wait: (ms: number) => clock.sleep(ms),
      heard: () => assert.fail("the scripts listen to no log"),
    };
    const visit = async (steps: string): Promise<string[]> => {
      const seen: CentralEvent[] = [];
      const script = `find "obscura-battery"\nconnect mtu 23\nsubscribe 8f1c0001-6d6a-4c55-9a0e-0b5c0a3e0001 indications\n${steps}`;
      const player = new Player(stage, (event) => void seen.push(event));
      await Promise.all([cycle(), player.play(parseScript(script, "visit"))]);
      await sleep();
      return pushed(seen);
    };
    await world.run(async () => {
      for (let at = 0; at < 24; at++) {
        await cycle();
        await sleep();
      }
      // Ten readings of two bytes in 20. The phone leaves with its second confirmation, which the camera does not get.
      const first = await visit("notifications 2\ndisconnect");
      assert.deepEqual(first, ["d007".repeat(10), "d007".repeat(10)]);
      assert.ok(log.includes("10 readings were taken"), log.join("\n"));
      log.length = 0;
      const rest = await visit("notifications 2\nexpect disconnection");
      assert.ok(log.some((line) => line.endsWith(": 16 readings wait")));
      assert.deepEqual(rest, ["d007".repeat(10), "d007".repeat(6)]);
      assert.ok(log.includes("16 readings were taken"), log.join("\n"));
    }, 3_600_000);
  });
});
