/** Bonded peers with private addresses where the controller has a resolving list (Vol 6, Part B, 4.7). */
import type { Device } from "../../firmware/aioble/device.ts";
import {
  leAddDeviceToResolvingList,
  leClearResolvingList,
  leSetAddressResolutionEnable,
  leSetPrivacyMode,
} from "../../firmware/ble/hci/commands/le-privacy.ts";
import { leCreateConnection } from "../../firmware/ble/hci/commands/le-scanning.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { bondOf, identityOf, keyOf } from "../support/bonds.ts";
import { addAioble } from "../support/cameras.ts";
import {
  ADVERTISING,
  bond,
  checkSound,
  createScene,
  heard,
  LL_PRIVACY,
  meet,
  part,
  type Scene,
} from "../support/private-peers.ts";
import { describe, it } from "../support/suite.ts";

/** How often each of these commands came since `from`. */
function count({ camera }: Scene, opcode: number, from = 0): number {
  return camera.controller.commands.slice(from).filter((sent) => sent === opcode).length;
}

describe("the controller's resolving list", () => {
  it("a bonded peer is found by its identity alone, under each of its addresses, and encrypts by its bond", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const identity = await bond(scene);
      equal(identity.resolved, false);
      const { camera, peer, world } = scene;
      for (let turn = 0; turn < 3; turn++) {
        await world.clock.sleep(61_000);
        const advertised = peer.aioble.advertise(ADVERTISING);
        const outgoing = await identity.connect();
        const incoming = await advertised;
        ok(outgoing.device.equals(identity));
        ok(outgoing.device.resolved);
        // What the air had, of which the keys of a pairing are made.
        equal(outgoing.device.airAddr[0]! >> 6, 1);
        await outgoing.pair();
        ok(incoming.bonded);
        await part({ outgoing, incoming });
      }
      equal(camera.aioble.security.bonds.size, 1);
    });
    checkSound(scene);
  });

  it("a scan says who it is, and that its address was resolved; strangers keep theirs", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    const stranger = addAioble(world);
    await world.run(async () => {
      const identity = await bond(scene);
      const beacon = stranger.aioble.broadcast({ intervalUs: 100_000, name: "stranger" });
      const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 10_000 });
      const seen = new Map<string | undefined, Device>();
      for await (const { device, name } of heard(camera)) seen.set(name, device);
      const known = seen.get("camera")!;
      ok(known.equals(identity));
      equal(known.resolved, true);
      equal(seen.get("stranger")!.resolved, false);
      deepEqual(seen.get("stranger")!.addr, stranger.host.ownAddress);
      await rejects(advertised, { name: "TimeoutError" });
      await (await beacon).stop();
    });
    checkSound(scene);
  });

  it("scan({ devices }) leaves the filtering to the controller's accept list", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    const stranger = addAioble(world);
    await world.run(async () => {
      const identity = await bond(scene);
      void stranger.aioble.broadcast({ intervalUs: 100_000, name: "stranger" });
      const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 10_000 });
      let reports = 0;
      camera.host.scanner!.watch({ onReport: () => reports++, onScanDone() {} });
      const names = new Set<string | undefined>();
      for await (const { name } of heard(camera, [identity])) names.add(name);
      deepEqual([...names], ["camera"]);
      ok(reports > 20 && reports < 40, `${reports} reports of one advertiser in 3 s`);
      await rejects(advertised, { name: "TimeoutError" });
    });
    checkSound(scene);
  });

  for (const [name, addrMode] of [
    ["static", 1],
    ["private", 2],
    ["public", 0],
  ] as const) {
    it(`directed advertising from a ${name} address reaches a bonded peer with private addresses, and they pair anew`, async () => {
      const scene = createScene();
      const { camera, peer, world } = scene;
      camera.aioble.config({ addrMode });
      await world.run(async () => {
        const identity = await bond(scene);
        const own = [...peer.aioble.security.bonds.list()][0]!.device;
        await world.clock.sleep(61_000);
        const advertised = camera.aioble.advertise({ intervalUs: 100_000, directedTo: identity });
        const outgoing = await new peer.aioble.Device(own.addrType, own.addr).connect();
        const incoming = await advertised;
        ok(incoming.device.equals(identity));
        ok(incoming.device.resolved);
        // The controller makes an address of the camera's key, too, which the peer has.
        equal(outgoing.device.resolved, true);
        // A pairing, whose keys are made of the addresses that both had on the air.
        peer.aioble.security.bonds.clear();
        camera.aioble.security.bonds.clear();
        await outgoing.pair();
        equal(incoming.encrypted, true);
        await part({ outgoing, incoming });
      });
      checkSound(scene);
    });
  }

  it("a peer that connects is known by its identity before its link is encrypted", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      const advertised = camera.aioble.advertise(ADVERTISING);
      const outgoing = await new peer.aioble.Device(1, camera.host.ownAddress).connect();
      const incoming = await advertised;
      ok(incoming.device.equals(identity));
      equal(incoming.bonded, false);
      await outgoing.pair();
      equal(incoming.bonded, true);
    });
    checkSound(scene);
  });

  it("a bonded peer that goes back to its identity address is not shut out: device privacy", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      peer.aioble.config({ addrMode: 1 });
      const advertised = peer.aioble.advertise(ADVERTISING);
      const outgoing = await identity.connect();
      await advertised;
      await outgoing.pair();
      equal(outgoing.device.resolved, false);
      ok(count(scene, leSetPrivacyMode.opcode) > 0);
      equal(camera.aioble.security.bonds.size, 1);
    });
    checkSound(scene);
  });

  it("it is filled at every start and after a loss of the controller, and changes only while nothing runs", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      await camera.aioble.stop();
      // On the air before the list is there: what runs makes way, and goes on.
      const beacon = camera.aioble.broadcast({ intervalUs: 100_000, name: "beacon" });
      const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 60_000 });
      const outgoing = await identity.connect();
      const incoming = await advertised;
      await part({ outgoing, incoming });
      camera.controller.reportHardwareError(1);
      await world.clock.sleep(1000);
      const again = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 60_000 });
      await identity.connect();
      await again;
      await (await beacon).stop();
    });
    deepEqual(camera.controller.violations, []);
  });

  it("a bond that is deleted leaves it, while a scan goes on; the next enters it", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 20_000 });
      const kinds: boolean[] = [];
      for await (const { device, name } of heard(camera)) {
        if (name !== "camera") continue;
        if (kinds.length === 0) camera.aioble.security.bonds.delete(identity);
        if (kinds.at(-1) !== device.resolved) kinds.push(device.resolved);
      }
      deepEqual(kinds, [true, false]);
      await rejects(advertised, { name: "TimeoutError" });
      await peer.aioble.security.bonds.clear();
      await bond(scene);
      const anew = peer.aioble.advertise(ADVERTISING);
      await identity.connect();
      await anew;
    });
    checkSound(scene);
  });

  it("it is not touched by what does not change it, and without bonds by nothing", async () => {
    const scene = createScene();
    const { camera, world } = scene;
    await world.run(async () => {
      await camera.host.activate();
      await world.clock.sleep(1000);
      equal(count(scene, leSetAddressResolutionEnable.opcode), 0);
      const first = await meet(scene);
      await first.outgoing.pair();
      await part(first);
      const from = camera.controller.commands.length;
      camera.aioble.config({ gapName: "other", mtu: 100 });
      const again = await meet(scene);
      await again.outgoing.pair();
      await part(again);
      equal(count(scene, leClearResolvingList.opcode, from), 0);
      equal(count(scene, leSetAddressResolutionEnable.opcode, from), 0);
    });
    checkSound(scene);
  });
});

describe("the controller's resolving list: where it cannot be used the host resolves", () => {
  /** Whether the peer is found under its private address, known and connected. */
  async function checkHostResolves(scene: Scene, identity: Device): Promise<void> {
    const { peer, world } = scene;
    await world.clock.sleep(61_000);
    const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 20_000 });
    let found: Device | undefined;
    for await (const { device } of heard(scene.camera, [identity])) found ??= device;
    ok(found?.equals(identity));
    ok(!found!.isOnAirAt(identity.addr), "the host knows the address on the air");
    const outgoing = await found!.connect();
    const incoming = await advertised;
    await outgoing.pair();
    ok(incoming.bonded);
    await part({ outgoing, incoming });
  }

  for (const [name, lacking] of [
    ["the feature", undefined],
    ["privacy modes, which would shut out peers under their identity", leSetPrivacyMode.opcode],
    ["a way to fill it", leAddDeviceToResolvingList.opcode],
  ] as const) {
    it(`a controller without ${name}`, async () => {
      const scene = createScene(lacking === undefined ? {} : { ...LL_PRIVACY, unsupported: [lacking] });
      await scene.world.run(async () => checkHostResolves(scene, await bond(scene)));
      equal(count(scene, leAddDeviceToResolvingList.opcode), 0);
      checkSound(scene);
    });
  }

  it("a list that has no room for all bonds holds none; it is used again when one is deleted", async () => {
    const scene = createScene({ ...LL_PRIVACY, resolvingListSize: 1 });
    const { camera, peer, world } = scene;
    camera.host.bonds!.keep(bondOf(1, { ownIdentity: camera.host.identities.own }));
    await world.run(async () => {
      const identity = await bond(scene);
      await checkHostResolves(scene, identity);
      equal(count(scene, leCreateConnection.opcode) > 0, true);
      camera.host.bonds!.forget(identityOf(1));
      const advertised = peer.aioble.advertise(ADVERTISING);
      await identity.connect();
      await advertised;
    });
    checkSound(scene);
  });

  it("one that the controller refuses by name is left to the host, the others are not", async () => {
    const scene = createScene();
    const { camera, peer, world } = scene;
    // Two bonds with one key: no controller takes both.
    for (const seed of [1, 2])
      camera.host.bonds!.keep(bondOf(seed, { ownIdentity: camera.host.identities.own, irk: keyOf(7) }));
    await world.run(async () => {
      const identity = await bond(scene);
      const advertised = peer.aioble.advertise(ADVERTISING);
      await identity.connect();
      await advertised;
      equal(camera.host.identities.isResolvedHere(1, identityOf(1).address), false);
      equal(camera.host.identities.isResolvedHere(1, identityOf(2).address), true);
    });
    checkSound(scene);
  });

  for (const { name, opcode } of [
    leAddDeviceToResolvingList,
    leSetPrivacyMode,
    leSetAddressResolutionEnable,
  ]) {
    it(`a controller that refuses ${name}`, async () => {
      const scene = createScene();
      scene.camera.controller.faults.refuse = new Map([[opcode, HCI_STATUS.MEMORY_CAPACITY_EXCEEDED]]);
      await scene.world.run(async () => checkHostResolves(scene, await bond(scene)));
      checkSound(scene);
    });
  }

  it("a controller that takes all and resolves nothing is found out by the first packet", async () => {
    const scene = createScene();
    const { camera } = scene;
    await scene.world.run(async () => {
      const identity = await bond(scene);
      // Answers as if it did.
      const receive = camera.controller.receive.bind(camera.controller);
      camera.controller.receive = (packet) => {
        const isEnable = packet[0] === 1 && packet[1] === 0x2d && packet[2] === 0x20;
        receive(isEnable ? Uint8Array.of(1, 0x2d, 0x20, 1, 0) : packet);
      };
      await camera.aioble.stop();
      for await (const _ of heard(camera)) break;
      const advertised = scene.peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 5000 });
      for await (const { device } of heard(camera)) if (device.equals(identity)) break;
      await rejects(advertised, { name: "TimeoutError" });
      await checkHostResolves(scene, identity);
    });
    checkSound(scene);
  });
});

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
