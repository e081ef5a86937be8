/** The firmware's own window: what is on the air while an application leaves the camera unreachable. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { FINDABLE_INTERVAL_US, INTERRUPTION_MS, QUIET_MS, WINDOW_MS } from "../../firmware/update/window.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { type AiobleCamera, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";
import { scene } from "../support/window-scene.ts";

const NOTIFY = 18;

describe("management: the firmware's own window", () => {
  it("an application that never advertises is reachable after 10 s, for five minutes", async () => {
    await scene(async ({ window, heard, world, camera, connect }) => {
      window.open(WINDOW_MS);
      await world.clock.sleep(QUIET_MS - 2000);
      equal(camera.host.isSwitchedOn, false, "the radio is the application's for now");
      await world.clock.sleep(2100);
      deepEqual(await heard(), ["management"]);
      const connection = await connect();
      deepEqual(await heard(), [], "not at once");
      await world.clock.sleep(QUIET_MS);
      deepEqual(await heard(), [], "everybody may manage this camera, so who is connected may");
      await connection.disconnect();
      await world.clock.sleep(QUIET_MS + 100);
      deepEqual(await heard(), ["management"], "and the next one can connect");
      await world.clock.sleep(WINDOW_MS);
      deepEqual(await heard(), []);
    });
  });

  it("gives way to the application at once, and comes back when that has stopped", async () => {
    await scene(async ({ window, heard, world, camera }) => {
      window.open(WINDOW_MS);
      await world.clock.sleep(QUIET_MS + 100);
      deepEqual(await heard(), ["management"]);
      const advertising = camera.aioble.advertise({ intervalUs: 50_000, name: "mine", timeoutMs: 30_000 });
      deepEqual(await heard(), ["mine"]);
      await advertising.catch(() => undefined);
      deepEqual(await heard(), [], "not at once");
      await world.clock.sleep(QUIET_MS);
      deepEqual(await heard(), ["management"]);
      await camera.aioble.stop();
      deepEqual(await heard(), []);
      await world.clock.sleep(QUIET_MS);
      deepEqual(await heard(), ["management"], "though the application has switched the radio off");
    });
  });

  it("an application that advertises all the time never meets it", async () => {
    await scene(async ({ window, heard, world, camera, connect }) => {
      window.open(WINDOW_MS);
      for (let times = 0; times < 3; times++) {
        const connection = camera.aioble.advertise({ intervalUs: 50_000, name: "mine" });
        await world.clock.sleep(20_000);
        deepEqual(await heard(), ["mine"]);
        const link = await connect();
        await connection;
        await world.clock.sleep(QUIET_MS - 2000);
        await link.disconnect();
      }
      const lines = camera.platform.console.filter(({ message }) => message.startsWith("update:"));
      deepEqual(lines, []);
    });
  });

  it("a broadcast is interrupted for 2 s after each 10 s, and goes on, also when a central has connected", async () => {
    await scene(async ({ window, heard, world, camera, central, connect }) => {
      window.open(WINDOW_MS);
      const broadcast = {
        intervalUs: 100_000,
        connectable: false,
        name: "feed",
        timeoutMs: 100_000,
      } as const;
      const feed = camera.aioble.advertise(broadcast).catch((error: Error) => error.name);
      const isFed = async (): Promise<boolean> => {
        const scan = { durationMs: 500, intervalUs: 30_000, windowUs: 30_000 } as const;
        for await (const { connectable } of central.aioble.scan(scan)) {
          if (!connectable) return true;
        }
        return false;
      };
      await world.clock.sleep(QUIET_MS - 1000);
      ok(await isFed());
      deepEqual(await heard(), ["management"]);
      await world.clock.sleep(INTERRUPTION_MS);
      ok(await isFed(), "the broadcast has its turn again");
      await world.clock.sleep(QUIET_MS - 500);
      const connection = await connect();
      await world.clock.sleep(500);
      ok(await isFed(), "beside the link");
      await world.clock.sleep(QUIET_MS);
      deepEqual(await heard(), [], "nor beside a link of somebody who may manage the camera");
      await connection.disconnect();
      await world.clock.sleep(QUIET_MS + 200);
      deepEqual(await heard(), ["management"]);
      equal(await feed, "TimeoutError", "its owner has noticed nothing");
      deepEqual(diagnostics(camera), []);
    });
  });

  const friend = { addrType: 0, addr: new Uint8Array([6, 5, 4, 3, 2, 1]) };
  const shuttingOut: readonly (readonly [
    string,
    (camera: AiobleCamera, sleep: (ms: number) => Promise<void>) => Promise<unknown>,
  ])[] = [
    [
      "directs its advertising to one that is not there",
      ({ aioble }) =>
        aioble.advertise({
          intervalUs: 50_000,
          directedTo: new aioble.Device(friend.addrType, friend.addr),
          timeoutMs: 60_000,
        }),
    ],
    [
      "advertises so slowly that nobody finds it",
      ({ aioble }) => aioble.advertise({ intervalUs: FINDABLE_INTERVAL_US + 625, timeoutMs: 60_000 }),
    ],
    [
      "begins its broadcast anew every 3 s",
      ({ aioble }) => aioble.advertise({ intervalUs: 100_000, connectable: false, timeoutMs: 3000 }),
    ],
    [
      "alternates broadcasts and connectable advertising of a second",
      async ({ aioble }) => {
        await aioble
          .advertise({ intervalUs: 100_000, connectable: false, timeoutMs: 1500 })
          .catch(() => undefined);
        await aioble.advertise({ intervalUs: 100_000, timeoutMs: 1000 });
      },
    ],
    [
      "advertises for 50 ms each time",
      async ({ aioble }, sleep) => {
        await aioble.advertise({ intervalUs: 1_000_000, timeoutMs: 50 }).catch(() => undefined);
        await sleep(50);
      },
    ],
    [
      "switches the radio off every 3 s",
      async ({ aioble }, sleep) => {
        aioble.advertise({ intervalUs: 100_000, connectable: false }).catch(() => undefined);
        await sleep(1500);
        await aioble.stop();
        await sleep(1500);
      },
    ],
    [
      "scans all the time",
      async ({ aioble }) => {
        for await (const _ of aioble.scan({ durationMs: 4000, intervalUs: 30_000, windowUs: 30_000 }));
      },
    ],
  ];
  for (const [what, act] of shuttingOut) {
    it(`an application that ${what} shuts the owner out for 14 s at most`, async () => {
      await scene(async ({ window, heard, world, camera, connect }) => {
        const sleep = (ms: number) => world.clock.sleep(ms);
        window.open(WINDOW_MS);
        let isOver = false;
        const acting = (async () => {
          while (!isOver) await act(camera, sleep).catch(() => sleep(10));
        })();
        for (let round = 0; round < 3; round++) {
          let isHeard = false;
          for (let seconds = 0; seconds < 14 && !isHeard; seconds++)
            isHeard = (await heard()).includes("management");
          ok(isHeard, `round ${round}`);
          await sleep(INTERRUPTION_MS);
        }
        let link: DeviceConnection | undefined;
        for (let tries = 0; tries < 4 && !link; tries++) link = await connect().catch(() => undefined);
        ok(link, "and can be connected to");
        isOver = true;
        await link.disconnect().catch(() => undefined);
        await acting;
      });
    });
  }

  it("tries again when a turn fails for whatever reason", async () => {
    await scene(async ({ window, heard, world, camera }) => {
      const { advertiser } = camera.host;
      const lend = advertiser.lend;
      advertiser.lend = () => {
        advertiser.lend = lend;
        throw new TypeError("an application has replaced a built-in function");
      };
      window.open(WINDOW_MS);
      await world.clock.sleep(QUIET_MS + 100);
      deepEqual(await heard(), []);
      await world.clock.sleep(QUIET_MS);
      deepEqual(await heard(), ["management"]);
      equal(diagnostics(camera).filter((line) => line.includes("the window fails")).length, 1);
    });
  });

  it("gives the air back when the end of an interruption fails", async () => {
    await scene(async ({ window, world, camera, central }) => {
      const { clock } = camera.platform;
      const setTimer = clock.setTimer.bind(clock);
      const clearTimer = clock.clearTimer.bind(clock);
      const ends: unknown[] = [];
      clock.setTimer = (callback, delayMs) => {
        const timer = setTimer(callback, delayMs);
        if (delayMs === INTERRUPTION_MS) ends.push(timer);
        return timer;
      };
      clock.clearTimer = (timer) => {
        clearTimer(timer);
        if (timer === ends[0]) throw new TypeError("an application has replaced a built-in function");
      };
      window.open(WINDOW_MS);
      const broadcast = { intervalUs: 100_000, connectable: false, name: "feed", timeoutMs: 60_000 } as const;
      const feed = camera.aioble.advertise(broadcast).catch((error: Error) => error.name);
      await world.clock.sleep(QUIET_MS + INTERRUPTION_MS + 200);
      let isFed = false;
      const scan = { durationMs: 500, intervalUs: 30_000, windowUs: 30_000 } as const;
      for await (const { connectable } of central.aioble.scan(scan)) isFed ||= !connectable;
      ok(isFed);
      await world.clock.sleep(QUIET_MS + INTERRUPTION_MS);
      equal(ends.length, 2);
      equal(await feed, "TimeoutError");
    });
  });

  it("in recovery it is open at once, and for ever", async () => {
    await scene(async ({ window, heard, world, connect }) => {
      window.open();
      deepEqual(await heard(), ["management"]);
      await (await connect()).disconnect();
      await world.clock.sleep(WINDOW_MS + 60_000);
      deepEqual(await heard(), ["management"]);
    });
  });

  it("what who has come by it sends by itself reaches the application only from a stranger, or a proven device", async () => {
    await scene(async ({ camera, central, connect, window, world }) => {
      const heard: number[] = [];
      new camera.bluetooth.BLE().irq((event, data) => {
        if (event === NOTIFY) heard.push((data[2] as Uint8Array)[0]!);
      });
      central.aioble.config({ autoPair: "never" });
      camera.aioble.config({ securityRequestMs: 0 });
      window.open(WINDOW_MS);
      const come = async (): Promise<DeviceConnection> => {
        await world.clock.sleep(QUIET_MS + 1000);
        return connect();
      };
      const say = async ({ link }: DeviceConnection, value: number): Promise<void> => {
        link.bearer.send(Uint8Array.of(0x1b, 3, 0, value));
        await world.clock.sleep(500);
      };
      const stranger = await come();
      await say(stranger, 1);
      await stranger.pair();
      await stranger.disconnect();
      const bonded = await come();
      await say(bonded, 2);
      await bonded.pair();
      await say(bonded, 3);
      deepEqual(heard, [1, 3]);
    });
  });
});
