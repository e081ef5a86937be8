/** Attacks that claim the identity of a bonded device, by their names (docs/security.md). */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { bondedIdentity, isTaken } from "../../firmware/ble/smp/bonding.ts";
import type { Bond, BondKeeper } from "../../firmware/ble/smp/keys.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

describe("attack: identity theft in phase 3", () => {
  const identity = { addressType: 1, address: Uint8Array.of(0xc0, 1, 2, 3, 4, 5) };
  const bond: Bond = {
    identity,
    ownIdentity: identity,
    irk: new Uint8Array(16).fill(7),
    keyAsCentral: undefined,
    keyAsPeripheral: undefined,
    keySize: 16,
    isAuthenticated: false,
    isSecureConnections: true,
    isAttended: false,
    isFromWindow: false,
  };
  const bonds = {
    find: (type: number, address: Uint8Array) =>
      type === 1 && address.join() === identity.address.join() ? bond : undefined,
  } as unknown as BondKeeper;
  const port = { bonds, crypto: simulatedCrypto };
  const level = { isAuthenticated: false, isSecureConnections: true, keySize: 16 };
  const stranger = { proven: undefined, apparent: undefined, isTrusted: false, known: [bond] };
  const attended = { ...stranger, isTrusted: true };

  it("a stranger that claims a bonded identity is refused, with its own key or none, also in an open window", () => {
    for (const irk of [undefined, new Uint8Array(16).fill(8)]) {
      equal(isTaken(port, stranger, identity, irk, level), true);
      equal(isTaken(port, attended, identity, irk, level), true);
    }
    equal(isTaken(port, stranger, identity, bond.irk, level), true, "the key of the identity is no secret");
  });

  it("at the device's own address, copied or replayed, in the firmware's window: only with the device's key", () => {
    const here = { ...attended, apparent: bond };
    for (const irk of [undefined, new Uint8Array(16).fill(8)]) {
      equal(isTaken(port, here, identity, irk, level), false, "somebody on this side takes part");
      equal(isTaken(port, { ...here, mustProve: true }, identity, irk, level), true);
    }
    equal(isTaken(port, { ...here, mustProve: true }, identity, bond.irk, level), false);
  });

  it("the device itself is not: by its key in a window, over its encrypted link, or authenticated", () => {
    equal(isTaken(port, attended, identity, bond.irk, level), false);
    equal(isTaken(port, { ...stranger, proven: bond }, identity, undefined, level), false);
    const authenticated = { ...level, isAuthenticated: true };
    equal(isTaken(port, stranger, identity, bond.irk, authenticated), false);
    equal(isTaken(port, { ...stranger, apparent: bond }, identity, undefined, authenticated), false);
    equal(isTaken(port, attended, identity, undefined, authenticated), false, "a window, or accept");
  });

  it("another device is, though somebody here has authenticated it: who confirms a guest's number has not named the owner", () => {
    for (const isAuthenticated of [false, true]) {
      const owner = { ...bond, isAuthenticated };
      const theirs = { ...port, bonds: { find: () => owner } as unknown as BondKeeper };
      for (const irk of [undefined, new Uint8Array(16).fill(8)]) {
        const unknown = { ...stranger, known: [owner] };
        equal(isTaken(theirs, unknown, identity, irk, { ...level, isAuthenticated: true }), true);
      }
    }
  });

  it("the device itself, which has forgotten the camera, may pair anew when accept says yes, and not without a word", async () => {
    for (const isAsked of [true, false]) {
      const world = createWorld();
      const [phone, camera] = [addAioble(world), addAioble(world)];
      await world.run(async () => {
        const pair = async (): Promise<void> => {
          const advertised = camera.aioble.advertise({ intervalUs: 100_000 });
          const { ADDR_RANDOM, Device } = phone.aioble;
          const outgoing = await new Device(ADDR_RANDOM, camera.host.ownAddress).connect();
          await advertised;
          await outgoing.pair().finally(() => outgoing.disconnect());
          await world.clock.sleep(1000);
        };
        await pair();
        const [before] = camera.host.bonds!.all();
        phone.aioble.security.bonds.clear();
        const asked: boolean[] = [];
        const accept = ({ bonded }: { readonly bonded: boolean }): boolean => asked.push(bonded) > 0;
        if (isAsked) camera.aioble.security.agent = { accept };
        if (isAsked) await pair();
        else await rejects(pair(), { code: "pairing-failed" });
        const after = camera.host.bonds!.all();
        equal(after.length, 1);
        equal(after[0]!.keyAsPeripheral!.key.join() === before!.keyAsPeripheral!.key.join(), !isAsked);
        deepEqual(asked, isAsked ? [true] : []);
      });
    }
  });

  it("a peer on the air under the camera's own identity, which distributes none, leaves no bond", () => {
    const key = { key: new Uint8Array(16).fill(9), ediv: 0, rand: new Uint8Array(8) };
    const keys = { keyAsCentral: key, keyAsPeripheral: key };
    const result = { level, method: "justWorks", isBonding: true, irk: undefined, ...keys } as const;
    const other = { addressType: 1, address: Uint8Array.of(0xc0, 9, 9, 9, 9, 9) };
    equal(bondedIdentity({ ...result, identity: undefined }, identity, identity), undefined);
    equal(bondedIdentity({ ...result, identity: other }, identity, identity), other);
    equal(bondedIdentity({ ...result, identity: undefined }, other, identity), other);
    // Nor one under an address that no device has: a copy with its bond would not be taken back.
    for (const addressType of [0, 1]) {
      for (const byte of [0, 0xff]) {
        const nobody = { addressType, address: new Uint8Array(6).fill(byte) };
        equal(bondedIdentity({ ...result, identity: undefined }, nobody, identity), undefined);
      }
    }
  });

  it("nobody makes a bond weaker", () => {
    for (const weaker of [{ isSecureConnections: false }, { keySize: 15 }]) {
      equal(isTaken(port, { ...attended, proven: bond }, identity, bond.irk, { ...level, ...weaker }), true);
    }
    equal(
      isTaken(port, stranger, { addressType: 1, address: new Uint8Array(6).fill(0xc1) }, undefined, level),
      false,
    );
  });
});

describe("attack: BLESA", () => {
  it("a false peripheral with a bonded address that has no key: bond-lost, and the bond stays", async () => {
    const world = createWorld();
    const [central, peripheral] = [addAioble(world), addAioble(world)];
    await world.run(async () => {
      const meet = async (): Promise<DeviceConnection> => {
        const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
        const { ADDR_RANDOM, Device } = central.aioble;
        const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
        await advertised;
        return outgoing;
      };
      const first = await meet();
      await first.pair();
      await first.disconnect();
      await world.clock.sleep(500);
      peripheral.host.bonds?.forgetAll();
      const second = await meet();
      await rejects(second.pair(), { code: "bond-lost" });
      deepEqual([second.encrypted, second.bonded], [false, false]);
      ok(central.host.bonds?.find(1, peripheral.host.ownAddress));
    });
  });

  it("a false peripheral with a bonded address that sends values before the link is encrypted: they reach nobody", async () => {
    const world = createWorld();
    const [central, peripheral] = [addAioble(world), addAioble(world)];
    const { Characteristic, Service, registerServices } = peripheral.aioble;
    const service = new Service(new UUID(0xfff0));
    const value = new Characteristic(service, new UUID(0xfff1), { read: true, notify: true, indicate: true });
    registerServices(service);
    await world.run(async () => {
      const meet = async () => {
        const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
        const { ADDR_RANDOM, Device } = central.aioble;
        const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
        return { outgoing, incoming: await advertised };
      };
      const { outgoing: first } = await meet();
      await first.pair();
      const remote = await (await first.service(service.uuid))!.characteristic(value.uuid);
      await remote!.subscribe({ notify: true });
      await first.disconnect();
      await world.clock.sleep(500);
      peripheral.host.bonds?.forgetAll();
      const { outgoing, incoming } = await meet();
      central.host.clientOf(outgoing.link);
      const before = central.aioble.counters().client!.unwantedValues;
      const { handle } = remote!;
      for (const opcode of [0x1b, 0x1d])
        incoming.link.bearer.send(Uint8Array.of(opcode, handle & 0xff, handle >> 8, 2));
      await world.clock.sleep(500);
      equal(central.aioble.counters().client!.unwantedValues - before, 2);
      await rejects(remote!.notified({ timeoutMs: 500 }), { code: "device-disconnected" });
      deepEqual([outgoing.encrypted, outgoing.bonded], [false, false]);
    });
  });
});
