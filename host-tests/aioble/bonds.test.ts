import { UUID } from "../../firmware/ble/uuid.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import type { SimulatedPhone, World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import {
  ADVERTISING,
  AUTHENTICATION,
  createScene,
  ENCRYPTION,
  OTHER,
  offerValue,
  part,
  remote,
} from "../support/bonding-cameras.ts";
import { sealed } from "../support/bonds.ts";
import { type AiobleCamera, addAioble, diagnostics, reported } from "../support/cameras.ts";
import { byte } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

describe("bonds: a camera that starts again", () => {
  it("encrypts with the bond, without pairing; subscriptions hold, and nothing is sent before (C3)", async () => {
    let offered: ReturnType<typeof offerValue> | undefined;
    const subscribed: boolean[] = [];
    const scene = createScene((camera) => {
      offered = offerValue(camera, { security: "encrypted" });
      offered.onSubscribe = (_connection, { notify }) => void subscribed.push(notify);
    });
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      await (await remote(first.outgoing)).subscribe({ notify: true });
      await part(first);
      deepEqual(subscribed.splice(0), [true, false]);
      const records = scene.records.keys().sort();
      deepEqual(records, ["address", "bond.0", "irk", "peer.1"]);

      await scene.restart();
      equal(scene.camera.aioble.security.loadSecrets(), 1, "loaded by themselves (C3)");
      scene.central.aioble.config({ autoPair: "never" });
      const second = await scene.meet();
      equal(second.incoming.bonded, false, "an address proves nothing");
      equal(offered!.write(byte(8), { sendUpdate: true }), 0);
      deepEqual(offered!.subscribers, []);
      const key = scene.records.get("bond.0");
      const value = await remote(second.outgoing);
      const told = value.notified({ timeoutMs: 5000 });
      await second.outgoing.pair();
      ok(second.incoming.encrypted && second.incoming.bonded);
      deepEqual(scene.records.get("bond.0"), key, "no other key");
      deepEqual(subscribed, [true]);
      equal(offered!.write(byte(9), { sendUpdate: true }), 1);
      deepEqual(await told, byte(9));
      deepEqual(diagnostics(scene.camera), []);
    });
  });

  it("another application: Service Changed is sent once the link is encrypted, and what is gone is not subscribed", async () => {
    const scene = createScene((camera) => void offerValue(camera));
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      const generic = await first.outgoing.service(new UUID(0x1801));
      const serviceChanged = await generic!.characteristic(new UUID(0x2a05));
      await serviceChanged!.subscribe({ indicate: true });
      await (await remote(first.outgoing)).subscribe({ notify: true });
      await part(first);
      let offered: ReturnType<typeof offerValue> | undefined;
      await scene.restart((camera) => {
        offered = offerValue(camera, {}, OTHER);
      });
      scene.central.aioble.config({ autoPair: "never" });
      const second = await scene.meet();
      const found = await (await second.outgoing.service(new UUID(0x1801)))!.characteristic(new UUID(0x2a05));
      const told = found!.indicated({ timeoutMs: 5000 });
      await second.outgoing.pair();
      deepEqual(await told, new Uint8Array([1, 0, 0xff, 0xff]));
      deepEqual(offered!.subscribers, []);
    });
  });

  it("a bond that the camera deleted is none: the link is plain, and the next pairing makes another", async () => {
    const scene = createScene((camera) => void offerValue(camera, { security: "encrypted" }));
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      await reported(scene.world);
      const { security } = scene.camera.aioble;
      equal(security.bonds.delete(first.incoming.device), true);
      equal(security.bonds.delete(first.incoming.device), false);
      equal(first.incoming.bonded, false);
      await part(first);
      const second = await scene.meet();
      await rejects(second.outgoing.pair(), { code: "bond-lost" });
      scene.central.aioble.security.bonds.clear();
      const third = second.outgoing.isConnected() ? second : await scene.meet();
      await third.outgoing.pair();
      await reported(scene.world);
      equal(third.incoming.bonded, true);
    });
  });
});

describe("bonds: one that is given up for another", () => {
  it("is none on a link that it has not encrypted: what is protected asks for a pairing, and not for the key", async () => {
    const scene = createScene((camera) => {
      camera.aioble.config({ maxBonds: 1, maxConnections: 2, securityRequestMs: 0 });
      offerValue(camera, { security: "encrypted" });
    });
    const other = addAioble(scene.world);
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      await part(first);
      scene.central.aioble.config({ autoPair: "never" });
      const { outgoing } = await scene.meet();
      const value = await remote(outgoing);
      await rejects(value.read(), { status: ENCRYPTION });
      const advertised = scene.camera.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = other.aioble;
      const another = await new Device(ADDR_RANDOM, scene.camera.host.ownAddress).connect();
      await advertised;
      await another.pair();
      await rejects(value.read(), { status: AUTHENTICATION });
      equal(scene.camera.aioble.security.bonds.size, 1);
    });
  });

  it("is never one that encrypts a link, and a bond that goes takes nothing from a link of another", async () => {
    const scene = createScene((camera) => camera.aioble.config({ maxBonds: 1, maxConnections: 2 }));
    const other = addAioble(scene.world);
    await scene.world.run(async () => {
      const { incoming, outgoing } = await scene.meet();
      await outgoing.pair();
      await reported(scene.world);
      const advertised = scene.camera.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = other.aioble;
      const another = await new Device(ADDR_RANDOM, scene.camera.host.ownAddress).connect();
      await advertised;
      await rejects(another.pair(), { code: "pairing-failed" });
      deepEqual([incoming.bonded, scene.camera.aioble.security.bonds.size], [true, 1]);
      scene.camera.aioble.config({ maxBonds: 4 });
      await another.pair();
      await reported(scene.world);
      equal(scene.camera.aioble.security.bonds.delete((await advertised).device), true);
      deepEqual([incoming.bonded, (await advertised).bonded], [true, false]);
    });
  });
});

describe("bonds: security.bonds and secrets", () => {
  it("lists who is bonded, the last that was used first, without a key", async () => {
    const scene = createScene();
    const other = addAioble(scene.world);
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      await reported(scene.world);
      const { bonds } = scene.camera.aioble.security;
      const [bond, ...more] = bonds.list();
      deepEqual(more, []);
      equal(bond!.device.equals(first.incoming.device), true);
      const { authenticated, connected, keySize, name, secureConnections } = bond!;
      deepEqual(
        [authenticated, connected, keySize, name, secureConnections],
        [false, true, 16, undefined, true],
      );
      ok(!JSON.stringify(bond).includes('key"'), "no key");
      await part(first);
      const advertised = scene.camera.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = other.aioble;
      const outgoing = await new Device(ADDR_RANDOM, scene.camera.host.ownAddress).connect();
      const incoming = await advertised;
      await outgoing.pair();
      await reported(scene.world);
      equal(bonds.size, 2);
      equal(bonds.list()[0]!.device.equals(incoming.device), true);
      equal(bonds.get(first.incoming.device)!.connected, false);
      await part({ outgoing, incoming });
      const again = await scene.meet();
      await again.outgoing.pair();
      await reported(scene.world);
      equal(bonds.list()[0]!.device.equals(first.incoming.device), true);
      bonds.clear();
      deepEqual(bonds.list(), []);
      throws(() => bonds.get("c0:ff:ee:00:00:01" as never), { name: "TypeError" });
    });
  });

  it("saveSecrets is what another camera becomes this one by", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      await part(first);
      const { security } = scene.camera.aioble;
      const text = security.saveSecrets();
      throws(() => security.loadSecrets(text), { code: "radio-on" });
      const last = await scene.meet();
      const stopping = scene.camera.aioble.stop();
      equal(last.incoming.isConnected(), true);
      throws(() => security.loadSecrets(text), { code: "radio-on" });
      await last.incoming.disconnected();
      throws(() => security.loadSecrets(text), { code: "radio-on" });
      await stopping;
      equal(security.loadSecrets(text), 1);
      // It hears of the end later than the camera, where the camera's controller is without supply.
      await last.outgoing.disconnected();

      const spare = addAioble(scene.world);
      equal(spare.aioble.security.loadSecrets(), 0);
      equal(spare.aioble.security.loadSecrets(text), 1);
      equal(spare.aioble.security.saveSecrets(), text, "with all that it was");
      const advertised = spare.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = scene.central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, spare.host.ownAddress).connect();
      const incoming = await advertised;
      await outgoing.pair();
      equal(incoming.bonded, true);
    });
  });

  it("any other text changes nothing", () => {
    const { camera } = createScene();
    const { security } = camera.aioble;
    const before = security.saveSecrets();
    const irk = "11".repeat(16);
    const good = sealed({ format: "obscura-bonds", version: 2, address: "c00102030405", irk, bonds: [] });
    const bad: unknown[] = [
      { ...good, version: 3 },
      { ...good, version: 1, crc32: undefined },
      { ...good, address: "c001020304" },
      { ...good, irk: "zz".repeat(16) },
      { ...good, bonds: ["01"] },
      { ...good, bonds: "none" },
      null,
      [[2, "AAA=\n", "AAA=\n"]],
    ];
    for (const each of bad) throws(() => security.loadSecrets(JSON.stringify(each)), { name: "TypeError" });
    throws(() => security.loadSecrets("{"), { name: "TypeError" });
    const isPrivate = sealed({ ...good, address: "000102030405" });
    throws(() => security.loadSecrets(JSON.stringify(isPrivate)), { name: "RangeError" });
    equal(security.saveSecrets(), before);
  });
});

describe("bonds: what an attacker with a bonded address gets (BLESA)", () => {
  it("nothing of the bond: 0x0F for what is protected, no subscription, no Service Changed, not bonded", async () => {
    let offered: ReturnType<typeof offerValue> | undefined;
    const scene = createScene((camera) => {
      offered = offerValue(camera, { security: "encrypted" });
    });
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      await (await remote(first.outgoing)).subscribe({ notify: true });
      await part(first);
      scene.central.aioble.config({ autoPair: "never", pairing: "never" });
      const second = await scene.meet();
      const value = await remote(second.outgoing);
      await rejects(value.read(), { status: ENCRYPTION });
      await rejects(value.write(byte(1)), { status: ENCRYPTION });
      equal(offered!.write(byte(1), { sendUpdate: true }), 0);
      equal(await offered!.notify(second.incoming, byte(1), { force: true }), false);
      equal(second.incoming.bonded, false);
      const [bond] = scene.camera.aioble.security.bonds.list();
      equal(bond!.connected, false);
    });
  });

  it("a stranger gets 0x05", async () => {
    const scene = createScene((camera) => void offerValue(camera, { security: "encrypted" }));
    await scene.world.run(async () => {
      const { outgoing } = await scene.meet();
      scene.central.aioble.config({ pairing: "never" });
      await rejects((await remote(outgoing)).read(), { status: AUTHENTICATION });
    });
  });
});

/** What a phone that has the key does, and what one does that has it no more. */
describe("bonds: a phone that is bonded already", () => {
  async function bonded(world: World, camera: AiobleCamera, phone: SimulatedPhone): Promise<PhoneLink> {
    const advertised = camera.aioble.advertise(ADVERTISING);
    const link = await phone.phone.connect(await phone.phone.find({ name: "camera" }));
    await advertised;
    await world.clock.sleep(100);
    return link;
  }

  it("is given the key of its bond, and of no other", async () => {
    const scene = createScene();
    const phone = scene.world.addPhone();
    await scene.world.run(async () => {
      const { camera, world } = scene;
      let link = await bonded(world, camera, phone);
      const { peerAddress } = [...camera.host.connections.values()][0]!;
      const key = new Uint8Array(16).map((_, at) => 0x10 + at);
      const longTermKey = { key, ediv: 0, rand: new Uint8Array(8) };
      camera.host.bonds!.keep({
        identity: { addressType: 1, address: peerAddress },
        ownIdentity: camera.host.identities.own,
        irk: undefined,
        keyAsPeripheral: longTermKey,
        keyAsCentral: longTermKey,
        keySize: 16,
        isAuthenticated: true,
        isSecureConnections: true,
        isAttended: true,
        isFromWindow: false,
      });
      await link.encrypt(key.slice().reverse());
      await reported(world);
      const [connection] = [...camera.host.connections.values()];
      ok(connection!.security.isBonded && connection!.security.isAuthenticated);
      await link.disconnect();
      await world.clock.sleep(100);
      link = await bonded(world, camera, phone);
      const other = key.slice().reverse();
      await rejects(link.encrypt(other, new Uint8Array(8).fill(1)), { code: 0x06 });
      equal([...camera.host.connections.values()][0]!.security.isBonded, false);
    });
  });
});
