import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { leSetEventMask } from "../../../firmware/ble/hci/commands/le-controller.ts";
import {
  leEnableEncryption,
  leLongTermKeyRequestNegativeReply,
  leLongTermKeyRequestReply,
} from "../../../firmware/ble/hci/commands/le-security.ts";
import { encryptionChange, encryptionKeyRefreshComplete } from "../../../firmware/ble/hci/events.ts";
import { leLongTermKeyRequest } from "../../../firmware/ble/hci/le-events.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { createLinkedPair, type LinkedPair } from "./probe.ts";

const KEY = new Uint8Array(16).fill(0x5a);
const RANDOM = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

function enable({ central, handle }: LinkedPair, longTermKey = KEY): void {
  const values = {
    connectionHandle: handle,
    randomNumber: RANDOM,
    encryptedDiversifier: 0x1234,
    longTermKey,
  };
  central.command(leEnableEncryption, values);
}

async function linked(): Promise<{ clock: VirtualClock; pair: LinkedPair }> {
  const clock = new VirtualClock();
  return { clock, pair: await createLinkedPair(clock) };
}

describe("simulated controller: encryption", () => {
  it("asks the peripheral's host for the key, and encrypts when it is the same", async () => {
    const { clock, pair } = await linked();
    enable(pair);
    await clock.advance(100);
    const { randomNumber, encryptedDiversifier } = pair.peripheral.event(leLongTermKeyRequest);
    assert.deepEqual([randomNumber, encryptedDiversifier], [RANDOM, 0x1234]);
    assert.deepEqual(pair.central.events(encryptionChange), []);
    pair.peripheral.command(leLongTermKeyRequestReply, { connectionHandle: pair.handle, longTermKey: KEY });
    await clock.advance(200);
    for (const probe of [pair.central, pair.peripheral]) {
      const { status, encryptionEnabled } = probe.event(encryptionChange);
      assert.deepEqual([status, encryptionEnabled], [0, 1]);
    }
  });

  it("holds data back while encryption starts (Vol 6, Part B, 5.1.3.1)", async () => {
    const { clock, pair } = await linked();
    enable(pair);
    await clock.advance(100);
    pair.peripheral.sendAcl(pair.handle, new Uint8Array(5));
    pair.central.sendAcl(pair.handle, new Uint8Array(6));
    await clock.advance(500);
    assert.equal(pair.central.acl.length + pair.peripheral.acl.length, 0);
    pair.peripheral.command(leLongTermKeyRequestReply, { connectionHandle: pair.handle, longTermKey: KEY });
    await clock.advance(300);
    assert.equal(pair.central.acl.length, 1);
    assert.equal(pair.peripheral.acl.length, 1);
    assert.ok(pair.central.acl[0]!.atMs >= pair.peripheral.event(encryptionChange).atMs);
  });

  it("ends the link when the keys differ: 0x3D where it shows, the supervision timeout there", async () => {
    const { clock, pair } = await linked();
    enable(pair);
    await clock.advance(100);
    pair.peripheral.command(leLongTermKeyRequestReply, {
      connectionHandle: pair.handle,
      longTermKey: new Uint8Array(16),
    });
    await clock.advance(10_000);
    assert.deepEqual(pair.peripheral.reasons, [0x3d]);
    assert.deepEqual(pair.central.reasons, [0x08]);
    assert.deepEqual(pair.central.events(encryptionChange), []);
  });

  it("goes on in the clear when the peripheral has no key: 0x06", async () => {
    const { clock, pair } = await linked();
    enable(pair);
    await clock.advance(100);
    pair.peripheral.command(leLongTermKeyRequestNegativeReply, { connectionHandle: pair.handle });
    await clock.advance(200);
    const { status, encryptionEnabled } = pair.central.event(encryptionChange);
    assert.deepEqual([status, encryptionEnabled], [0x06, 0]);
    pair.central.sendAcl(pair.handle, new Uint8Array(6));
    await clock.advance(100);
    assert.equal(pair.peripheral.acl.length, 1);
    assert.deepEqual(pair.central.reasons, []);
  });

  it("answers for a host that is not to be asked", async () => {
    const { clock, pair } = await linked();
    pair.peripheral.command(leSetEventMask, { leEventMask: new Uint8Array(8) });
    enable(pair);
    await clock.advance(300);
    assert.equal(pair.central.event(encryptionChange).status, 0x06);
  });

  it("refreshes the key of an encrypted link, reported by an event of its own", async () => {
    const { clock, pair } = await linked();
    for (let turn = 0; turn < 2; turn++) {
      enable(pair);
      await clock.advance(300);
      pair.peripheral.command(leLongTermKeyRequestReply, { connectionHandle: pair.handle, longTermKey: KEY });
      await clock.advance(300);
    }
    for (const probe of [pair.central, pair.peripheral]) {
      assert.equal(probe.events(encryptionChange).length, 1);
      assert.equal(probe.event(encryptionKeyRefreshComplete).status, 0);
    }
  });

  it("does not go back into the clear when the key is lost meanwhile", async () => {
    const { clock, pair } = await linked();
    enable(pair);
    await clock.advance(100);
    pair.peripheral.command(leLongTermKeyRequestReply, { connectionHandle: pair.handle, longTermKey: KEY });
    await clock.advance(300);
    enable(pair);
    await clock.advance(300);
    pair.peripheral.command(leLongTermKeyRequestNegativeReply, { connectionHandle: pair.handle });
    await clock.advance(300);
    assert.deepEqual([pair.central.reasons, pair.peripheral.reasons], [[0x06], [0x16]]);
  });

  it("is the central's to start, and the key's only when it was asked for", async () => {
    const { pair } = await linked();
    const { peripheral, handle } = pair;
    const start = {
      connectionHandle: handle,
      randomNumber: RANDOM,
      encryptedDiversifier: 0,
      longTermKey: KEY,
    };
    assert.equal(peripheral.status(leEnableEncryption, start), 0x0c);
    assert.equal(
      peripheral.status(leLongTermKeyRequestReply, { connectionHandle: handle, longTermKey: KEY }),
      0x0c,
    );
  });

  it("gives up on a host that never answers: 0x22 after 40 s", async () => {
    const { clock, pair } = await linked();
    enable(pair);
    await clock.advance(41_000);
    assert.deepEqual(pair.central.reasons, [0x22]);
  });
});
