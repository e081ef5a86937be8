/** Who else comes in the pairing window that the firmware opens at power-on: strangers, with an address of their own or a copied one. */
import { WINDOW_MS } from "../../firmware/update/window.ts";
import type { SimulatedPhone } from "../../simulator/world.ts";
import { equal, ok } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { comesBack, connect, POWER_ON, pairs, powerOn } from "../support/power-on-window.ts";
import { describe, it } from "../support/suite.ts";
import { started, type UpdateScene } from "../support/update-scene.ts";

describe("management: who else comes in the window at power-on", () => {
  /** A phone connects to what the application advertises, and pairs, or shows the key that it has. */
  async function phoneComes(
    { camera, world }: UpdateScene,
    { phone }: SimulatedPhone,
    how: "pair" | "encryptWithBond",
  ): Promise<boolean> {
    const advertising = { intervalUs: 20_000, name: "camera", timeoutMs: 2000 };
    // The phone may come by the firmware's own advertisement.
    const incoming = camera.aioble.advertise(advertising).catch(() => undefined);
    const before = new Set(camera.host.connections.values());
    const link = await phone.connect(await phone.find({ name: "camera" }));
    await incoming;
    const connection = [...camera.host.connections.values()].find((each) => !before.has(each));
    const isDone = await link[how]().then(
      (done) => done !== false,
      () => false,
    );
    await world.clock.sleep(200);
    const isBonded = isDone && connection?.security.isBonded === true;
    await link.disconnect();
    await world.clock.sleep(2000);
    return isBonded;
  }

  /** A device whose address is another's, and which has none of its keys. */
  function copyOf({ world }: UpdateScene, { phone }: SimulatedPhone): SimulatedPhone {
    const copy = world.addPhone();
    copy.phone.address.set(phone.address);
    return copy;
  }

  it("a stranger with the address of the owner, whose bond is from an earlier power-on: the bond stays, byte for byte", async () => {
    await powerOn(async (scene) => {
      const { camera, world } = scene;
      camera.aioble.config({ pairing: "never" });
      const owner = world.addPhone();
      equal(await phoneComes(scene, owner, "pair"), true);
      camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
      const before = `${camera.aioble.security.saveSecrets()}`;
      const stranger = copyOf(scene, owner);
      equal(await phoneComes(scene, stranger, "encryptWithBond"), false, "it has no key");
      for (const givesIdentity of [true, false, true]) {
        stranger.phone.security.givesIdentity = givesIdentity;
        equal(await phoneComes(scene, stranger, "pair"), false);
      }
      equal(`${camera.aioble.security.saveSecrets()}`, before);
      ok(diagnostics(camera).some((line) => line.includes("shows neither the key nor the IRK of that bond")));
      equal(await phoneComes(scene, owner, "encryptWithBond"), true);
      await world.clock.sleep(60_000);
      equal(await phoneComes(scene, owner, "pair"), true, "an owner that has lost the key has its IRK");
      equal(await phoneComes(scene, owner, "encryptWithBond"), true);
      equal(await phoneComes(scene, world.addPhone(), "pair"), false, "it has taken the window");
    });
  });

  it("a stranger with the address of the one device, in the same window: nothing once that has used its bond", async () => {
    for (const use of ["encryptWithBond", "manage"] as const) {
      await powerOn(async (scene) => {
        const { camera, central, world } = scene;
        camera.aioble.config({ pairing: "never" });
        const owner = world.addPhone();
        if (use === "manage") {
          equal(await pairs(scene, central), "manages");
          owner.phone.address.set(central.host.ownAddress);
        } else {
          equal(await phoneComes(scene, owner, "pair"), true);
          equal(await phoneComes(scene, owner, use), true);
        }
        const before = `${camera.aioble.security.saveSecrets()}`;
        const stranger = copyOf(scene, owner);
        for (let times = 0; times < 3; times++) equal(await phoneComes(scene, stranger, "pair"), false);
        equal(`${camera.aioble.security.saveSecrets()}`, before);
        if (use === "manage") return comesBack(scene, central);
        equal(await phoneComes(scene, owner, use), true);
        // One that has lost the key is still that device.
        await world.clock.sleep(60_000);
        equal(await phoneComes(scene, owner, "pair"), true);
      });
    }
  });

  it("the one device pairs anew with another IRK as long as it has not used its bond: it may have got none", async () => {
    await powerOn(async (scene) => {
      const { camera, world } = scene;
      camera.aioble.config({ pairing: "never" });
      const owner = world.addPhone();
      equal(await phoneComes(scene, owner, "pair"), true);
      const again = copyOf(scene, owner);
      equal(await phoneComes(scene, again, "pair"), true);
      equal(await phoneComes(scene, again, "encryptWithBond"), true);
      equal(await phoneComes(scene, owner, "pair"), false);
    });
  });

  it("in recovery at power-on an owner with new keys takes its place back; a stranger with its address could", async () => {
    for (const [cause, expected] of [
      ["power-on", true],
      // The application may have been made to fail.
      ["fault", false],
    ] as const) {
      await started(
        { ...POWER_ON, running: "recovery" },
        async ({ camera, world }) => {
          const comes = async (
            { phone }: SimulatedPhone,
            how: "pair" | "encryptWithBond",
          ): Promise<boolean> => {
            const link = await phone.connect(await phone.find({ address: camera.host.ownAddress }));
            const isDone = await link[how]().then(
              (done) => done !== false,
              () => false,
            );
            await world.clock.sleep(200);
            const [connection] = camera.host.connections.values();
            const isBonded = isDone && connection?.security.isBonded === true;
            await link.disconnect();
            await world.clock.sleep(2000);
            return isBonded;
          };
          const owner = world.addPhone();
          const { manager } = camera.host.encryption!;
          const replaces = !manager.firmwareWindow!.asksProof({
            addressType: 1,
            address: owner.phone.address,
          });
          equal(replaces, expected);
          equal(await comes(owner, "pair"), true);
          manager.openFirmwareWindow(WINDOW_MS, () => undefined, replaces);
          const renewed = world.addPhone();
          renewed.phone.address.set(owner.phone.address);
          equal(await comes(renewed, "pair"), expected);
          equal(await comes(renewed, "encryptWithBond"), expected);
          equal(await comes(owner, "encryptWithBond"), !expected);
        },
        cause,
      );
    }
  });

  it("a stranger with the address of an owner whose bond is authenticated: the bond stays, byte for byte", async () => {
    await powerOn(async (scene) => {
      const { camera, world } = scene;
      const owner = world.addPhone();
      camera.aioble.security.agent = { display: () => {}, compare: () => true };
      equal(await phoneComes(scene, owner, "pair"), true);
      camera.aioble.security.agent = undefined;
      camera.aioble.config({ pairing: "never" });
      equal(camera.aioble.security.bonds.list()[0]!.authenticated, true);
      camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
      const before = `${camera.aioble.security.saveSecrets()}`;
      equal(await phoneComes(scene, copyOf(scene, owner), "pair"), false);
      equal(`${camera.aioble.security.saveSecrets()}`, before);
      equal(await phoneComes(scene, owner, "encryptWithBond"), true);
      // And the window is still there for somebody else.
      equal(await phoneComes(scene, world.addPhone(), "pair"), true);
    });
  });

  it("maxBonds: 1: one power-on is enough for a stranger to push the owner out, and one for the owner to come back", async () => {
    await powerOn(async (scene) => {
      const { camera, world } = scene;
      camera.aioble.config({ maxBonds: 1, pairing: "never" });
      const [owner, stranger] = [world.addPhone(), world.addPhone()];
      for (const phone of [owner, stranger, owner]) {
        camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
        equal(await phoneComes(scene, phone, "pair"), true);
        equal(camera.host.bonds!.size, 1);
        equal(await phoneComes(scene, phone, "encryptWithBond"), true);
      }
    });
  });

  it("maxBonds: 1, and the application's client holds its link: the owner gets no bond until that has gone", async () => {
    await powerOn(async (scene) => {
      const { camera, central, world } = scene;
      camera.aioble.config({ maxBonds: 1, maxConnections: 2, pairing: "always" });
      camera.aioble.security.openPairing();
      const client = await connect(scene, central);
      await client.pair();
      // Until the camera has kept the bond.
      await world.clock.sleep(1000);
      camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
      const owner = world.addPhone();
      equal(await phoneComes(scene, owner, "pair"), false);
      await client.disconnect();
      await world.clock.sleep(1100);
      equal(await phoneComes(scene, owner, "pair"), true);
    });
  });
});
