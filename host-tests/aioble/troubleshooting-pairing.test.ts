/** The troubles with pairing that docs/troubleshooting.md lists, and what the camera's log says about each. */
import { createWorld } from "../../simulator/world.ts";
import { equal, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const SMP = 0x0006;
const ADVERTISING = { intervalUs: 100_000, name: "camera" };

/** How many warnings hold all of these words. */
function warnings({ platform }: AiobleCamera, ...words: string[]): number {
  return platform.console.filter(
    ({ level, message }) => level === "warning" && words.every((word) => message.includes(word)),
  ).length;
}

function createScene() {
  const world = createWorld(41);
  const records = new MemoryRecords();
  let camera = addAioble(world, {}, undefined, records);
  const { phone } = world.addPhone();
  return {
    world,
    phone,
    camera: () => camera,
    /** The camera with the same flash, as after a loss of power. */
    restart: async () => {
      await camera.aioble.stop();
      camera.controller.die();
      camera = addAioble(world, {}, undefined, records);
    },
    meet: async () => {
      const advertised = camera.aioble.advertise(ADVERTISING);
      const link = await phone.connect(await phone.find({ name: "camera" }));
      return { link, connection: await advertised };
    },
  };
}

describe("troubleshooting: pairing fails with a generic error", () => {
  it("what both can do together is less than the camera demands: the log has the reason and what to lower", async () => {
    const { world, camera, meet } = createScene();
    camera().aioble.config({ mitm: true });
    await world.run(async () => {
      const { link } = await meet();
      await rejects(link.pair(), { code: 0x03 });
    });
    equal(warnings(camera(), "pairing failed: Pairing was ended here (0x03)", "lower mitm"), 1);
  });

  it("a passkey is typed wrong: the log has the reason", async () => {
    const { world, camera, meet } = createScene();
    camera().aioble.security.agent = { display: () => {} };
    await world.run(async () => {
      const { link } = await meet();
      await rejects(link.pair({ user: { type: async () => 1 } }), { code: 0x04 });
    });
    equal(warnings(camera(), "pairing failed: Pairing was ended", "the passkey was typed wrong"), 1);
  });

  it("nobody may pair now: the log says which setting or window is missing", async () => {
    const { world, camera, meet } = createScene();
    camera().aioble.config({ pairing: "window" });
    await world.run(async () => {
      const { link } = await meet();
      await rejects(link.pair(), { code: 0x05 });
    });
    equal(warnings(camera(), "wants to pair and may not", "call security.openPairing()"), 1);
  });
});

describe("troubleshooting: bonded connections pair again every time", () => {
  it("not by itself: after a restart without any call the phone encrypts, and no PDU of a pairing is sent", async () => {
    const { world, camera, meet, restart } = createScene();
    await world.run(async () => {
      const { link } = await meet();
      await link.pair();
      await link.disconnect();
      await restart();
      const again = await meet();
      equal(await again.link.encryptWithBond(), true);
      await world.clock.sleep(5000);
      equal(again.connection.bonded, true);
      equal(again.link.frames.filter(({ channel }) => channel === SMP).length, 0);
    });
    equal(warnings(camera(), "smp"), 0);
  });

  it("the camera has lost its half: the log says so when the phone encrypts", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      const { link } = await meet();
      await link.pair();
      await link.disconnect();
      camera().aioble.security.bonds.clear();
      const again = await meet();
      await rejects(again.link.encryptWithBond(), { code: 0x06 });
    });
    equal(warnings(camera(), "wants to encrypt, but there is no bond with it: let it forget this device"), 1);
  });

  it("the other device has lost its half: bond-lost, and the log says so", async () => {
    const { world, camera } = createScene();
    const door = addAioble(world);
    await world.run(async () => {
      const meet = async () => {
        const advertised = door.aioble.advertise({ intervalUs: 100_000, name: "door" });
        const { ADDR_RANDOM, Device } = camera().aioble;
        const outgoing = await new Device(ADDR_RANDOM, door.host.ownAddress).connect();
        await advertised;
        return outgoing;
      };
      const first = await meet();
      await first.pair();
      await first.disconnect();
      door.aioble.security.bonds.clear();
      await rejects((await meet()).pair(), { code: "bond-lost" });
    });
    equal(warnings(camera(), "has no key any more: it has forgotten this device"), 1);
  });
});
