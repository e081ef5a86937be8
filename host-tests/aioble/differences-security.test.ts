/** What docs/differences.md says of pairing, row by row. */
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 100_000, name: "camera" };

/** Two cameras that meet again and again. */
function createScene(seed = 31) {
  const world = createWorld(seed);
  const [central, peripheral] = [addAioble(world), addAioble(world)];
  const meet = async () => {
    const advertised = peripheral.aioble.advertise(ADVERTISING);
    const { ADDR_RANDOM, Device } = central.aioble;
    const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    return { outgoing, incoming: await advertised };
  };
  return { world, central, peripheral, meet };
}

describe("differences: pairing", () => {
  for (const by of ["central", "peripheral"] as const) {
    it(`pair() of the ${by} encrypts the link, and bonds both (C15)`, async () => {
      const { world, meet } = createScene();
      await world.run(async () => {
        const { incoming, outgoing } = await meet();
        await (by === "central" ? outgoing : incoming).pair();
        await world.clock.sleep(500);
        deepEqual([outgoing.bonded, incoming.bonded], [true, true]);
      });
    });
  }

  it("⚠ 8: a pairing that fails rejects at once, with the reason and what to do", async () => {
    const { world, meet, peripheral } = createScene();
    peripheral.aioble.config({ pairing: "never" });
    await world.run(async () => {
      const { outgoing } = await meet();
      const beganMs = world.clock.now();
      await rejects(outgoing.pair(), { name: "PairingError", code: "pairing-failed", reason: 0x05 });
      ok(world.clock.now() - beganMs < 1000);
    });
  });

  it("⚠ 8: a central types and shows passkeys, and compares numbers", async () => {
    for (const kind of ["types", "shows", "compares"] as const) {
      const { world, central, meet, peripheral } = createScene();
      let show: (passkey: string) => void = () => {};
      const shown = new Promise<string>((resolve) => {
        show = resolve;
      });
      const display = ({ passkey }: { readonly passkey: string }): void => show(passkey);
      const [input, compare] = [() => shown, () => true];
      central.aioble.security.agent =
        kind === "types" ? { input } : kind === "shows" ? { display } : { display, compare };
      peripheral.aioble.security.agent =
        kind === "types" ? { display } : kind === "shows" ? { input } : { display, compare };
      await world.run(async () => {
        const { outgoing } = await meet();
        await outgoing.pair({ mitm: true });
        equal(outgoing.authenticated, true);
      });
    }
  });

  it("⚠ 8: a pairing that a device begins leaves a bond, without any config", async () => {
    const { world, meet, peripheral } = createScene();
    await world.run(async () => {
      const { outgoing } = await meet();
      await outgoing.pair();
      await world.clock.sleep(500);
      equal(peripheral.aioble.security.bonds.size, 1);
    });
  });

  it("⚠ 8: who pairs again without the key of the bond does not delete it", async () => {
    const { world, central, meet, peripheral } = createScene();
    await world.run(async () => {
      const { outgoing } = await meet();
      await outgoing.pair();
      await outgoing.disconnect();
      const before = peripheral.aioble.security.saveSecrets();
      // The same address, and no key.
      central.aioble.security.bonds.clear();
      const again = await meet();
      await rejects(again.outgoing.pair(), { code: "pairing-failed", reason: 0x05 });
      equal(peripheral.aioble.security.saveSecrets(), before);
    });
  });
});
