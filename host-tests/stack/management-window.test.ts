/** The firmware's own window: what is on the air while an application leaves the camera unreachable. */
import { SERVICE_UUID } from "../../firmware/update/service.ts";
import { INTERRUPTION_MS, QUIET_MS, UpdateWindow, WINDOW_MS } from "../../firmware/update/window.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

interface Scene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly central: AiobleCamera;
  readonly window: UpdateWindow;
  /** What a central hears within a second: "management" for the window, or the names of applications. */
  heard(): Promise<string[]>;
  connect(): Promise<{ disconnect(): Promise<void> }>;
}

async function scene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const world = createWorld();
  const camera = addAioble(world);
  const central = addAioble(world);
  const { host } = camera;
  const window = new UpdateWindow({
    ...{ clock: camera.platform.clock, advertiser: host.advertiser, log: host.log },
    isConnected: () => host.connections.size > 0,
    activate: () => host.activate(),
    name: () => new Uint8Array([0x63, 0x61, 0x6d]),
  });
  host.observe({ onConnected: () => window.changed(), onDisconnected: () => window.changed() });
  const service = SERVICE_UUID;
  await world.run(async () => {
    await work({
      ...{ world, camera, central, window },
      async heard() {
        const names = new Set<string>();
        const scan = { durationMs: 1000, intervalUs: 30_000, windowUs: 30_000, active: true } as const;
        for await (const result of central.aioble.scan(scan)) {
          const isWindow = result.services().some((uuid) => uuid.equals(service));
          if (result.connectable) names.add(isWindow ? "management" : (result.name() ?? "?"));
        }
        return [...names];
      },
      async connect() {
        const { ADDR_RANDOM, Device } = central.aioble;
        return new Device(ADDR_RANDOM, host.ownAddress).connect({ timeoutMs: 5000 });
      },
    });
    window.close();
    await host.deactivate();
  });
}

describe("management: the firmware's own window", () => {
  it("an application that never advertises is reachable after 10 s, for five minutes", async () => {
    await scene(async ({ window, heard, world, camera, connect }) => {
      window.open(WINDOW_MS);
      await world.clock.sleep(QUIET_MS - 2000);
      equal(camera.host.isSwitchedOn, false, "the radio is the application's for now");
      await world.clock.sleep(2100);
      deepEqual(await heard(), ["management"]);
      const connection = await connect();
      deepEqual(await heard(), [], "who is connected can manage the camera");
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
        await world.clock.sleep(20_000);
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
      deepEqual(await heard(), [], "who is connected can manage the camera");
      await connection.disconnect();
      await world.clock.sleep(QUIET_MS + 200);
      deepEqual(await heard(), ["management"]);
      equal(await feed, "TimeoutError", "its owner has noticed nothing");
      deepEqual(diagnostics(camera), []);
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
});
