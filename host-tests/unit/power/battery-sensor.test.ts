/** examples/battery-sensor on the stack, the driver and the modelled chip, in virtual time: no fault of the radio takes a reading. */
import assert from "node:assert/strict";
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

describe("examples: battery-sensor", function () {
  this.timeout(60_000);

  it("keeps every reading, whatever the radio does", async () => {
    const world = createWorld(5);
    const { clock } = world;
    const camera = world.addChipCamera({
      line: { patch: syntheticPatch(20, 3000, 5) },
      stateFlash: new SimulatedFlash({ ...DEFAULT_FLASH, size: 16_384 }),
    });
    const lines = new SimulatedPower(clock);
    const log: string[] = [];
    const run = await loadApplication("battery-sensor");

    const start = async (): Promise<void> => {
      const life = { isOver: false };
      const platform: Platform = {
        ...camera.platform,
        clock: createTimerQueue(clockOf(life, clock)),
        power: lines,
        log: (_level, line) => void log.push(line),
      };
      const records = RecordStore.open(platform.flash("state"), platform.log);
      const host = new Host(platform, records, missingParts(image), controllerDriver(image, platform));
      const signals = createSignals(platform);
      const modules = { ...createModules(host, signals, image), camera: createCamera({ read: () => 20 }) };
      await clock.run(
        () =>
          new Promise<void>((resolve, reject) => {
            lines.onAsleep = resolve;
            run(modules, createGlobals(platform, signals)).catch(
              (error: Error) => error.name !== "Asleep" && reject(error),
            );
          }),
        60_000,
      );
      life.isOver = true;
      camera.line.close();
    };

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
    for (const [at, faults] of troubles.entries()) {
      camera.chip.faults = { ...faults };
      log.length = 0;
      await start();
      const text = log.join("\n");
      assert.ok(text.includes(`cycle ${at} (`) && text.includes(`: ${at + 1} readings wait`), text);
      if (faults !== none) assert.match(text, /the readings cannot be offered: HciError/);
      assert.doesNotMatch(text, /the burst failed/);
      await clock.advance(lines.wakeAtMs! - lines.rtcNow());
      lines.restart("timer");
    }
  });
});
