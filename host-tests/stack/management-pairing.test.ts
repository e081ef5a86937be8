/** The pairing window that the firmware opens at power-on: the owner's way in, whatever the application has set. */
import { CHARACTERISTIC_UUID, SERVICE_UUID } from "../../firmware/update/service.ts";
import { WINDOW_MS } from "../../firmware/update/window.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { comesBack, connect, echo, POWER_ON, pairs, powerOn, RELEASE } from "../support/power-on-window.ts";
import { describe, it } from "../support/suite.ts";
import { started } from "../support/update-scene.ts";

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
