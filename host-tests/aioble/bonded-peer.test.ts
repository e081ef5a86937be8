/** What a camera does about a peer that it is bonded with: reminds it to encrypt, and keeps its name. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { bondOf, keyOf } from "../support/bonds.ts";
import { addAioble, diagnostics, reported } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const SMP = 0x0006;
const SECURITY_REQUEST = 0x0b;
const ADVERTISING = { intervalUs: 100_000, name: "camera" };

/** A camera that has a bond with a phone, whose address it knows. */
function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const { phone } = world.addPhone();
  camera.host.bonds!.keep(
    bondOf(1, {
      identity: { addressType: 1, address: phone.address },
      ownIdentity: { addressType: 1, address: camera.host.ownAddress },
      irk: undefined,
    }),
  );
  const meet = async () => {
    const advertised = camera.aioble.advertise(ADVERTISING);
    const link = await phone.connect(await phone.find({}));
    const requests = (): number[] =>
      link.frames
        .filter(({ channel, payload }) => channel === SMP && payload[0] === SECURITY_REQUEST)
        .map(({ atMs }) => atMs);
    return { connection: await advertised, link, requests };
  };
  return { world, camera, phone, meet };
}

describe("a bonded peer", () => {
  it("that does not encrypt gets one Security Request after a second, and the answer encrypts", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { connection, link, requests } = await meet();
      const began = world.clock.now();
      await world.clock.sleep(5000);
      equal(requests().length, 1);
      const delayMs = requests()[0]! - began;
      ok(delayMs > 700 && delayMs < 1300, String(delayMs));
      await link.encrypt(keyOf(1).reverse());
      await reported(world);
      equal(connection.bonded, true);
      await world.clock.sleep(60_000);
      equal(requests().length, 1);
    });
  });

  it("that encrypts by itself is not asked", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { link, requests } = await meet();
      await link.encrypt(keyOf(1).reverse());
      await world.clock.sleep(40_000);
      deepEqual(requests(), []);
    });
  });

  it("is asked as late as securityRequestMs says, or never; a stranger never is", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      camera.aioble.config({ securityRequestMs: 5000 });
      const late = await meet();
      await world.clock.sleep(4500);
      deepEqual(late.requests(), []);
      await world.clock.sleep(1000);
      equal(late.requests().length, 1);
      await late.link.disconnect();
      camera.aioble.config({ securityRequestMs: 0 });
      const never = await meet();
      await world.clock.sleep(10_000);
      deepEqual(never.requests(), []);
      await never.link.disconnect();
      camera.aioble.config({ securityRequestMs: 1000 });
      camera.aioble.security.bonds.clear();
      const stranger = await meet();
      await world.clock.sleep(10_000);
      deepEqual(stranger.requests(), []);
    });
  });

  it("that ignores the request may go on without; pair() of the application rides along", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      camera.aioble.config({ idleTimeoutMs: 0 });
      const { connection, link, requests } = await meet();
      await world.clock.sleep(2000);
      const pairing = connection.pair();
      await link.encrypt(keyOf(1).reverse());
      await pairing;
      equal(requests().length, 1);
      await link.disconnect();
      const silent = await meet();
      await world.clock.sleep(60_000);
      equal(silent.requests().length, 1);
      equal(silent.connection.isConnected(), true);
    });
    deepEqual(diagnostics(camera), []);
  });

  it("whose key is too short for a value pairs anew for a longer one; what is read then is the value", async () => {
    const world = createWorld();
    const [client, server] = [addAioble(world), addAioble(world)];
    const { Characteristic, registerServices, Service } = server.aioble;
    const service = new Service(new UUID(0xfff0));
    new Characteristic(service, new UUID(0xfff1), {
      ...{ read: true, initial: "protected" },
      ...{ security: "encrypted", minKeySize: 16 },
    });
    registerServices(service);
    const identities = [client, server].map(({ host }) => host.identities.own);
    for (const [at, { aioble, host }] of [client, server].entries()) {
      aioble.config({ minKeySize: 7 });
      const short = keyOf(9).fill(0, 0, 9);
      const key = { key: short, ediv: 0, rand: new Uint8Array(8) };
      const [ownIdentity, identity] = [identities[at]!, identities[1 - at]!];
      host.bonds!.keep(
        bondOf(9, {
          identity,
          ownIdentity,
          irk: undefined,
          keyAsCentral: key,
          keyAsPeripheral: key,
          keySize: 7,
        }),
      );
    }
    await world.run(async () => {
      const advertised = server.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = client.aioble;
      const connection = await new Device(ADDR_RANDOM, server.host.ownAddress).connect();
      await advertised;
      await connection.pair();
      equal(connection.keySize, 7);
      const found = await (await connection.service(new UUID(0xfff0)))!.characteristic(new UUID(0xfff1));
      equal(String.fromCharCode(...(await found!.read())), "protected");
      equal(connection.keySize, 16);
    });
  });

  it("has its name in the list once the camera has read it, before it bonds or after", async () => {
    const world = createWorld();
    const [client, server] = [addAioble(world), addAioble(world)];
    await world.run(async () => {
      const advertised = server.aioble.advertise({ intervalUs: 100_000, name: "front door" });
      const { ADDR_RANDOM, Device } = client.aioble;
      const connection = await new Device(ADDR_RANDOM, server.host.ownAddress).connect();
      await advertised;
      const readName = async (): Promise<void> => {
        const found = await (await connection.service(new UUID(0x1800)))!.characteristic(new UUID(0x2a00));
        await found!.read();
      };
      const names = () => client.aioble.security.bonds.list().map(({ name }) => name);
      await readName();
      deepEqual(names(), []);
      await connection.pair();
      deepEqual(names(), ["front door"]);
      server.aioble.config({ gapName: "back door" });
      await readName();
      deepEqual(names(), ["back door"]);
      await connection.disconnect();
      deepEqual(names(), ["back door"]);
    });
  });
});
