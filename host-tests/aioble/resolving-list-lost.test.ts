/** What is on the air when the controller loses its resolving list, or gets it. */
import {
  leAddDeviceToResolvingList,
  leClearResolvingList,
  leSetAddressResolutionEnable,
} from "../../firmware/ble/hci/commands/le-privacy.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { deepEqual, ok, rejects } from "../support/assert.ts";
import { bondOf, identityOf } from "../support/bonds.ts";
import { addAioble } from "../support/cameras.ts";
import {
  ADVERTISING,
  bond,
  checkSound,
  createScene,
  LL_PRIVACY,
  part,
  type Scene,
} from "../support/private-peers.ts";
import { describe, it } from "../support/suite.ts";

describe("the controller's resolving list: what is on the air when it is lost", () => {
  /** What happens to the list while something is on the air; the peer has another address then. */
  const LOSSES: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
    [
      "another bond comes, and the controller refuses to fill it",
      async ({ camera }) => {
        const { opcode } = leAddDeviceToResolvingList;
        camera.controller.faults.refuse = new Map([[opcode, HCI_STATUS.MEMORY_CAPACITY_EXCEEDED]]);
        camera.host.bonds!.keep(bondOf(1, { ownIdentity: camera.host.identities.own }));
      },
    ],
    [
      "another bond comes, and the controller refuses to clear it",
      async ({ camera }) => {
        const { opcode } = leClearResolvingList;
        camera.controller.faults.refuse = new Map([[opcode, HCI_STATUS.COMMAND_DISALLOWED]]);
        camera.host.bonds!.keep(bondOf(1, { ownIdentity: camera.host.identities.own }));
      },
    ],
    [
      "more bonds come than it has room for",
      async ({ camera }) => {
        for (let seed = 1; seed <= 2; seed++)
          camera.host.bonds!.keep(bondOf(seed, { ownIdentity: camera.host.identities.own }));
      },
    ],
    [
      "the controller is reset, and refuses to fill it again",
      async ({ camera, world }) => {
        const { opcode } = leSetAddressResolutionEnable;
        camera.controller.faults.refuse = new Map([[opcode, HCI_STATUS.MEMORY_CAPACITY_EXCEEDED]]);
        camera.controller.reportHardwareError(1);
        await world.clock.sleep(500);
      },
    ],
    [
      "the controller is reset, and has it again",
      async ({ camera, world }) => {
        camera.controller.reportHardwareError(1);
        await world.clock.sleep(500);
      },
    ],
  ];

  const createSmall = (): Scene => createScene({ ...LL_PRIVACY, resolvingListSize: 2 });

  for (const [name, lose] of LOSSES) {
    it(`${name}: a scan for some devices goes on`, async () => {
      const scene = createSmall();
      const { camera, peer, world } = scene;
      const stranger = addAioble(world);
      await world.run(async () => {
        const identity = await bond(scene);
        void stranger.aioble.broadcast({ intervalUs: 100_000, name: "stranger" });
        const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 90_000 });
        const listening = { intervalUs: 100_000, windowUs: 100_000, durationMs: 80_000 };
        const startMs = world.clock.now();
        let isLost = false;
        let after = 0;
        for await (const { device } of camera.aioble.scan({
          ...listening,
          devices: [identity],
          duplicates: "packets",
        })) {
          ok(device.equals(identity));
          if (!isLost) await lose(scene);
          isLost = true;
          if (world.clock.now() - startMs > 61_000) after++;
        }
        ok(after > 100, `${after} packets heard under the next address`);
        await rejects(advertised, { name: "TimeoutError" });
      });
      deepEqual(camera.controller.violations, []);
    });

    it(`${name}: a device that is looked for is found`, async () => {
      const scene = createSmall();
      const { camera, peer, world } = scene;
      await world.run(async () => {
        const identity = await bond(scene);
        const search = identity.connect({ timeoutMs: 120_000 });
        await world.clock.sleep(1000);
        await lose(scene);
        await world.clock.sleep(61_000);
        const advertised = peer.aioble.advertise(ADVERTISING);
        const outgoing = await search;
        const incoming = await advertised;
        await outgoing.pair();
        ok(incoming.bonded);
        await part({ outgoing, incoming });
      });
      deepEqual(camera.controller.violations, []);
    });

    it(`${name}: advertising goes on, directed too`, async () => {
      const scene = createSmall();
      const { camera, peer, world } = scene;
      await world.run(async () => {
        const identity = await bond(scene);
        const own = new peer.aioble.Device(1, camera.host.ownAddress);
        for (const directedTo of [undefined, identity]) {
          // Where nobody resolves, directed advertising reaches the identity alone.
          if (directedTo) peer.aioble.config({ addrMode: 1 });
          camera.controller.faults.refuse = new Map();
          const advertised = camera.aioble.advertise({ intervalUs: 100_000, directedTo });
          await world.clock.sleep(1000);
          await lose(scene);
          await world.clock.sleep(1000);
          const outgoing = await own.connect();
          const incoming = await advertised;
          await outgoing.pair();
          ok(incoming.bonded);
          await part({ outgoing, incoming });
        }
      });
      deepEqual(camera.controller.violations, []);
    });
  }

  it("a scan for more devices than the accept list holds stays with the host when the list comes", async () => {
    const scene = createScene({ ...LL_PRIVACY, acceptListSize: 1 });
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      const { opcode } = leAddDeviceToResolvingList;
      camera.controller.faults.refuse = new Map([[opcode, HCI_STATUS.MEMORY_CAPACITY_EXCEEDED]]);
      camera.host.bonds!.keep(bondOf(1, { ownIdentity: camera.host.identities.own }));
      await world.clock.sleep(100);
      const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 20_000 });
      const devices = [identity, new camera.aioble.Device(1, "c0:00:00:00:00:01")];
      let found = 0;
      for await (const _ of camera.aioble.scan({
        ...{ intervalUs: 100_000, windowUs: 100_000, durationMs: 10_000 },
        ...{ devices, duplicates: "packets" as const },
      })) {
        if (++found > 1) continue;
        camera.controller.faults.refuse = new Map();
        camera.host.bonds!.forget(identityOf(1));
      }
      ok(found > 50, `${found} packets`);
      await rejects(advertised, { name: "TimeoutError" });
    });
    checkSound(scene);
  });

  it("a device that becomes a bonded one during a scan for it is still heard under its next address", async () => {
    for (const options of [LL_PRIVACY, {}]) {
      const scene = createScene(options);
      const { camera, peer, world } = scene;
      await world.run(async () => {
        peer.aioble.config({ addrMode: 1 });
        const identity = new camera.aioble.Device(1, peer.host.ownAddress);
        const packets = { intervalUs: 100_000, windowUs: 100_000, duplicates: "packets" as const };
        let isBonded = false;
        let after = 0;
        const scan = (async () => {
          for await (const { device } of camera.aioble.scan({
            ...packets,
            devices: [identity],
            durationMs: 20_000,
          })) {
            ok(device.equals(identity));
            if (isBonded) after++;
          }
        })();
        const first = peer.aioble.advertise(ADVERTISING);
        const outgoing = await identity.connect();
        const incoming = await first;
        await outgoing.pair();
        await part({ outgoing, incoming });
        isBonded = true;
        peer.aioble.config({ addrMode: 2 });
        const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 10_000 });
        await rejects(advertised, { name: "TimeoutError" });
        await scan;
        ok(after > 50, `${after} packets`);
      });
      checkSound(scene);
    }
  });
});
