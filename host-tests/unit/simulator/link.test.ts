import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { viewOf } from "../../../firmware/ble/codec.ts";
import { reset } from "../../../firmware/ble/hci/commands/baseband.ts";
import { disconnect } from "../../../firmware/ble/hci/commands/link-control.ts";
import {
  dataBufferOverflow,
  disconnectionComplete,
  numberOfCompletedPackets,
} from "../../../firmware/ble/hci/events.ts";
import { leConnectionComplete } from "../../../firmware/ble/hci/le-events.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import * as central from "../../support/commands.ts";
import {
  connectionTo,
  createLinkedPair,
  createPair,
  PERIPHERAL_ADDRESS,
  type Probe,
  pattern,
} from "./probe.ts";

function completed(probe: Probe): number {
  return probe
    .events(numberOfCompletedPackets)
    .reduce((sum, { handlesAndCounts }) => sum + viewOf(handlesAndCounts).getUint16(2, true), 0);
}

describe("simulated controller: links", () => {
  it("carries data both ways in fragments of 27 octets, and marks where a frame starts (5.4.2)", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    phone.sendAcl(handle, pattern(60));
    phone.sendAcl(handle, pattern(10), 1);
    peripheral.sendAcl(handle, pattern(27, 5));
    await clock.advance(100);
    assert.deepEqual(
      peripheral.acl.map(({ boundary, data }) => [boundary, data.length]),
      [
        [2, 27],
        [1, 27],
        [1, 6],
        [1, 10],
      ],
    );
    assert.deepEqual(peripheral.acl.flatMap(({ data }) => [...data]).slice(0, 60), [...pattern(60)]);
    assert.deepEqual(
      phone.acl.map(({ data }) => data),
      [pattern(27, 5)],
    );
  });

  it("keeps a peer's data in the peer while the host's line has no room, and loses none (4.5.9)", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    peripheral.controller.hostTakes = () => false;
    for (let index = 0; index < 3; index++) phone.sendAcl(handle, pattern(20, index));
    await clock.advance(5000);
    assert.deepEqual([peripheral.acl.length, completed(phone)], [0, 0]);
    assert.equal(phone.events(disconnectionComplete).length, 0, "the link stays");
    peripheral.controller.hostTakes = () => true;
    await clock.advance(500);
    assert.deepEqual(
      peripheral.acl.map(({ data }) => data),
      [0, 1, 2].map((index) => pattern(20, index)),
    );
    assert.equal(completed(phone), 3);
  });

  it("gives credits back at connection events, for what the peer has acknowledged", async () => {
    const clock = new VirtualClock();
    const { peripheral, handle } = await createLinkedPair(clock, { timing: { interval: 80 } });
    await clock.advance(50);
    for (let index = 0; index < 3; index++) peripheral.sendAcl(handle, pattern(20));
    assert.equal(completed(peripheral), 0);
    await clock.advance(400);
    assert.equal(completed(peripheral), 3);
    const times = peripheral.events(numberOfCompletedPackets).map(({ atMs }) => atMs);
    assert.ok(times.every((time) => Math.abs(((time - 2.5) % 100) - ((times[0]! - 2.5) % 100)) < 0.001));
    assert.ok(times.length >= 2, "the last packet is acknowledged by the next event's first");
  });

  it("drops what comes without a credit, and says so (7.7.26)", async () => {
    const clock = new VirtualClock();
    const { peripheral, handle } = await createLinkedPair(clock, { peripheral: { aclPackets: 2 } });
    for (let index = 0; index < 3; index++) peripheral.sendAcl(handle, pattern(20));
    assert.equal(peripheral.events(dataBufferOverflow).length, 1);
    assert.deepEqual(peripheral.controller.violations, ["ACL data without a credit"]);
  });

  it("sends as much in one event as the interval has room for", async () => {
    const clock = new VirtualClock();
    const options = { peripheral: { aclPackets: 60 }, timing: { interval: 6 } };
    const { central: phone, peripheral, handle } = await createLinkedPair(clock, options);
    for (let index = 0; index < 60; index++) peripheral.sendAcl(handle, pattern(27));
    await clock.advance(200);
    const perEvent = new Map<number, number>();
    for (const { atMs } of phone.acl) perEvent.set(atMs, (perEvent.get(atMs) ?? 0) + 1);
    // An empty packet and one of 27 octets, each with its pause: 80 + 150 + 296 + 150 = 676 µs of 7,350.
    assert.equal(Math.max(...perEvent.values()), 10);
    assert.equal(phone.acl.length, 60);
  });

  it("ends with 0x16 here and the given reason there", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    assert.equal(phone.status(disconnect, { connectionHandle: handle, reason: 0x08 }), 0x12);
    phone.command(disconnect, { connectionHandle: handle, reason: 0x13 });
    await clock.advance(200);
    assert.deepEqual([phone.reasons, peripheral.reasons], [[0x16], [0x13]]);
  });

  it("ends likewise when the peripheral wants it", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    peripheral.command(disconnect, { connectionHandle: handle, reason: 0x15 });
    await clock.advance(200);
    assert.deepEqual([phone.reasons, peripheral.reasons], [[0x15], [0x16]]);
  });

  it("times out on both sides when they lose each other: 0x08 after the supervision timeout", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, air } = await createLinkedPair(clock, { timing: { timeout: 100 } });
    air.separate(phone.controller, peripheral.controller);
    const lostMs = clock.now();
    await clock.advance(900);
    assert.deepEqual(phone.reasons, []);
    await clock.advance(200);
    for (const probe of [phone, peripheral]) {
      const { reason, atMs } = probe.event(disconnectionComplete);
      assert.equal(reason, 0x08);
      assert.ok(atMs - lostMs > 900 && atMs - lostMs <= 1000, `${atMs - lostMs} ms`);
    }
  });

  it("was never established when nothing came for six intervals: 0x3E", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, air } = createPair(clock);
    peripheral.advertise();
    phone.command(central.leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(1);
    air.separate(phone.controller, peripheral.controller);
    await clock.advance(1000);
    for (const probe of [phone, peripheral]) {
      const { reason, atMs } = probe.event(disconnectionComplete);
      assert.equal(reason, 0x3e);
      assert.equal(Math.round(atMs), 180);
    }
  });

  it("notices a peer that was reset only by its supervision timeout", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral } = await createLinkedPair(clock);
    peripheral.command(reset, {});
    await clock.advance(3900);
    assert.deepEqual(phone.reasons, []);
    await clock.advance(200);
    assert.deepEqual(phone.reasons, [0x08]);
    assert.deepEqual(peripheral.reasons, []);
  });

  it("delivers everything once and in order over a lossy air", async () => {
    const clock = new VirtualClock();
    const options = { peripheral: { aclPackets: 200 }, central: { aclPackets: 200 } };
    const { central: phone, peripheral, air, handle } = await createLinkedPair(clock, options, 7);
    air.loss = 0.3;
    for (let index = 0; index < 200; index++) {
      peripheral.sendAcl(handle, pattern(40, index));
      phone.sendAcl(handle, pattern(13, index));
    }
    await clock.advance(60_000);
    const expected = (length: number): number[] =>
      Array.from({ length: 200 }, (_, index) => [...pattern(length, index)]).flat();
    assert.deepEqual(
      phone.acl.flatMap(({ data }) => [...data]),
      expected(40),
    );
    assert.deepEqual(
      peripheral.acl.flatMap(({ data }) => [...data]),
      expected(13),
    );
    assert.deepEqual([completed(phone), completed(peripheral)], [200, 200]);
  });

  it("lets the peripheral sleep through events, unless it has something to say", async () => {
    const clock = new VirtualClock();
    const options = { timing: { interval: 80, latency: 4, timeout: 1000 } };
    const { central: phone, peripheral, handle } = await createLinkedPair(clock, options);
    await clock.advance(2000);
    const worst = { down: 0, up: 0 };
    for (let index = 0; index < 20; index++) {
      const startMs = clock.now();
      phone.sendAcl(handle, pattern(5));
      await clock.advance(730);
      worst.down = Math.max(worst.down, peripheral.acl[index]!.atMs - startMs);
    }
    for (let index = 0; index < 20; index++) {
      const startMs = clock.now();
      peripheral.sendAcl(handle, pattern(5));
      await clock.advance(730);
      worst.up = Math.max(worst.up, phone.acl[index]!.atMs - startMs);
    }
    assert.ok(worst.down > 300 && worst.down <= 500, `down ${worst.down} ms`);
    assert.ok(worst.up <= 100, `up ${worst.up} ms`);
  });

  it("uses a handle again as soon as it is free", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    phone.command(disconnect, { connectionHandle: handle, reason: 0x13 });
    await clock.advance(200);
    peripheral.advertise();
    phone.command(central.leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(200);
    assert.deepEqual(
      phone.events(leConnectionComplete).map((event) => event.connectionHandle),
      [handle, handle],
    );
  });

  it("costs one callback a connection event while nobody has anything to say", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral } = await createLinkedPair(clock, { timing: { interval: 6 } });
    const before = { events: clock.events, packets: phone.packets.length + peripheral.packets.length };
    await clock.advance(1000 * 7.5);
    assert.equal(clock.events - before.events, 1000);
    assert.equal(phone.packets.length + peripheral.packets.length, before.packets);
  });

  it("does the same again for the same seed, and something else for another", async () => {
    const run = async (seed: number): Promise<readonly string[]> => {
      const clock = new VirtualClock();
      const { central: phone, peripheral, air, handle } = await createLinkedPair(clock, {}, seed);
      air.loss = 0.4;
      for (let index = 0; index < 8; index++) peripheral.sendAcl(handle, pattern(100, index));
      await clock.advance(3000);
      return phone.acl.map(({ atMs, data }) => `${atMs} ${data.length}`);
    };
    const first = await run(5);
    assert.deepEqual(await run(5), first);
    assert.notDeepEqual(await run(6), first);
  });
});
