/** Event 28 of `irq`: how often, and when. */
import { IRQ_ENCRYPTION_UPDATE } from "../../firmware/bluetooth/constants.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { addAioble, MemoryRecords, reported } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

/** A camera that keeps what `IRQ_ENCRYPTION_UPDATE` said: encrypted, authenticated, bonded, key size. */
function createScene() {
  const world = createWorld(61);
  const records = new MemoryRecords();
  const camera = addAioble(world, {}, undefined, records);
  const { phone } = world.addPhone();
  const updates: unknown[][] = [];
  new camera.bluetooth.BLE().irq((event, data) => {
    if (event === IRQ_ENCRYPTION_UPDATE) updates.push([...(data as unknown as readonly unknown[])].slice(1));
  });
  camera.aioble.config({ idleTimeoutMs: 0 });
  const meet = async () => {
    const advertised = camera.aioble.advertise({ intervalUs: 100_000, name: "camera" });
    const link = await phone.connect(await phone.find({ name: "camera" }));
    return { connection: await advertised, link };
  };
  /** What was said since the last call, half a second later. */
  const said = async (): Promise<unknown[][]> => {
    await world.clock.sleep(500);
    return updates.splice(0);
  };
  return { camera, meet, records, said, world };
}

describe("bluetooth: IRQ_ENCRYPTION_UPDATE", () => {
  it("one for a pairing that makes a bond, when the bond is kept; one for each later link", async () => {
    const { meet, said, world } = createScene();
    await world.run(async () => {
      const first = await meet();
      await first.link.pair();
      deepEqual(await said(), [[1, 0, 1, 16]]);
      await first.link.disconnect();
      const second = await meet();
      equal(await second.link.encryptWithBond(), true);
      deepEqual(await said(), [[1, 0, 1, 16]]);
      // A pairing over the encrypted link is another.
      await second.link.pair();
      deepEqual(await said(), [[1, 0, 1, 16]]);
    });
  });

  it("one for a pairing without a bond", async () => {
    const { camera, meet, said, world } = createScene();
    await world.run(async () => {
      camera.aioble.config({ bond: false });
      const { link } = await meet();
      await link.pair();
      deepEqual(await said(), [[1, 0, 0, 16]]);
    });
  });

  it("one for a pairing that fails", async () => {
    const { camera, meet, said, world } = createScene();
    await world.run(async () => {
      camera.aioble.security.agent = { display: () => {} };
      const { link } = await meet();
      await rejects(link.pair({ user: { type: async () => undefined } }), { code: 0x01 });
      deepEqual(await said(), [[0, 0, 0, 0]]);
    });
  });

  it("one for a bond that cannot be kept: encrypted, and not bonded", async () => {
    const { meet, records, said, world } = createScene();
    await world.run(async () => {
      const { connection, link } = await meet();
      records.set = () => {
        throw new Error("the flash is full");
      };
      await link.pair();
      deepEqual(await said(), [[1, 0, 0, 16]]);
      equal(connection.bonded, false);
      await reported(world);
    });
  });
});
