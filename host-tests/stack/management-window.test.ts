/**
 * The firmware's own window: what is on the air while an application leaves the camera unreachable, and who may stay connected
 * by it.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { Access } from "../../firmware/update/access.ts";
import { ConsoleLines } from "../../firmware/update/console-lines.ts";
import { Management } from "../../firmware/update/management.ts";
import { RESERVED_PLACES, Reach } from "../../firmware/update/reach.ts";
import { SERVICE_UUID } from "../../firmware/update/service.ts";
import { AUTHORIZE_MS, LOOK_MS, MANAGE_MS } from "../../firmware/update/unused-links.ts";
import { FINDABLE_INTERVAL_US, INTERRUPTION_MS, QUIET_MS, WINDOW_MS } from "../../firmware/update/window.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { ManagementClient, openManagement } from "../../tools/update/management-client.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { RUNNING } from "../support/management-scene.ts";
import { bundleOf, hashOf, MemorySlots } from "../support/memory-slots.ts";
import { describe, it } from "../support/suite.ts";

const NEW = bundleOf([2, 0, 1], 3000);

interface Scene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly central: AiobleCamera;
  readonly window: Reach;
  /** What a central hears within a second: "management" for the window, or the names of applications. */
  heard(): Promise<string[]>;
  connect(): Promise<DeviceConnection>;
  /** Another central connects. */
  another(): Promise<DeviceConnection>;
}

interface SceneOptions {
  readonly access?: Access;
  readonly isRecovery?: boolean;
}

async function scene(
  work: (scene: Scene) => Promise<void>,
  { access = "open", isRecovery = false }: SceneOptions = {},
): Promise<void> {
  const world = createWorld();
  const camera = addAioble(world);
  const central = addAioble(world);
  const { host } = camera;
  if (!isRecovery) host.reservePlaces(RESERVED_PLACES);
  const store = new MemorySlots(RUNNING);
  const management = new Management({
    ...{ clock: camera.platform.clock, gatt: host.gatt, store, access, lines: new ConsoleLines() },
    random: (length) => camera.platform.random(length),
    info: () => ({ name: "camera", version: "1.0.0" }),
    onUse: (connection) => window.used(connection),
    whenDelivered: (connection, callback) => void host.whenCompleted(connection, callback),
    reset: () => store.reset(),
    log: host.log,
  });
  host.observe({ onDisconnected: (connection) => management.ended(connection) });
  const window = new Reach(host, {
    ...{ access, isRecovery },
    name: () => new Uint8Array([0x63, 0x61, 0x6d]),
  });
  const connectFrom = ({ aioble: { ADDR_RANDOM, Device } }: AiobleCamera) =>
    new Device(ADDR_RANDOM, host.ownAddress).connect({ timeoutMs: 5000 });
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
      connect: () => connectFrom(central),
      another: () => connectFrom(addAioble(world)),
    });
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
});

describe("management: strangers at the firmware's own window", () => {
  const TOO_LONG_MS = AUTHORIZE_MS + LOOK_MS + 100;

  for (const [who, stays] of [
    ["is silent", async () => undefined],
    ["reads all the time", (link, sleep) => reads(link, sleep)],
    [
      "pairs unattended, and asks",
      async (link) => {
        await link.pair();
        const client = new ManagementClient((await openManagement(link))!);
        await rejects(client.list(), { rc: 11 });
      },
    ],
  ] as readonly (readonly [
    string,
    (link: DeviceConnection, sleep: (ms: number) => Promise<void>) => Promise<void>,
  ])[]) {
    it(`in recovery one who ${who} keeps nobody out, and is gone after 30 s; the owner stays`, async () => {
      await scene(
        async ({ window, heard, world, camera, connect, another }) => {
          window.open();
          await world.clock.sleep(500);
          const stranger = await another();
          const acting = stays(stranger, (ms) => world.clock.sleep(ms));
          await world.clock.sleep(2000);
          deepEqual(await heard(), ["management"], "beside the stranger");
          camera.aioble.security.openPairing({ durationMs: 60_000 });
          const owner = await connect();
          await owner.pair();
          const client = new ManagementClient((await openManagement(owner))!);
          equal(await client.echo("in"), "in");
          await world.clock.sleep(TOO_LONG_MS);
          equal(stranger.isConnected(), false);
          await acting;
          await world.clock.sleep(2 * MANAGE_MS);
          ok(owner.isConnected(), "while others have room");
          equal(await client.echo("in"), "in");
          const lines = diagnostics(camera).filter((line) => line.includes("ending link"));
          ok(lines.length > 0 && lines.every((line) => line.includes("ending link 64,")), lines.join("\n"));
          await owner.disconnect();
        },
        { access: "bonded", isRecovery: true },
      );
    });
  }

  for (const isRecovery of [true, false]) {
    const where = isRecovery ? "in recovery" : "at the firmware's window";
    it(`${where} a silent link is ended for one reason: idleTimeoutMs is the application's`, async () => {
      await scene(
        async ({ window, world, camera, connect }) => {
          camera.aioble.config({ idleTimeoutMs: 5000 });
          window.open(isRecovery ? undefined : WINDOW_MS);
          await world.clock.sleep(QUIET_MS + 500);
          const stranger = await connect();
          await world.clock.sleep(AUTHORIZE_MS - 1000);
          ok(stranger.isConnected());
          await world.clock.sleep(TOO_LONG_MS - AUTHORIZE_MS + 1000);
          equal(stranger.isConnected(), false);
          const lines = diagnostics(camera).filter((line) => line.includes("ending link"));
          equal(lines.length, 1, lines.join("\n"));
          ok(lines[0]!.includes("may manage this camera"));
        },
        { access: "bonded", isRecovery },
      );
    });
  }

  it("where all may manage the camera, one who asks for nothing gives way when all places are taken", async () => {
    await scene(
      async ({ window, world, camera, another }) => {
        window.open();
        const links: DeviceConnection[] = [];
        await world.clock.sleep(500);
        for (let count = 0; count < camera.host.maxConnections; count++) {
          links.push(await another());
          await world.clock.sleep(2000);
        }
        const [first, second] = links as [DeviceConnection, DeviceConnection];
        const client = new ManagementClient((await openManagement(first))!);
        for (let leftMs = MANAGE_MS; leftMs > 0; leftMs -= 10_000) {
          equal(await client.echo("in"), "in");
          await world.clock.sleep(10_000);
        }
        ok(first.isConnected(), "it is used");
        equal(second.isConnected(), false, "the one that was silent for longest");
        const isLeft = links.slice(2).map((link) => link.isConnected());
        ok(isLeft.includes(true), "the others only when all places are taken again");
        const owner = await another();
        ok(owner.isConnected());
        for (const link of [...links, owner]) await link.disconnect().catch(() => undefined);
      },
      { isRecovery: true },
    );
  });

  it("where an application has given every place to its clients, the owner has one more", async () => {
    await scene(
      async ({ window, heard, world, camera, connect, another }) => {
        const { host } = camera;
        camera.aioble.config({ idleTimeoutMs: 0 });
        window.open(WINDOW_MS);
        const clients: DeviceConnection[] = [];
        for (let count = 0; count < host.maxConnections; count++) {
          const taken = camera.aioble.advertise({ intervalUs: 20_000 });
          clients.push(await another());
          await taken;
        }
        await rejects(camera.aioble.advertise({ intervalUs: 20_000 }), { code: "too-many-connections" });
        await world.clock.sleep(QUIET_MS + 100);
        deepEqual(await heard(), ["management"]);
        camera.aioble.security.openPairing({ durationMs: 60_000 });
        const owner = await connect();
        await owner.pair();
        const manager = new ManagementClient((await openManagement(owner))!);
        await manager.upload(NEW, hashOf(NEW));
        deepEqual(await heard(), [], "there is room for nobody else");
        ok(clients.every((client) => client.isConnected()));
        equal(host.budget.refused, 0);
        for (const link of [owner, ...clients]) await link.disconnect();
      },
      { access: "bonded" },
    );
  });

  for (const access of ["open", "bonded"] as const) {
    it(`where an application has taken every place for connections of its own, the owner has one more: ${access}`, async () => {
      await scene(
        async ({ window, heard, world, camera, connect }) => {
          const { aioble, host } = camera;
          window.open(WINDOW_MS);
          const own: DeviceConnection[] = [];
          for (let count = 0; count < host.maxConnections; count++) {
            const sensor = addAioble(world);
            sensor.aioble.config({ idleTimeoutMs: 0 });
            const taken = sensor.aioble.advertise({ intervalUs: 20_000 });
            own.push(
              await new aioble.Device(aioble.ADDR_RANDOM, sensor.host.ownAddress).connect({
                timeoutMs: 5000,
              }),
            );
            await taken;
          }
          await world.clock.sleep(QUIET_MS + 100);
          deepEqual(await heard(), ["management"]);
          aioble.security.openPairing({ durationMs: 60_000 });
          const owner = await connect();
          if (access === "bonded") await owner.pair();
          const manager = new ManagementClient((await openManagement(owner))!);
          equal(await manager.echo("in"), "in");
          ok(own.every((link) => link.isConnected()));
          await owner.disconnect();
          await world.clock.sleep(QUIET_MS + 100);
          deepEqual(await heard(), ["management"], "and the next one");
          for (const link of own) await link.disconnect();
        },
        { access },
      );
    });
  }

  it("beside an application that takes one connection the window opens, and leaves it its client", async () => {
    await scene(
      async ({ window, heard, world, camera, connect, another }) => {
        window.open(WINDOW_MS);
        const taken = camera.aioble.advertise({ intervalUs: 50_000, name: "mine" });
        const client = await another();
        const ending = reads(client, (ms) => world.clock.sleep(ms));
        await taken;
        await world.clock.sleep(QUIET_MS + 100);
        deepEqual(await heard(), ["management"]);
        const stranger = await connect();
        await world.clock.sleep(TOO_LONG_MS);
        equal(stranger.isConnected(), false, "who came by the window and may not manage the camera");
        ok(client.isConnected(), "who came by the application is the application's");
        await client.disconnect();
        await ending;
      },
      { access: "bonded" },
    );
  });
});

/** The Device Name, every 5 s until the link ends. */
async function reads(link: DeviceConnection, sleep: (ms: number) => Promise<void>): Promise<void> {
  const service = await link.service(new UUID(0x1800));
  const name = await service!.characteristic(new UUID(0x2a00));
  while (link.isConnected()) {
    ok((await name!.read()) instanceof Uint8Array);
    await sleep(5000);
  }
}
