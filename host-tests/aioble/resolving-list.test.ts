/** Bonded peers with private addresses where the controller has a resolving list (Vol 6, Part B, 4.7). */
import type { Device } from "../../firmware/aioble/device.ts";
import {
  leClearResolvingList,
  leSetAddressResolutionEnable,
  leSetPrivacyMode,
} from "../../firmware/ble/hci/commands/le-privacy.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import {
  ADVERTISING,
  bond,
  checkSound,
  count,
  createScene,
  heard,
  meet,
  part,
} from "../support/private-peers.ts";
import { describe, it } from "../support/suite.ts";

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
      peer.aioble.config({ autoPair: "never" });
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
