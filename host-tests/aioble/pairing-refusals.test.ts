/** Attacks by devices that have the camera begin to pair: they refuse what it asks of them, or ask for security. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import type { Config } from "../../firmware/ble/config.ts";
import type { Bond } from "../../firmware/ble/smp/keys.ts";
import { PAIRING_FAILURE } from "../../firmware/ble/smp/pdus.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const ENCRYPTED = new UUID(0xfff1);
const AUTHENTICATED = new UUID(0xfff2);

const ROLES = ["central", "peripheral"] as const;
type Role = (typeof ROLES)[number];

/** A device that refuses to be read without pairing. */
function addStranger(world: World, records = new MemoryRecords()): AiobleCamera {
  const stranger = addAioble(world, {}, undefined, records);
  const { Characteristic, config, registerServices, Service } = stranger.aioble;
  config({ idleTimeoutMs: 0 });
  const service = new Service(SERVICE);
  new Characteristic(service, ENCRYPTED, { read: true, initial: "bait", security: "encrypted" });
  new Characteristic(service, AUTHENTICATED, { read: true, initial: "bait", security: "authenticated" });
  registerServices(service);
  return stranger;
}

interface Meeting {
  /** The camera's connection, and the stranger's. */
  readonly own: DeviceConnection;
  readonly theirs: DeviceConnection;
  read(uuid?: UUID): Promise<Uint8Array>;
  part(): Promise<void>;
}

async function meet(
  world: World,
  camera: AiobleCamera,
  role: Role,
  stranger: AiobleCamera,
): Promise<Meeting> {
  const [central, peripheral] = role === "central" ? [camera, stranger] : [stranger, camera];
  const advertised = peripheral.aioble.advertise({ intervalUs: 50_000 });
  const { ADDR_RANDOM, Device } = central.aioble;
  const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
  const incoming = await advertised;
  const [own, theirs] = role === "central" ? [outgoing, incoming] : [incoming, outgoing];
  return {
    own,
    theirs,
    async read(uuid = ENCRYPTED) {
      const service = await own.service(SERVICE);
      return (await service!.characteristic(uuid))!.read();
    },
    async part() {
      await own.disconnect().catch(() => undefined);
      await world.clock.sleep(500);
    },
  };
}

interface Scene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly records: MemoryRecords;
  meetOne(stranger?: AiobleCamera): Promise<Meeting>;
}

async function inScene(
  role: Role,
  config: Partial<Config>,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const world = createWorld(31);
  const records = new MemoryRecords();
  const camera = addAioble(world, {}, undefined, records);
  camera.aioble.config({ idleTimeoutMs: 0, ...config });
  await world.run(() =>
    work({
      world,
      camera,
      records,
      meetOne: (stranger = addStranger(world)) => meet(world, camera, role, stranger),
    }),
  );
}

const bondsOf = ({ host }: AiobleCamera): readonly Bond[] => host.bonds!.all();

/** The peer's refusal, and why the camera does not pair for it. */
async function isRefused(read: Promise<unknown>, reason: number): Promise<void> {
  let cause: unknown;
  await rejects(
    read.catch((error: unknown) => {
      ({ cause } = error as Error);
      throw error;
    }),
    { code: "gatt-error", status: 0x05 },
  );
  const { code, reason: given } = cause as { readonly code?: string; readonly reason?: number };
  deepEqual([code, given], ["pairing-refused", reason]);
}

for (const role of ROLES) {
  describe(`attack: a device that refuses an operation, so that the camera as ${role} pairs with it`, () => {
    for (const pairing of ["window", "bonded", "never"] as const) {
      it(`config pairing "${pairing}": the operation ends with the device's error, whose cause says why, and nobody pairs`, () =>
        inScene(role, { pairing }, async ({ camera, meetOne }) => {
          const { own, read, theirs } = await meetOne();
          await isRefused(read(), PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
          // What the camera refused is not open to the device now.
          await rejects(theirs.pair({ timeoutMs: 5000 }));
          deepEqual([own.encrypted, bondsOf(camera).length], [false, 0]);
        }));
    }

    it('config pairing "always": it pairs, as a stranger\'s bond that gives no right', () =>
      inScene(role, {}, async ({ camera, meetOne }) => {
        const { own, read } = await meetOne();
        equal((await read()).length, 4);
        equal(own.bonded, true);
        const [bond] = bondsOf(camera);
        deepEqual([bond?.isAttended, bond?.isFromWindow, bond?.isAuthenticated], [false, false, false]);
      }));

    it("thirteen of them: half of the places, then no flash for more, and the owner's bond stays", () =>
      inScene(role, {}, async ({ camera, meetOne, world }) => {
        const owner = await meetOne();
        await owner.own.pair();
        const [first] = bondsOf(camera);
        equal(first?.isAttended, true);
        await owner.part();
        let refused = 0;
        for (let count = 0; count < 13; count++) {
          const { part, read } = await meetOne(addStranger(world));
          await read().catch(() => refused++);
          await part();
        }
        ok(refused > 0, "what strangers may have written is bounded");
        const bonds = bondsOf(camera);
        equal(bonds.filter(({ isAttended }) => !isAttended).length, 4);
        ok(bonds.some(({ identity }) => identity.address.join() === first!.identity.address.join()));
      }));

    it("one that ends the pairing waits as one that began it", () =>
      inScene(role, {}, async ({ camera, meetOne, world }) => {
        const stranger = addStranger(world);
        stranger.aioble.config({ pairing: "never" });
        const { own, read } = await meetOne(stranger);
        await rejects(read(), { code: "pairing-failed" });
        stranger.aioble.config({ pairing: "always" });
        // A Security Request that the device refuses is no pairing that has failed.
        if (role === "central") await isRefused(read(), PAIRING_FAILURE.REPEATED_ATTEMPTS);
        await world.clock.sleep(3000);
        equal((await read()).length, 4);
        deepEqual([own.bonded, bondsOf(camera).length], [true, 1]);
      }));

    it("an open window lets it in, and has served", () =>
      inScene(role, { pairing: "window" }, async ({ camera, meetOne }) => {
        camera.aioble.security.openPairing({ durationMs: 60_000 });
        const { read } = await meetOne();
        equal((await read()).length, 4);
        const [bond] = bondsOf(camera);
        deepEqual([bond?.isAttended, bond?.isFromWindow], [true, true]);
        equal(camera.aioble.security.isPairingOpen, false);
      }));

    it("accept is asked, and decides", () =>
      inScene(role, {}, async ({ camera, meetOne }) => {
        const asked: boolean[] = [];
        let answer = false;
        const agent: PairingAgent = {
          accept({ authenticated }) {
            asked.push(authenticated);
            return answer;
          },
        };
        camera.aioble.security.agent = agent;
        const first = await meetOne();
        await rejects(first.read(), {
          code: "pairing-failed",
          reason: PAIRING_FAILURE.PAIRING_NOT_SUPPORTED,
        });
        deepEqual([asked, bondsOf(camera).length], [[false], 0]);
        await first.part();
        answer = true;
        await (await meetOne()).read();
        deepEqual([asked.length, bondsOf(camera)[0]?.isAttended], [2, true]);
      }));

    it("pair() of the application is its decision, whatever config says of devices; it gives no right of a window", () =>
      inScene(role, { pairing: "window" }, async ({ camera, meetOne }) => {
        const { own, read } = await meetOne();
        await own.pair();
        equal((await read()).length, 4);
        const [bond] = bondsOf(camera);
        deepEqual([bond?.isAttended, bond?.isFromWindow], [true, false]);
      }));

    it("on an encrypted link, by a device that is not bonded: no better pairing than config lets it have", () =>
      inScene(role, { pairing: "bonded" }, async ({ camera, meetOne }) => {
        camera.aioble.security.agent = { display: () => {}, compare: () => true };
        const { own, read } = await meetOne();
        await own.pair({ bond: false });
        equal((await read()).length, 4);
        await isRefused(read(AUTHENTICATED), PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
        deepEqual([own.authenticated, bondsOf(camera).length], [false, 0]);
      }));
  });
}

describe("attack: a device that refuses an operation under the owner's address", () => {
  it("the owner's bond is byte for byte as before, and the owner comes back", () =>
    inScene("peripheral", {}, async ({ camera, meetOne, records, world }) => {
      const ownersRecords = new MemoryRecords();
      const owner = addStranger(world, ownersRecords);
      const first = await meetOne(owner);
      await first.own.pair();
      await first.part();
      const before = records.get("bond.0")!.join();
      const thiefsRecords = new MemoryRecords();
      thiefsRecords.set("address", ownersRecords.get("address")!);
      const thief = addStranger(world, thiefsRecords);
      deepEqual(thief.host.ownAddress, owner.host.ownAddress);
      const theft = await meetOne(thief);
      await rejects(theft.read(), { code: "pairing-failed", reason: PAIRING_FAILURE.PAIRING_NOT_SUPPORTED });
      equal(theft.own.encrypted, false);
      await theft.part();
      deepEqual(
        records.keys().filter((key) => key.startsWith("bond.")),
        ["bond.0"],
      );
      equal(records.get("bond.0")!.join(), before);
      const again = await meetOne(owner);
      await again.own.pair();
      equal(again.own.bonded, true);
      equal(bondsOf(camera).length, 1);
    }));
});

describe("attack: a device that asks the camera as central for security", () => {
  it("pairs as a stranger, where config lets it: accept is asked, and without it nobody has attended", () =>
    inScene("central", {}, async ({ camera, meetOne, world }) => {
      const one = await meetOne();
      await one.theirs.pair();
      await world.clock.sleep(500);
      deepEqual([bondsOf(camera)[0]?.isAttended, bondsOf(camera)[0]?.isFromWindow], [false, false]);
      await one.part();
      camera.aioble.security.agent = { accept: () => false };
      const other = await meetOne();
      await rejects(other.theirs.pair({ timeoutMs: 40_000 }));
      equal(bondsOf(camera).length, 1);
    }));

  it('config pairing "never": a bonded device has its link encrypted, and no better pairing', () =>
    inScene("central", {}, async ({ camera, meetOne, world }) => {
      const stranger = addStranger(world);
      const first = await meetOne(stranger);
      await first.own.pair();
      await first.part();
      camera.aioble.config({ pairing: "never" });
      const agent: PairingAgent = { display: () => {}, compare: () => true };
      camera.aioble.security.agent = agent;
      stranger.aioble.security.agent = agent;
      const { own, theirs } = await meetOne(stranger);
      await own.service(SERVICE);
      equal(own.encrypted, true);
      await rejects(theirs.pair({ mitm: true, timeoutMs: 40_000 }));
      deepEqual([own.encrypted, own.authenticated], [true, false]);
    }));
});
