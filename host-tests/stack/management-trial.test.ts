/** A trial that the camera itself is to confirm: only once whoever manages it has connected, or could have. */
import { leSetAdvertisingEnable } from "../../firmware/ble/hci/commands/le-advertising.ts";
import type { UpdateFigures } from "../../firmware/platform/platform.ts";
import { TRIAL_REACHED_MS } from "../../firmware/update/trial-reach.ts";
import { FINDABLE_INTERVAL_US, QUIET_MS, WINDOW_MS } from "../../firmware/update/window.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";
import { started, type UpdateScene } from "../support/update-scene.ts";

const TRIAL: Partial<UpdateFigures> = { running: "trial", awaitsReach: true, windowMs: WINDOW_MS };

/** In a start whose window has closed: what is on the air is the application's alone. */
const awake = (work: (scene: UpdateScene) => Promise<void>): Promise<void> =>
  started({ ...TRIAL, windowMs: 0 }, work, "timer");

describe("management: a trial that the camera itself is to confirm", () => {
  it("is within reach when everybody could connect to the application for 2 s", async () => {
    await awake(async ({ world, camera, reachedAtMs }) => {
      await world.clock.sleep(5000);
      const beganAtMs = world.clock.now();
      const intervalUs = FINDABLE_INTERVAL_US;
      await camera.aioble.advertise({ intervalUs, timeoutMs: 10_000 }).catch(() => undefined);
      equal(reachedAtMs.length, 1, "once");
      const tookMs = reachedAtMs[0]! - beganAtMs;
      ok(tookMs >= TRIAL_REACHED_MS && tookMs < TRIAL_REACHED_MS + 1000, `${tookMs}`);
    });
  });

  it("is within reach by several times on the air, each as long as it was", async () => {
    await awake(async ({ world, camera, reachedAtMs }) => {
      for (let times = 0; times < 4; times++) {
        deepEqual(reachedAtMs, []);
        await camera.aioble.advertise({ intervalUs: 100_000, timeoutMs: 900 }).catch(() => undefined);
        await world.clock.sleep(30_000);
      }
      equal(reachedAtMs.length, 1);
    });
  });

  const outOfReach: readonly (readonly [string, (scene: UpdateScene) => Promise<unknown>])[] = [
    ["does not advertise", ({ world }) => world.clock.sleep(60_000)],
    [
      "advertises so slowly that nobody finds it",
      ({ camera }) => camera.aioble.advertise({ intervalUs: FINDABLE_INTERVAL_US + 625, timeoutMs: 60_000 }),
    ],
    [
      "broadcasts",
      ({ camera }) => camera.aioble.advertise({ intervalUs: 100_000, connectable: false, timeoutMs: 60_000 }),
    ],
    [
      "directs its advertising to one device",
      ({ camera: { aioble } }) =>
        aioble.advertise({
          intervalUs: 100_000,
          directedTo: new aioble.Device(0, new Uint8Array([6, 5, 4, 3, 2, 1])),
          timeoutMs: 60_000,
        }),
    ],
    [
      "advertises for 100 ms each time",
      async ({ camera, world }) => {
        for (let times = 0; times < 100; times++) {
          await camera.aioble.advertise({ intervalUs: 20_000, timeoutMs: 100 }).catch(() => undefined);
          await world.clock.sleep(400);
        }
      },
    ],
  ];
  for (const [what, act] of outOfReach) {
    it(`is not within reach while the application ${what}`, async () => {
      await awake(async (scene) => {
        await act(scene).catch(() => undefined);
        deepEqual(scene.reachedAtMs, []);
      });
    });
  }

  it("is not within reach while the controller refuses to advertise", async () => {
    await awake(async ({ world, camera, reachedAtMs }) => {
      await camera.host.activate();
      camera.controller.faults.refuse = new Map([[leSetAdvertisingEnable.opcode, 0x0c]]);
      await rejects(camera.aioble.advertise({ intervalUs: 100_000, timeoutMs: 60_000 }));
      await world.clock.sleep(10_000);
      deepEqual(reachedAtMs, []);
    });
  });

  it("is within reach by the firmware's own window, beside an application that broadcasts too", async () => {
    for (const isBroadcast of [false, true]) {
      await started(TRIAL, async ({ world, camera, reachedAtMs }) => {
        const broadcast = { intervalUs: 100_000, connectable: false, timeoutMs: 60_000 } as const;
        if (isBroadcast) camera.aioble.advertise(broadcast).catch(() => undefined);
        await world.clock.sleep(QUIET_MS);
        deepEqual(reachedAtMs, []);
        await world.clock.sleep(isBroadcast ? 30_000 : 5000);
        equal(reachedAtMs.length, 1);
        await camera.aioble.stop();
        deepEqual(diagnostics(camera), []);
      });
    }
  });

  it("is within reach in the start that is in place of the application's sleep", async () => {
    await started({ ...TRIAL, wakeSources: 1, wakeAtMs: 5000 }, async ({ world, reachedAtMs, slept }) => {
      await world.clock.sleep(7000);
      equal(reachedAtMs.length, 1);
      equal(slept.length, 1);
    });
  });

  for (const trustsEverybody of [true, false]) {
    const who = trustsEverybody ? "anybody, of an image for development," : "a client that may manage it";
    it(`is within reach as soon as ${who} is connected`, async () => {
      await started(
        { ...TRIAL, windowMs: 0, trustsEverybody },
        async ({ world, camera, connect, reachedAtMs }) => {
          const incoming = camera.aioble.advertise({ intervalUs: 20_000, timeoutMs: 10_000 });
          const link = await connect();
          await incoming;
          await world.clock.sleep(5000);
          equal(reachedAtMs.length, trustsEverybody ? 1 : 0);
          camera.aioble.security.openPairing({ durationMs: 60_000 });
          await link.pair();
          await world.clock.sleep(500);
          equal(reachedAtMs.length, 1);
          await link.disconnect();
        },
        "timer",
      );
    });
  }

  it("is not within reach by connections of the application's own", async () => {
    await awake(async ({ world, camera, central, reachedAtMs }) => {
      const incoming = central.aioble.advertise({ intervalUs: 20_000, timeoutMs: 10_000 });
      const { ADDR_RANDOM, Device } = camera.aioble;
      const link = await new Device(ADDR_RANDOM, central.host.ownAddress).connect({ timeoutMs: 5000 });
      await incoming;
      await world.clock.sleep(10_000);
      deepEqual(reachedAtMs, []);
      await link.disconnect();
    });
  });

  it("is nothing that other starts wait for", async () => {
    await started({ ...TRIAL, awaitsReach: false }, async ({ world, reachedAtMs }) => {
      await world.clock.sleep(30_000);
      deepEqual(reachedAtMs, []);
    });
  });
});
