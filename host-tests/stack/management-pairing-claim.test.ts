/** A device that was bonded outside of a window, and comes in the one of power-on: its key is as good as pairing anew. */
import { WINDOW_MS } from "../../firmware/update/window.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { comesBack, connect, echo, pairs, powerOn } from "../support/power-on-window.ts";
import { describe, it } from "../support/suite.ts";
import type { UpdateScene } from "../support/update-scene.ts";

/** The supply comes again, while the devices are away. */
const switchOn = ({ camera }: UpdateScene, durationMs = WINDOW_MS): void =>
  camera.host.encryption!.manager.openFirmwareWindow(durationMs, () => undefined);

/** What a bond is good for: of each, whether somebody attended it, and whether it is from a window. */
const rights = ({ camera }: UpdateScene) =>
  camera.host.bonds!.all().map(({ isAttended, isFromWindow }) => [isAttended, isFromWindow]);

/** Runs `work` with a camera whose window has closed, and which is bonded with the central: that may do nothing by it. */
const bonded = (work: (scene: UpdateScene) => Promise<void>, set?: (camera: AiobleCamera) => void) =>
  powerOn(async (scene) => {
    const { camera, central, world } = scene;
    set?.(camera);
    await world.clock.sleep(WINDOW_MS + 10);
    equal(await pairs(scene, central), "may not");
    deepEqual(rights(scene), [[false, false]]);
    await work(scene);
  });

describe("management: a bond without rights in the window at power-on", () => {
  it("manages the camera once it has proved its key there, and from then on", async () => {
    await bonded(async (scene) => {
      const { central, world } = scene;
      const late = await connect(scene, central);
      await late.pair();
      await rejects(echo(late), { rc: 11 });
      await late.disconnect();
      await world.clock.sleep(1100);
      switchOn(scene, 20_000);
      await comesBack(scene, central);
      deepEqual(rights(scene), [[true, true]]);
      equal(await pairs(scene, addAioble(world)), "may not", "the window has its device");
      await world.clock.sleep(20_000);
      await comesBack(scene, central);
    });
  });

  it("gets nothing for a key whose bond another one has replaced meanwhile, which stays", async () => {
    await bonded(async (scene) => {
      const { camera, central } = scene;
      switchOn(scene);
      const link = await connect(scene, central);
      await link.pair();
      const bonds = camera.host.bonds!;
      const [former] = bonds.all();
      const key = { ...former!.keyAsPeripheral!, key: new Uint8Array(16).fill(9) };
      bonds.keep({ ...former!, keyAsPeripheral: key, keyAsCentral: key });
      const [replacing] = bonds.all();
      await rejects(echo(link), { rc: 11 });
      equal(bonds.all()[0], replacing);
      deepEqual(rights(scene), [[false, false]]);
      await link.disconnect();
    });
  });

  it("takes the window by asking for something: clients of the application come back and leave it to the owner", async () => {
    await bonded(async (scene) => {
      const { central, world } = scene;
      switchOn(scene);
      const link = await connect(scene, central);
      await link.pair();
      await link.disconnect();
      await world.clock.sleep(1100);
      deepEqual(rights(scene), [[false, false]]);
      equal(await pairs(scene, addAioble(world)), "manages");
    });
  });

  it("gets nothing where another device has the window, and nothing by a link that is not encrypted", async () => {
    await bonded(async (scene) => {
      const { camera, central, world } = scene;
      switchOn(scene);
      equal(await pairs(scene, addAioble(world)), "manages");
      equal(await pairs(scene, central), "may not");
      switchOn(scene);
      central.aioble.config({ autoPair: "never" });
      await connect(scene, central);
      const [own] = camera.host.connections.values();
      equal(camera.host.encryption!.claimWindow(own!), false);
    });
  });

  it("gets nothing over a link that the application has made", async () => {
    await bonded(async (scene) => {
      const { camera, central, world } = scene;
      switchOn(scene);
      const incoming = central.aioble.advertise({ intervalUs: 20_000 });
      const { ADDR_RANDOM, Device } = camera.aioble;
      await new Device(ADDR_RANDOM, central.host.ownAddress).connect({ timeoutMs: 5000 });
      const link = await incoming;
      await world.clock.sleep(1000);
      ok(link.bonded);
      await rejects(echo(link), { rc: 11 });
      deepEqual(rights(scene), [[false, false]]);
    });
  });

  it("gets nothing for a key of legacy pairing, which whoever heard that has too", async () => {
    await bonded(
      async (scene) => {
        switchOn(scene);
        equal(await pairs(scene, scene.central), "may not");
        deepEqual(rights(scene), [[false, false]]);
      },
      ({ aioble }) => aioble.config({ leSecure: false }),
    );
  });

  it("gets nothing where flash fails, and the window stays open", async () => {
    await bonded(async (scene) => {
      const { camera, central } = scene;
      switchOn(scene);
      const { records } = camera.host;
      const set = records.set.bind(records);
      records.set = () => {
        throw new Error("flash fails");
      };
      equal(await pairs(scene, central), "may not");
      records.set = set;
      await comesBack(scene, central);
    });
  });
});
