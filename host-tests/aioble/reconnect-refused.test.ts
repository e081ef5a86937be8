/** A central whose bonded device cannot be encrypted with, or whose bond goes meanwhile: nothing that was meant for it goes out. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { leEnableEncryption } from "../../firmware/ble/hci/commands/le-security.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { findValue, inScene, wasAllEncrypted } from "../support/reconnecting.ts";
import { byte } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const KEY_MISSING = 0x06;
const SECURITY_REQUEST = 0x0b;
const SMP = 0x0006;
const COMMAND_DISALLOWED = 0x0c;
const CONNECTION_TIMEOUT = 0x08;
const MIC_FAILURE = 0x3d;

describe("reconnecting: a bonded peripheral that cannot be encrypted with", () => {
  const refused = async (connection: DeviceConnection, code: string): Promise<void> => {
    await rejects(connection.exchangeMtu(), { name: "PairingError", code });
    await rejects(connection.l2capConnect(0x80), { name: "PairingError", code });
  };

  it("it has lost its key: bond-lost for all that is asked, nothing goes out, the bond stays", () =>
    inScene(async (scene) => {
      const { central, heard, meet, peripheral, updates, world } = scene;
      peripheral.aioble.security.bonds.clear();
      const { outgoing } = await meet();
      await rejects(findValue(central, outgoing), {
        name: "PairingError",
        code: "bond-lost",
        reason: KEY_MISSING,
      });
      await refused(outgoing, "bond-lost");
      await world.clock.sleep(2000);
      deepEqual(heard, []);
      deepEqual(updates, [false]);
      deepEqual([outgoing.isConnected(), outgoing.encrypted], [true, false]);
      equal(central.aioble.security.bonds.size, 1);
      const lines = diagnostics(central).filter((line) => line.includes("has forgotten this device"));
      equal(lines.length, 1);
    }));

  it("it has lost its key and asks for encryption again and again: one attempt, one report", () =>
    inScene(async (scene) => {
      const { meet, peripheral, updates, world } = scene;
      const before = scene.attempts;
      peripheral.aioble.security.bonds.clear();
      const { outgoing, incoming } = await meet();
      await rejects(outgoing.exchangeMtu(), { code: "bond-lost" });
      const channel = incoming.link.l2cap.openFixed(SMP, 65);
      for (let request = 0; request < 50; request++) {
        channel.send(0, Uint8Array.of(SECURITY_REQUEST, 1), 0, 2);
        await world.clock.sleep(200);
      }
      deepEqual([scene.attempts - before, updates.length], [1, 1]);
      await rejects(outgoing.pair(), { code: "bond-lost" });
      equal(outgoing.isConnected(), true);
    }));

  it("with the bond deleted it is a stranger: what is asked goes out, and pair() pairs anew on the same link", () =>
    inScene(async ({ central, meet, peripheral }) => {
      peripheral.aioble.security.bonds.clear();
      const { outgoing } = await meet();
      await rejects(outgoing.exchangeMtu(), { code: "bond-lost" });
      central.aioble.security.bonds.clear();
      deepEqual(await (await findValue(central, outgoing)).read(), byte(7));
      equal(outgoing.encrypted, false);
      await outgoing.pair();
      deepEqual([outgoing.encrypted, outgoing.bonded], [true, true]);
    }));

  it("the bond deleted while the link is being encrypted: encrypted, and not bonded", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      const answer = withholdKey();
      const { outgoing } = await meet();
      const found = findValue(central, outgoing);
      await world.clock.sleep(300);
      central.aioble.security.bonds.clear();
      await world.clock.sleep(300);
      deepEqual(scene.heard, []);
      answer();
      deepEqual(await (await found).read(), byte(7));
      wasAllEncrypted(scene);
      deepEqual([outgoing.encrypted, outgoing.bonded], [true, false]);
      equal(central.aioble.security.bonds.size, 0);
    }));

  it("the bond given up for another while the link is being encrypted: encrypted, and not bonded", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      central.aioble.config({ maxBonds: 1 });
      const answer = withholdKey();
      const { outgoing } = await meet();
      const found = findValue(central, outgoing);
      const other = addAioble(world);
      const advertised = other.aioble.advertise({ intervalUs: 100_000 });
      const { ADDR_RANDOM, Device } = central.aioble;
      const another = await new Device(ADDR_RANDOM, other.host.ownAddress).connect();
      await advertised;
      await another.pair();
      equal(outgoing.encrypted, false);
      answer();
      deepEqual(await (await found).read(), byte(7));
      deepEqual([outgoing.encrypted, outgoing.bonded, another.bonded], [true, false, true]);
      equal(outgoing.link.bond, undefined, "nothing is granted by it");
      equal(central.aioble.security.bonds.size, 1);
    }));

  const other = { key: new Uint8Array(16).fill(3), ediv: 0, rand: new Uint8Array(8) };
  for (const [what, change] of [
    ["given up", { identity: { addressType: 0, address: new Uint8Array(6).fill(7) } }],
    ["replaced by one with other keys", { keyAsPeripheral: other, keyAsCentral: other }],
  ] as const) {
    it(`a peripheral's bond ${what} between its answer for the key and the encryption: encrypted, and not bonded`, () =>
      inScene(async ({ meet, peripheral, world }) => {
        peripheral.aioble.config({ maxBonds: 1 });
        const bonds = peripheral.host.bonds!;
        const [owner] = bonds.all();
        const encryption = peripheral.host.encryption!;
        const answer = encryption.keyRequested.bind(encryption);
        encryption.keyRequested = (...request) => {
          answer(...request);
          bonds.keep({ ...owner!, ...change });
        };
        const { outgoing, incoming } = await meet();
        await outgoing.pair();
        await world.clock.sleep(100);
        deepEqual([incoming.encrypted, incoming.bonded, incoming.link.bond], [true, false, undefined]);
        equal(bonds.size, 1);
      }));
  }

  it("a bond that gave way to another before the link is encrypted: what is asked afterwards goes out as to a stranger", () =>
    inScene(async ({ central, meet, peripheral, world }) => {
      peripheral.aioble.config({ securityRequestMs: 0 });
      const unobserve = central.host.observe({ onConnected: () => central.host.bonds!.forgetAll() });
      const { outgoing } = await meet();
      unobserve();
      deepEqual(await (await findValue(central, outgoing)).read(), byte(7));
      await world.clock.sleep(500);
      equal(outgoing.encrypted, false);
    }));

  it("the bond deleted on both sides meanwhile: what waits is asked of no stranger, what comes is, and pair() pairs", () =>
    inScene(async (scene) => {
      const { central, meet, peripheral, withholdKey, world } = scene;
      const answer = withholdKey();
      const { outgoing } = await meet();
      const ble = new central.bluetooth.BLE();
      ble.gattcRead(outgoing.link.handle, 3);
      const waiting = Promise.all(
        [outgoing.exchangeMtu(), findValue(central, outgoing), outgoing.l2capConnect(0x80)].map((each) =>
          rejects(each, { name: "PairingError", code: "bond-lost" }),
        ),
      );
      const pairing = outgoing.pair();
      await world.clock.sleep(300);
      central.aioble.security.bonds.clear();
      peripheral.aioble.security.bonds.clear();
      answer();
      await waiting;
      deepEqual(scene.heard, []);
      deepEqual(await (await findValue(central, outgoing)).read(), byte(7));
      await pairing;
      deepEqual([outgoing.encrypted, outgoing.bonded], [true, true]);
    }));

  it("the bond deleted before the encryption has begun: what waits is asked of no stranger", () =>
    inScene(async (scene) => {
      const { central, peripheral } = scene;
      const ble = new central.bluetooth.BLE();
      let asked = 0;
      central.host.observe({
        onConnected: ({ handle }) =>
          void Promise.resolve().then(() => {
            ble.gattcRead(handle, 3);
            central.aioble.security.bonds.clear();
            asked++;
          }),
      });
      const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
      const { ADDR_RANDOM, Device } = central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
      await advertised;
      await scene.world.clock.sleep(500);
      deepEqual([asked, outgoing.encrypted, scene.heard], [1, false, []]);
      equal(await outgoing.exchangeMtu(), 517);
    }));

  it("it has another key: its link layer ends the link, nothing goes out", () =>
    inScene(async ({ central, heard, meet, peripheral }) => {
      const bonds = peripheral.host.bonds!;
      const [bond] = bonds.all();
      const other = { ...bond!.keyAsPeripheral!, key: bond!.keyAsPeripheral!.key.map((each) => each ^ 1) };
      bonds.keep({ ...bond!, keyAsPeripheral: other, keyAsCentral: other });
      const { outgoing, incoming } = await meet();
      await rejects(findValue(central, outgoing), { name: "DeviceDisconnectedError" });
      // It says nothing any more: for the central it is out of range.
      deepEqual([incoming.disconnectReason, outgoing.disconnectReason], [MIC_FAILURE, CONNECTION_TIMEOUT]);
      deepEqual(heard, []);
      equal(central.aioble.security.bonds.size, 1);
    }));

  it("the controller refuses: its error for all that is asked, nothing goes out", () =>
    inScene(async ({ central, heard, meet }) => {
      central.controller.faults.refuse = new Map([[leEnableEncryption.opcode, COMMAND_DISALLOWED]]);
      const { outgoing } = await meet();
      await refused(outgoing, "pairing-failed");
      deepEqual(heard, []);
    }));
});
