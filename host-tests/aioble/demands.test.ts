/** What `config` demands of keys holds for bonds that are older than the setting, in both roles, and for links that are up. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Config } from "../../firmware/ble/config.ts";
import type { Channel } from "../../firmware/ble/l2cap/channel.ts";
import type { Bond } from "../../firmware/ble/smp/keys.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, diagnostics } from "../support/cameras.ts";
import { Users } from "../support/pairing-cameras.ts";
import { createReconnecting, findValue, type Reconnecting, SERVICE, VALUE } from "../support/reconnecting.ts";
import { byte } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

/** A UUID of a service, and of its only value, which demands encryption. */
const GUARDED = 0xffe0;
const GUARDED_VALUE = 0xffe1;

const AUTHENTICATION_FAILURE = 0x05;
const INSUFFICIENT_AUTHENTICATION = 0x05;
const WEAK = "worth less than secureOnly or minKeySize of config demand";

interface Raise {
  readonly what: string;
  readonly changes: Partial<Config>;
  /** What the bonds that both have are turned into. */
  readonly bond: Partial<Bond>;
}

const RAISES: readonly Raise[] = [
  { what: "secureOnly, a bond by Just Works", changes: { secureOnly: true }, bond: {} },
  {
    what: "secureOnly, an authenticated bond of a legacy pairing",
    changes: { secureOnly: true },
    bond: { isAuthenticated: true, isSecureConnections: false },
  },
  { what: "minKeySize, a key of 7 bytes", changes: { minKeySize: 16 }, bond: { keySize: 7 } },
];

/** Both are bonded, by keys that were good enough then. */
async function inScene(bond: Partial<Bond>, work: (scene: Reconnecting) => Promise<void>): Promise<void> {
  const scene = createReconnecting();
  const { central, peripheral } = scene;
  for (const { aioble } of [central, peripheral]) aioble.config({ minKeySize: 7 });
  offerProtected(peripheral);
  await scene.world.run(async () => {
    await scene.bond();
    for (const { host } of [central, peripheral]) {
      const bonds = host.bonds!;
      const [kept] = bonds.all();
      const { keySize = 16 } = bond;
      const { ediv, key, rand } = kept!.keyAsCentral!;
      const short = { ediv, rand, key: key.slice().fill(0, 0, 16 - keySize) };
      bonds.keep({ ...kept!, keyAsCentral: short, keyAsPeripheral: short, ...bond });
    }
    await work(scene);
  });
}

function offerProtected({ aioble, bluetooth }: AiobleCamera): void {
  const { Characteristic, registerServices, Service } = aioble;
  const { UUID } = bluetooth;
  const open = new Service(new UUID(SERVICE));
  new Characteristic(open, new UUID(VALUE), { read: true, initial: byte(7) });
  const guarded = new Service(new UUID(GUARDED));
  new Characteristic(guarded, new UUID(GUARDED_VALUE), {
    read: true,
    initial: byte(9),
    security: "encrypted",
  });
  registerServices(open, guarded);
}

/** The Security Manager of this side of the link hears nothing any more. */
function deafen({ host }: AiobleCamera, { link }: DeviceConnection): void {
  const { links } = host.encryption as unknown as { readonly links: Map<unknown, { channel: Channel }> };
  links.get(link)!.channel.receiver = { receive() {} };
}

async function findProtected({ central }: Reconnecting, connection: DeviceConnection) {
  const { UUID } = central.bluetooth;
  const found = await connection.service(new UUID(GUARDED));
  return (await found!.characteristic(new UUID(GUARDED_VALUE)))!;
}

describe("config: what is demanded of keys, raised after a bond was made", () => {
  for (const { what, changes, bond } of RAISES) {
    it(`of the peripheral: the key is withheld, and pairing anew makes another bond: ${what}`, () =>
      inScene(bond, async (scene) => {
        const { central, meet, peripheral, world } = scene;
        peripheral.aioble.config(changes);
        const { outgoing, incoming } = await meet();
        await rejects(outgoing.exchangeMtu(), { code: "bond-lost" });
        await world.clock.sleep(3000);
        deepEqual([outgoing.encrypted, incoming.encrypted, incoming.bonded], [false, false, false]);
        deepEqual(scene.heard, []);
        equal(diagnostics(peripheral).filter((line) => line.includes(WEAK)).length, 1);
        // Its user has it forget the camera, and the ordinary rules for a bond that is replaced hold.
        central.aioble.config({ autoPair: "never" });
        central.aioble.security.bonds.clear();
        const value = await findProtected(scene, outgoing);
        await rejects(value.read(), { name: "GattError", status: INSUFFICIENT_AUTHENTICATION });
        await pairAnew(scene, outgoing);
        deepEqual(await value.read(), byte(9));
        await outgoing.disconnect();
        await incoming.disconnected();
        central.aioble.config({ autoPair: "pair" });
        const again = await meet();
        deepEqual(await (await findProtected(scene, again.outgoing)).read(), byte(9));
        deepEqual([again.outgoing.bonded, again.incoming.bonded], [true, true]);
      }));

    it(`of the central: it does not encrypt, and asks nothing until it has paired anew: ${what}`, () =>
      inScene(bond, async (scene) => {
        const { attempts, central, heard, meet, world } = scene;
        central.aioble.config(changes);
        scene.peripheral.aioble.config({ securityRequestMs: 0 });
        const { outgoing } = await meet();
        const refused = { name: "PairingError", code: "bond-unusable" };
        await rejects(outgoing.exchangeMtu(), refused);
        await rejects(outgoing.l2capConnect(0x80), refused);
        await rejects(findValue(central, outgoing), refused);
        await world.clock.sleep(2000);
        deepEqual([heard, scene.attempts, outgoing.encrypted], [[], attempts, false]);
        equal(diagnostics(central).filter((line) => line.includes(WEAK)).length, 1);
        equal(central.aioble.security.bonds.size, 1);
        await pairAnew(scene, outgoing);
        deepEqual(await (await findProtected(scene, outgoing)).read(), byte(9));
        ok(heard.every(({ isEncrypted }) => isEncrypted));
      }));

    for (const side of ["central", "peripheral"] as const) {
      it(`of the ${side} while a link is up: it is ended: ${what}`, () =>
        inScene(bond, async (scene) => {
          const { outgoing, incoming } = await scene.meet();
          await outgoing.exchangeMtu();
          const here = side === "central" ? outgoing : incoming;
          const there = side === "central" ? incoming : outgoing;
          await scene.world.clock.sleep(500);
          deepEqual([here.encrypted, there.encrypted], [true, true]);
          scene[side].aioble.config(changes);
          await there.disconnected();
          equal(there.disconnectReason, AUTHENTICATION_FAILURE);
          equal(diagnostics(scene[side]).filter((line) => line.includes(WEAK)).length, 1);
        }));
    }

    it(`of the central while the link is being encrypted: nothing goes out: ${what}`, () =>
      inScene(bond, async (scene) => {
        const { central, meet, withholdKey, world } = scene;
        const answer = withholdKey();
        const { outgoing } = await meet();
        const read = rejects(findValue(central, outgoing), { code: "bond-unusable" });
        await world.clock.sleep(300);
        central.aioble.config(changes);
        answer();
        await read;
        await outgoing.disconnected();
        deepEqual(scene.heard, []);
      }));

    it(`of the central while its peer's link layer does not answer: what waits is refused at once: ${what}`, () =>
      inScene(bond, async (scene) => {
        const { central, meet, withholdKey, world } = scene;
        withholdKey();
        const { outgoing } = await meet();
        const reads = [findValue(central, outgoing), outgoing.exchangeMtu(), outgoing.l2capConnect(0x80)];
        const ends = Promise.all(reads.map((each) => rejects(each, { code: "bond-unusable" })));
        await world.clock.sleep(300);
        const { clock } = central.host.platform;
        const beforeMs = clock.now();
        central.aioble.config(changes);
        await ends;
        equal(clock.now(), beforeMs);
        await outgoing.disconnected();
        ok(clock.now() - beforeMs < 1000, "the link does not wait for the answer either");
        deepEqual(scene.heard, []);
      }));

    it(`of the peripheral while its central does not encrypt: what waits is refused at once: ${what}`, () =>
      inScene(bond, async (scene) => {
        const { central, meet, peripheral, world } = scene;
        central.aioble.config({ autoPair: "never" });
        const { outgoing, incoming } = await meet();
        deafen(central, outgoing);
        const reads = [findValue(peripheral, incoming), incoming.exchangeMtu(), incoming.l2capConnect(0x80)];
        const ends = Promise.all(reads.map((each) => rejects(each, { code: "bond-unusable" })));
        await world.clock.sleep(700);
        const { clock } = peripheral.host.platform;
        const beforeMs = clock.now();
        peripheral.aioble.config(changes);
        await ends;
        equal(clock.now(), beforeMs);
        await rejects(incoming.exchangeMtu(), { code: "bond-unusable" });
        deepEqual([outgoing.isConnected(), incoming.encrypted], [true, false]);
      }));
  }

  it("with a bond that is worth it nothing changes, and a setting that stays changes nothing", () =>
    inScene({ isAuthenticated: true }, async (scene) => {
      const { central, meet, peripheral, world } = scene;
      for (const { aioble } of [central, peripheral]) aioble.config({ secureOnly: true, minKeySize: 16 });
      const { outgoing, incoming } = await meet();
      deepEqual(await (await findProtected(scene, outgoing)).read(), byte(9));
      for (const { aioble } of [central, peripheral]) {
        aioble.config({ secureOnly: true });
        aioble.config({ secureOnly: false, minKeySize: 7 });
      }
      await world.clock.sleep(1000);
      deepEqual([outgoing.isConnected(), incoming.bonded], [true, true]);
      deepEqual([diagnostics(central), diagnostics(peripheral)], [[], []]);
    }));

  it("the bond is deleted: the device is a stranger, and what is asked goes out", () =>
    inScene({ keySize: 7 }, async ({ central, meet, peripheral }) => {
      central.aioble.config({ minKeySize: 16 });
      peripheral.aioble.config({ securityRequestMs: 0 });
      const { outgoing } = await meet();
      await rejects(outgoing.exchangeMtu(), { code: "bond-unusable" });
      central.aioble.security.bonds.clear();
      equal(await outgoing.exchangeMtu(), 517);
      equal(outgoing.encrypted, false);
    }));

  it("pair() does not ask for less", () =>
    inScene({}, async ({ central, meet }) => {
      central.aioble.config({ minKeySize: 16 });
      const { outgoing } = await meet();
      throws(() => outgoing.pair({ minKeySize: 15 }), { name: "RangeError" });
      await outgoing.pair({ minKeySize: 16 });
    }));
});

describe("a bond without a key for this role", () => {
  it("of a central: it asks nothing until it has paired anew, though the device is in the list", () =>
    inScene({ keyAsCentral: undefined, isSecureConnections: false }, async (scene) => {
      const { central, heard, meet, peripheral } = scene;
      peripheral.aioble.config({ securityRequestMs: 0 });
      equal(central.aioble.security.bonds.size, 1);
      const { outgoing } = await meet();
      const refused = { name: "PairingError", code: "bond-unusable" };
      await rejects(findValue(central, outgoing), refused);
      await rejects(outgoing.exchangeMtu(), refused);
      deepEqual([heard, outgoing.encrypted], [[], false]);
      equal(diagnostics(central).filter((line) => line.includes("has no key for the role")).length, 1);
      await pairAnew(scene, outgoing);
      deepEqual(await (await findProtected(scene, outgoing)).read(), byte(9));
      ok(heard.every(({ isEncrypted }) => isEncrypted));
    }));

  it("of a peripheral: what is protected is refused as to a stranger", () =>
    inScene({ keyAsPeripheral: undefined, isSecureConnections: false }, async (scene) => {
      scene.central.aioble.config({ autoPair: "never" });
      const { outgoing } = await scene.meet();
      const value = await findProtected(scene, outgoing);
      await rejects(value.read(), { name: "GattError", status: INSUFFICIENT_AUTHENTICATION });
    }));
});

/** By a comparison, in a window of the peripheral. */
async function pairAnew({ central, peripheral }: Reconnecting, outgoing: DeviceConnection): Promise<void> {
  const { compare } = new Users();
  const agent = { display: () => undefined, compare };
  for (const { aioble } of [central, peripheral]) aioble.security.agent = agent;
  peripheral.aioble.security.openPairing({ durationMs: 60_000 });
  await outgoing.pair({ mitm: true, leSecure: "only" });
}
