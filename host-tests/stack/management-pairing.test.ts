/** The pairing window that the firmware opens at power-on: the owner's way in, whatever the application has set. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { UpdateFigures } from "../../firmware/platform/platform.ts";
import { CHARACTERISTIC_UUID, SERVICE_UUID } from "../../firmware/update/service.ts";
import { WINDOW_MS } from "../../firmware/update/window.ts";
import type { SimulatedPhone } from "../../simulator/world.ts";
import { ManagementClient, openManagement } from "../../tools/update/management-client.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";
import { started, type UpdateScene } from "../support/update-scene.ts";

const RELEASE: Partial<UpdateFigures> = { trustsEverybody: false };
const POWER_ON: Partial<UpdateFigures> = { ...RELEASE, pairingMs: WINDOW_MS, windowMs: WINDOW_MS };

const powerOn = (work: (scene: UpdateScene) => Promise<void>): Promise<void> =>
  started(POWER_ON, work, "power-on");

/** A device connects while the application advertises. */
async function connect({ camera }: UpdateScene, device: AiobleCamera): Promise<DeviceConnection> {
  // The device may find the firmware's own advertisement first.
  const incoming = camera.aioble.advertise({ intervalUs: 20_000, timeoutMs: 2000 }).catch(() => undefined);
  const { ADDR_RANDOM, Device } = device.aioble;
  const link = await new Device(ADDR_RANDOM, camera.host.ownAddress).connect({ timeoutMs: 5000 });
  await incoming;
  return link;
}

const echo = async (link: DeviceConnection): Promise<string> =>
  new ManagementClient((await openManagement(link))!).echo("in");

/** A device connects, pairs and says whether it may manage the camera. */
async function pairs(scene: UpdateScene, device: AiobleCamera): Promise<"manages" | "may not"> {
  const link = await connect(scene, device);
  try {
    await link.pair();
    return (await echo(link)) === "in" ? "manages" : "may not";
  } catch {
    return "may not";
  } finally {
    await link.disconnect().catch(() => undefined);
    await scene.world.clock.sleep(1100);
  }
}

/** A device that is bonded comes back with its key. */
async function comesBack(scene: UpdateScene, device: AiobleCamera): Promise<void> {
  const link = await connect(scene, device);
  await link.pair();
  equal(await echo(link), "in");
  await link.disconnect();
}

describe("management: the pairing window at power-on", () => {
  for (const pairing of ["always", "window"] as const) {
    it(`takes one device, however many come, and the owner comes back with its key: ${pairing}`, async () => {
      await powerOn(async (scene) => {
        const { camera, central, world } = scene;
        camera.aioble.config({ pairing });
        camera.aioble.security.openPairing();
        equal(await pairs(scene, central), "manages", "the owner, of an earlier window");
        camera.aioble.security.closePairing();
        camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
        const outcomes: string[] = [];
        for (let count = 0; count < 12; count++) outcomes.push(await pairs(scene, addAioble(world)));
        deepEqual(outcomes, ["manages", ...new Array<string>(11).fill("may not")]);
        await comesBack(scene, central);
      });
    });
  }

  it("one that pairs at each power-on does not push out an owner that uses its bond", async () => {
    await powerOn(async (scene) => {
      const { camera, central, world } = scene;
      equal(await pairs(scene, central), "manages");
      for (let times = 0; times < 12; times++) {
        camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
        equal(await pairs(scene, addAioble(world)), "manages");
        if (times % 4 === 0) await comesBack(scene, central);
      }
      await comesBack(scene, central);
    });
  });

  it("the same device may pair anew in it, three times; nobody else may", async () => {
    await powerOn(async (scene) => {
      const { camera, central, world } = scene;
      camera.aioble.config({ pairing: "never" });
      const outcomes: string[] = [];
      for (let times = 0; times < 5; times++) {
        outcomes.push(await pairs(scene, central));
        await central.aioble.security.bonds.clear();
      }
      deepEqual(outcomes, ["manages", "manages", "manages", "manages", "may not"]);
      equal(await pairs(scene, addAioble(world)), "may not");
    });
  });

  it("of two that pair at the same time one stays", async () => {
    await powerOn(async (scene) => {
      const { camera, central, world } = scene;
      camera.aioble.config({ pairing: "never", maxConnections: 4 });
      const links = [await connect(scene, central), await connect(scene, addAioble(world))];
      const paired = await Promise.allSettled(links.map((link) => link.pair()));
      await world.clock.sleep(1000);
      equal(camera.host.bonds!.size, 1);
      ok(paired.some(({ status }) => status === "fulfilled"));
      const may = await Promise.allSettled(links.map((link) => echo(link)));
      equal(may.filter(({ status }) => status === "fulfilled").length, 1);
      for (const link of links) await link.disconnect();
    });
  });

  it("lasts five minutes, and is not there after a reset or in a wake after somebody has paired", async () => {
    await powerOn(async (scene) => {
      scene.camera.aioble.config({ pairing: "never" });
      await scene.world.clock.sleep(WINDOW_MS + 10);
      equal(await pairs(scene, scene.central), "may not");
    });
    await started(RELEASE, async (scene) => {
      scene.camera.aioble.config({ pairing: "never" });
      equal(await pairs(scene, scene.central), "may not");
    });
    // The natives know that somebody has.
    for (const [pairingMs, expected] of [
      [WINDOW_MS, "manages"],
      [0, "may not"],
    ] as const) {
      await started(
        { ...POWER_ON, pairingMs },
        async (scene) => {
          scene.camera.aioble.config({ pairing: "never" });
          equal(await pairs(scene, scene.central), expected);
          equal(scene.pairedAtMs.length, pairingMs > 0 ? 1 : 0);
        },
        "timer",
      );
    }
  });

  it("goes on after a failure, a hang and a reset, for as long as is left of it, and for one device", async () => {
    for (const cause of ["fault", "watchdog", "software"] as const) {
      await started(
        { ...POWER_ON, pairingMs: 100_000, windowMs: 60_000 },
        async (scene) => {
          scene.camera.aioble.config({ pairing: "never" });
          await scene.world.clock.sleep(70_000);
          equal(await pairs(scene, scene.central), "manages", cause);
          equal(scene.pairedAtMs.length, 1);
          equal(await pairs(scene, addAioble(scene.world)), "may not");
          equal(scene.pairedAtMs.length, 1);
        },
        cause,
      );
      await started(
        { ...POWER_ON, pairingMs: 100_000, windowMs: 60_000 },
        async (scene) => {
          scene.camera.aioble.config({ pairing: "never" });
          await scene.world.clock.sleep(100_010);
          equal(await pairs(scene, scene.central), "may not", cause);
        },
        cause,
      );
    }
  });

  it("is open in recovery too, for one device", async () => {
    await started(
      { ...POWER_ON, running: "recovery" },
      async ({ camera, central, world }) => {
        const outcomes: string[] = [];
        for (const device of [central, addAioble(world), addAioble(world)]) {
          const { ADDR_RANDOM, Device } = device.aioble;
          const link = await new Device(ADDR_RANDOM, camera.host.ownAddress).connect({ timeoutMs: 5000 });
          await link.pair().catch(() => undefined);
          outcomes.push(
            await echo(link).then(
              () => "manages",
              () => "may not",
            ),
          );
          await link.disconnect();
          await world.clock.sleep(1000);
        }
        deepEqual(outcomes, ["manages", "may not", "may not"]);
      },
      "power-on",
    );
  });
});

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
      camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
      const owner = world.addPhone();
      equal(await phoneComes(scene, owner, "pair"), false);
      await client.disconnect();
      await world.clock.sleep(1100);
      equal(await phoneComes(scene, owner, "pair"), true);
    });
  });
});

type Setting = readonly [what: string, set: (camera: AiobleCamera) => void, attempts: number];

describe("management: an application whose settings shut everybody out", () => {
  const settings: readonly Setting[] = [
    ['pairing: "never"', ({ aioble }) => aioble.config({ pairing: "never" }), 1],
    ['pairing: "bonded"', ({ aioble }) => aioble.config({ pairing: "bonded" }), 1],
    ["secureOnly without an agent", ({ aioble }) => aioble.config({ secureOnly: true }), 1],
    ["mitm without an agent", ({ aioble }) => aioble.config({ mitm: true }), 1],
    ["bond: false", ({ aioble }) => aioble.config({ bond: false }), 1],
    [
      "an agent that refuses",
      ({ aioble }) => {
        aioble.security.agent = { accept: () => false };
      },
      2,
    ],
    [
      "an agent that never answers",
      ({ aioble }) => {
        aioble.security.agent = { accept: () => new Promise<boolean>(() => undefined) };
      },
      2,
    ],
    [
      "secureOnly with an agent that shows nothing",
      ({ aioble }) => {
        aioble.config({ secureOnly: true });
        aioble.security.agent = { display: () => undefined };
      },
      2,
    ],
    [
      "closePairing and never",
      ({ aioble }) => {
        aioble.config({ pairing: "never" });
        aioble.security.closePairing();
      },
      1,
    ],
  ];
  for (const [what, set, attempts] of settings) {
    it(`leaves the firmware's window to the owner: ${what}`, async () => {
      await powerOn(async (scene) => {
        set(scene.camera);
        const outcomes: string[] = [];
        for (let count = 0; count < attempts; count++) outcomes.push(await pairs(scene, scene.central));
        equal(outcomes.at(-1), "manages", diagnostics(scene.camera).join("\n"));
        equal(outcomes.length, attempts);
        if (attempts > 1) equal(outcomes[0], "may not", "the application comes first where it can do more");
      });
    });
  }

  it("secureOnly: the owner comes back with its key while the window is open, and with the next power-on's", async () => {
    await powerOn(async (scene) => {
      const { camera, central, world } = scene;
      camera.aioble.config({ secureOnly: true });
      equal(await pairs(scene, central), "manages");
      await comesBack(scene, central);
      await world.clock.sleep(WINDOW_MS);
      const late = await connect(scene, central);
      await rejects(late.pair(), { code: "bond-lost" });
      await late.disconnect();
      await world.clock.sleep(1000);
      camera.host.encryption!.manager.openFirmwareWindow(WINDOW_MS, () => undefined);
      await comesBack(scene, central);
    });
  });

  it("keeps what it protects by authentication: the firmware's bond is unauthenticated", async () => {
    await powerOn(async (scene) => {
      const { camera, central } = scene;
      const { Characteristic, registerServices, Service } = camera.aioble;
      camera.aioble.config({ secureOnly: true });
      const { UUID } = camera.bluetooth;
      const service = new Service(new UUID(0x1234));
      new Characteristic(service, new UUID(0x1235), {
        read: true,
        security: { read: "authenticated" },
      });
      registerServices(service);
      const link = await connect(scene, central);
      await link.pair();
      equal(await echo(link), "in");
      const found = await (await link.service(new central.bluetooth.UUID(0x1234)))!.characteristic(
        new central.bluetooth.UUID(0x1235),
      );
      await rejects(found!.read(), { name: "GattError", status: 0x05 });
      await link.disconnect();
    });
  });

  it("an agent that authenticates is asked in the window, and its bond is authenticated", async () => {
    await powerOn(async (scene) => {
      const { camera, central } = scene;
      let shown = "";
      camera.aioble.security.agent = {
        display: ({ passkey }) => {
          shown = passkey;
          return undefined;
        },
      };
      const link = await connect(scene, central);
      const input = async (): Promise<string> => {
        await scene.world.clock.sleep(1000);
        return shown;
      };
      await link.pair({ mitm: true, agent: { input } });
      ok(link.authenticated);
      equal(await echo(link), "in");
      await link.disconnect();
    });
  });

  it('secretStore: "irq" is a warning, once', async () => {
    await powerOn(async ({ camera }) => {
      const ble = new camera.bluetooth.BLE();
      ble.config({ secretStore: "irq" });
      ble.config({ secretStore: "irq" });
      equal(diagnostics(camera).filter((line) => line.includes('secretStore: "irq"')).length, 1);
    });
  });

  it("that registers the management service's UUIDs, here or by numbers, is refused, and keeps what it had", async () => {
    await powerOn(async ({ camera, connect: reach, world }) => {
      const { Characteristic, registerServices, Service } = camera.aioble;
      const { BLE, UUID } = camera.bluetooth;
      const mine = new Service(new UUID(0x1234));
      registerServices(mine);
      const decoy = new Service(SERVICE_UUID);
      const other = new Service(new UUID(0x1235));
      new Characteristic(other, CHARACTERISTIC_UUID, { notify: true });
      for (const service of [decoy, other])
        throws(() => registerServices(mine, service), { name: "RangeError" });
      const ble = new BLE();
      throws(() => ble.gattsRegisterServices([[SERVICE_UUID, []]]), { name: "RangeError" });
      ok(camera.host.gatt.hasService(new UUID(0x1234)));
      await world.clock.sleep(12_000);
      const link = await reach();
      await link.pair();
      equal(await echo(link), "in");
      await link.disconnect();
    });
  });
});
