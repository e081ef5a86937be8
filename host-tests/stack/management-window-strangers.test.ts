/** Who may stay connected by the firmware's own window, and who gets a place. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { AUTHORIZE_MS, LOOK_MS, MANAGE_MS } from "../../firmware/update/unused-links.ts";
import { QUIET_MS, WINDOW_MS } from "../../firmware/update/window.ts";
import { ManagementClient, openManagement } from "../../tools/update/management-client.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { bundleOf, hashOf } from "../support/memory-slots.ts";
import { describe, it } from "../support/suite.ts";
import { scene } from "../support/window-scene.ts";

const NEW = bundleOf([2, 0, 1], 3000);

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
