/** A client that wants nothing must not keep everybody else out: idleTimeoutMs. */
import { UUID } from "../../firmware/ble/uuid.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { type CameraOptions, createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { withPair } from "../support/pair.ts";
import { describe, it } from "../support/suite.ts";

const LOW_RESOURCES = 0x14;
const OPTIONS = { intervalUs: 100_000, name: "obscura" };

function createScene(options: CameraOptions = {}, phones = 1) {
  const world = createWorld(5);
  const camera = addAioble(world, options);
  const { Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new camera.bluetooth.UUID(0x181a));
  const value = new Characteristic(service, new camera.bluetooth.UUID(0x2a6e), {
    read: true,
    notify: true,
    initial: new Uint8Array(2),
  });
  registerServices(service);
  const everybody = Array.from({ length: phones }, () => world.addPhone().phone);
  /** Connects the phone with this number. */
  const join = async (index = 0): Promise<PhoneLink> =>
    everybody[index]!.connect(await everybody[index]!.find({ name: "obscura" }));
  return { world, camera, value, join, ...camera.aioble };
}

/** How long the link lasts from now on, in milliseconds, and with which reason it ends. */
async function lifeOf(scene: ReturnType<typeof createScene>, link: PhoneLink): Promise<[number, number]> {
  const beganMs = scene.world.clock.now();
  const reason = await link.disconnected();
  return [Math.round(scene.world.clock.now() - beganMs), reason];
}

describe("aioble: a client that wants nothing", () => {
  it("one place, taken by a squatter: it goes after 30 s, with reason 0x14, and the next phone is served", async () => {
    const scene = createScene({}, 2);
    const { world, camera, advertise, join } = scene;
    await world.run(async () => {
      const first = advertise(OPTIONS);
      const squatter = await join(0);
      const connection = await first;
      const [lifeMs, reason] = await lifeOf(scene, squatter);
      ok(lifeMs > 29_000 && lifeMs < 31_000, String(lifeMs));
      equal(reason, LOW_RESOURCES);
      await connection.disconnected();
      const second = advertise(OPTIONS);
      const link = await join(1);
      ok((await second).isConnected());
      await link.read((await link.discover()).characteristic(0x2a6e));
    });
    equal(diagnostics(camera).length, 1);
    ok(
      /ending link 64, .* asked for nothing for 30000 ms/.test(diagnostics(camera)[0]!),
      diagnostics(camera)[0],
    );
  });

  it("a user who types a passkey takes longer: a pairing under way is no silence, and after it there is silence again", async () => {
    const scene = createScene({}, 1);
    const { world, camera, advertise, join } = scene;
    camera.aioble.config({ idleTimeoutMs: 3000 });
    await world.run(async () => {
      let shown = 0;
      camera.aioble.security.agent = {
        display({ passkey }) {
          shown = Number(passkey);
        },
      };
      const waiting = advertise(OPTIONS);
      const link = await join(0);
      const connection = await waiting;
      const type = async (): Promise<number> => {
        await world.clock.sleep(20_000);
        return shown;
      };
      await link.pair({ user: { type } });
      equal(connection.authenticated, true);
      const [lifeMs, reason] = await lifeOf(scene, link);
      ok(lifeMs > 2900 && lifeMs < 5000, String(lifeMs));
      equal(reason, LOW_RESOURCES);
    });
  });

  it("four places, four squatters: one goes, the most silent, and advertising goes on; the others stay", async () => {
    const scene = createScene({}, 5);
    const { world, camera, connections, join } = scene;
    await world.run(async () => {
      const stream = connections(OPTIONS);
      const links: PhoneLink[] = [];
      for (let index = 0; index < 4; index++) {
        links.push(await join(index));
        await stream.next();
        await world.clock.sleep(15_000);
      }
      equal(await links[0]!.disconnected(), LOW_RESOURCES);
      const honest = await join(4);
      ok((await stream.next()).value.isConnected());
      deepEqual(
        links.map(({ isConnected }) => isConnected),
        [false, true, true, true],
      );
      ok(honest.isConnected);
      await stream.return!();
    });
    equal(diagnostics(camera).filter((line) => line.includes("ending link")).length, 1);
  });

  it("as long as others can connect, nobody goes", async () => {
    const { world, camera, connections, join } = createScene({}, 3);
    await world.run(async () => {
      const stream = connections(OPTIONS);
      const links = [await join(0)];
      await stream.next();
      links.push(await join(1));
      await stream.next();
      await world.clock.sleep(300_000);
      ok(links.every(({ isConnected }) => isConnected));
      await stream.return!();
    });
    deepEqual(diagnostics(camera), []);
  });

  it("one that has subscribed stays, however silent; when it ends that, it goes 30 s later", async () => {
    const scene = createScene();
    const { world, camera, advertise, join } = scene;
    await world.run(async () => {
      const waiting = advertise(OPTIONS);
      const link = await join();
      await waiting;
      const characteristic = (await link.discover()).characteristic(0x2a6e);
      await link.subscribe(characteristic);
      await world.clock.sleep(300_000);
      ok(link.isConnected);
      deepEqual(diagnostics(camera), []);
      await link.subscribe(characteristic, "none");
      const [lifeMs] = await lifeOf(scene, link);
      ok(lifeMs >= 30_000 && lifeMs <= 40_500, String(lifeMs));
    });
  });

  it("one that asks for something every 25 s stays", async () => {
    const scene = createScene();
    const { world, advertise, join } = scene;
    await world.run(async () => {
      const waiting = advertise(OPTIONS);
      const link = await join();
      await waiting;
      const value = (await link.discover()).characteristic(0x2a6e);
      for (let turn = 0; turn < 20; turn++) {
        await world.clock.sleep(25_000);
        await link.read(value);
      }
      const [lifeMs] = await lifeOf(scene, link);
      ok(lifeMs >= 30_000 && lifeMs <= 40_500, String(lifeMs));
    });
  });

  it("a controller that cannot advertise beside a link: the squatter goes, and connections() goes on", async () => {
    const { world, connections, join } = createScene({ controller: { advertisesWhileConnected: false } }, 2);
    await world.run(async () => {
      const stream = connections(OPTIONS);
      const squatter = await join(0);
      await stream.next();
      equal(await squatter.disconnected(), LOW_RESOURCES);
      await join(1);
      ok((await stream.next()).value.isConnected());
      await stream.return!();
    });
  });

  it("a central that the application reads from stays, and goes once it is asked for nothing any more", async () => {
    const name = new UUID(0x2a00);
    await withPair(
      () => {},
      async ({ world, toClient }) => {
        const service = await toClient.service(new UUID(0x1800));
        const characteristic = await service!.characteristic(name);
        for (let count = 0; count < 12; count++) {
          await world.clock.sleep(9000);
          await characteristic!.read();
        }
        const lastMs = world.clock.now();
        await toClient.disconnected({ timeoutMs: 60_000 });
        const lifeMs = world.clock.now() - lastMs;
        ok(lifeMs > 29_000 && lifeMs < 41_000, String(lifeMs));
      },
    );
  });

  it("a central whose values the application waits for stays", async () => {
    await withPair(
      () => {},
      async ({ world, client, toClient }) => {
        const { Characteristic, registerServices, Service } = client.aioble;
        const service = new Service(new UUID(0x1805));
        new Characteristic(service, new UUID(0x2a2b), { read: true, notify: true });
        registerServices(service);
        const found = await (await toClient.service(service.uuid))!.characteristic(new UUID(0x2a2b));
        await found!.subscribe();
        await world.clock.sleep(300_000);
        ok(toClient.isConnected());
      },
    );
  });

  it("idleTimeoutMs 0 lets everybody stay; set later it counts from then", async () => {
    const scene = createScene();
    const { world, advertise, config, join } = scene;
    config({ idleTimeoutMs: 0 });
    await world.run(async () => {
      const waiting = advertise(OPTIONS);
      const link = await join();
      await waiting;
      await world.clock.sleep(300_000);
      ok(link.isConnected);
      config({ idleTimeoutMs: 5000 });
      const [lifeMs] = await lifeOf(scene, link);
      ok(lifeMs >= 4900 && lifeMs <= 5200, String(lifeMs));
    });
  });

  it("a shorter time counts from when it is set, and a setting of something else changes nothing", async () => {
    const scene = createScene();
    const { world, advertise, config, join } = scene;
    config({ idleTimeoutMs: 3_600_000 });
    await world.run(async () => {
      const waiting = advertise(OPTIONS);
      const link = await join();
      await waiting;
      await world.clock.sleep(60_000);
      config({ idleTimeoutMs: 6000 });
      const life = lifeOf(scene, link);
      await world.clock.sleep(3000);
      config({ mtu: 100 });
      const [lifeMs] = await life;
      ok(lifeMs >= 5900 && lifeMs <= 6200, String(lifeMs));
    });
  });

  it("switching it off while it counts keeps the link", async () => {
    const { world, advertise, config, join } = createScene();
    await world.run(async () => {
      const waiting = advertise(OPTIONS);
      const link = await join();
      await waiting;
      await world.clock.sleep(29_000);
      config({ idleTimeoutMs: 0 });
      await world.clock.sleep(60_000);
      ok(link.isConnected);
    });
  });

  it("the time between two advertisements of a busy loop ends nobody", async () => {
    const { world, camera, advertise, join } = createScene({}, 3);
    await world.run(async () => {
      const first = advertise(OPTIONS);
      const silent = await join(0);
      await first;
      for (let turn = 0; turn < 30; turn++) {
        const next = advertise(OPTIONS);
        const link = await join(1);
        const connection = await next;
        await world.clock.sleep(3000);
        await connection.disconnect();
        await link.disconnected();
        await advertise({ ...OPTIONS, timeoutMs: 8000 }).catch(() => {});
      }
      ok(silent.isConnected);
    });
    deepEqual(diagnostics(camera), []);
  });
});
