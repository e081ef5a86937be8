/** Bonded peers with private addresses where the controller has no resolving list, or refuses it: the host resolves them. */
import type { Device } from "../../firmware/aioble/device.ts";
import {
  leAddDeviceToResolvingList,
  leSetAddressResolutionEnable,
  leSetPrivacyMode,
} from "../../firmware/ble/hci/commands/le-privacy.ts";
import { leCreateConnection } from "../../firmware/ble/hci/commands/le-scanning.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { equal, ok, rejects } from "../support/assert.ts";
import { bondOf, identityOf, keyOf } from "../support/bonds.ts";
import {
  ADVERTISING,
  bond,
  checkSound,
  count,
  createScene,
  heard,
  LL_PRIVACY,
  part,
  type Scene,
} from "../support/private-peers.ts";
import { describe, it } from "../support/suite.ts";

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
