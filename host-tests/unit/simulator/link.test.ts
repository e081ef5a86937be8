import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { viewOf } from "../../../firmware/ble/codec.ts";
import {
  disconnect,
  leRemoteConnectionParameterRequestReply,
  leSetEventMask,
  leWriteSuggestedDefaultDataLength,
  reset,
} from "../../../firmware/ble/hci/commands.ts";
import * as central from "../../../firmware/ble/hci/commands-central.ts";
import {
  dataBufferOverflow,
  disconnectionComplete,
  leConnectionComplete,
  leConnectionUpdateComplete,
  leRemoteConnectionParameterRequest,
  numberOfCompletedPackets,
} from "../../../firmware/ble/hci/events.ts";
import {
  leDataLengthChange,
  lePhyUpdateComplete,
  leReadRemoteFeaturesComplete,
  readRemoteVersionInformationComplete,
} from "../../../firmware/ble/hci/events-central.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { connectionTo, createLinkedPair, createPair, PERIPHERAL_ADDRESS, type Probe } from "./probe.ts";

/** 200 bytes that tell their place. */
function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}

function completed(probe: Probe): number {
  return probe
    .events(numberOfCompletedPackets)
    .reduce((sum, { handlesAndCounts }) => sum + viewOf(handlesAndCounts).getUint16(2, true), 0);
}

function update(handle: number, interval: number, latency = 0, timeout = 400) {
  return {
    connectionHandle: handle,
    connectionIntervalMin: interval,
    connectionIntervalMax: interval,
    maxLatency: latency,
    supervisionTimeout: timeout,
    minCeLength: 0,
    maxCeLength: 0,
  };
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

  it("changes its timing at an instant, six events or more from now (5.1.1)", async () => {
    const clock = new VirtualClock();
    const {
      central: phone,
      peripheral,
      handle,
    } = await createLinkedPair(clock, { timing: { interval: 24 } });
    const startMs = clock.now();
    phone.command(central.leConnectionUpdate, update(handle, 400, 1, 600));
    await clock.advance(500);
    for (const probe of [phone, peripheral]) {
      const { atMs, ...values } = probe.event(leConnectionUpdateComplete);
      assert.deepEqual(values, {
        status: 0,
        connectionHandle: handle,
        connectionInterval: 400,
        peripheralLatency: 1,
        supervisionTimeout: 600,
      });
      assert.ok(atMs - startMs >= 150 && atMs - startMs <= 240, `${atMs - startMs} ms`);
    }
    phone.sendAcl(handle, pattern(5));
    const sentMs = clock.now();
    await clock.advance(2000);
    assert.ok(peripheral.acl[0]!.atMs - sentMs > 100);
  });

  it("loses the link when the peripheral misses the instant", async () => {
    const clock = new VirtualClock();
    const {
      central: phone,
      peripheral,
      air,
      handle,
    } = await createLinkedPair(clock, { timing: { timeout: 100 } });
    phone.command(central.leConnectionUpdate, update(handle, 40, 0, 100));
    air.separate(phone.controller, peripheral.controller);
    await clock.advance(300);
    air.reunite(phone.controller, peripheral.controller);
    await clock.advance(2000);
    assert.deepEqual([phone.reasons, peripheral.reasons], [[0x08], [0x08]]);
  });

  it("asks the central's host when the peripheral wants other timing (5.1.7)", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    peripheral.command(central.leConnectionUpdate, { ...update(handle, 60), connectionIntervalMin: 40 });
    await clock.advance(100);
    const asked = phone.event(leRemoteConnectionParameterRequest);
    assert.deepEqual([asked.intervalMin, asked.intervalMax], [40, 60]);
    phone.command(leRemoteConnectionParameterRequestReply, {
      connectionHandle: handle,
      intervalMin: 40,
      intervalMax: 50,
      maxLatency: 0,
      timeout: 400,
      minCeLength: 0,
      maxCeLength: 0,
    });
    await clock.advance(500);
    assert.equal(peripheral.event(leConnectionUpdateComplete).connectionInterval, 50);
    const refuse = { connectionHandle: handle, reason: 0x3b };
    assert.equal(phone.status(central.leRemoteConnectionParameterRequestNegativeReply, refuse), 0x0c);
  });

  it("refuses other timing in the name of a host that is not asked, or says no", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    phone.command(leSetEventMask, { leEventMask: new Uint8Array([0x1f, 0, 0, 0, 0, 0, 0, 0]) });
    peripheral.command(central.leConnectionUpdate, update(handle, 60));
    await clock.advance(300);
    phone.unmask();
    peripheral.command(central.leConnectionUpdate, update(handle, 60));
    await clock.advance(300);
    const refuse = { connectionHandle: handle, reason: 0x3b };
    phone.command(central.leRemoteConnectionParameterRequestNegativeReply, refuse);
    await clock.advance(300);
    const statuses = peripheral.events(leConnectionUpdateComplete).map(({ status }) => status);
    assert.deepEqual(statuses, [0x1a, 0x3b]);
  });

  it("exchanges features and versions", async () => {
    const clock = new VirtualClock();
    const options = {
      peripheral: { features: [0, 8], version: 8, companyIdentifier: 0x0059, subversion: 7 },
    };
    const { central: phone, peripheral, handle } = await createLinkedPair(clock, options);
    phone.command(central.leReadRemoteFeatures, { connectionHandle: handle });
    await clock.advance(100);
    phone.command(central.readRemoteVersionInformation, { connectionHandle: handle });
    await clock.advance(100);
    assert.deepEqual([...phone.event(leReadRemoteFeaturesComplete).leFeatures], [1, 1, 0, 0, 0, 0, 0, 0]);
    const { version, companyIdentifier, subversion } = phone.event(readRemoteVersionInformationComplete);
    assert.deepEqual([version, companyIdentifier, subversion], [8, 0x0059, 7]);
    phone.command(central.readRemoteVersionInformation, { connectionHandle: handle });
    await clock.advance(1);
    assert.equal(phone.events(readRemoteVersionInformationComplete).length, 2, "known by now");
    assert.deepEqual(peripheral.events(readRemoteVersionInformationComplete), []);
  });

  it("lengthens data packets to what both can do, and tells both hosts (5.1.9)", async () => {
    const clock = new VirtualClock();
    const options = { peripheral: { maxDataOctets: 120 } };
    const { central: phone, peripheral, handle } = await createLinkedPair(clock, options);
    phone.command(central.leSetDataLength, { connectionHandle: handle, txOctets: 251, txTime: 2120 });
    await clock.advance(100);
    const { atMs, ...lengths } = phone.event(leDataLengthChange);
    assert.deepEqual(lengths, {
      connectionHandle: handle,
      maxTxOctets: 120,
      maxTxTime: (120 + 14) * 8,
      maxRxOctets: 27,
      maxRxTime: 328,
    });
    assert.equal(peripheral.event(leDataLengthChange).maxRxOctets, 120);
    phone.sendAcl(handle, pattern(200));
    await clock.advance(100);
    assert.deepEqual(
      peripheral.acl.map(({ data }) => data.length),
      [120, 80],
    );
  });

  it("lengthens them by itself when the host suggested that", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral } = createPair(clock);
    const suggested = { suggestedMaxTxOctets: 251, suggestedMaxTxTime: 2120 };
    peripheral.command(leWriteSuggestedDefaultDataLength, suggested);
    peripheral.advertise();
    phone.command(central.leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(300);
    assert.equal(peripheral.event(leDataLengthChange).maxTxOctets, 251);
    assert.equal(phone.event(leDataLengthChange).maxRxOctets, 251);
  });

  it("keeps short packets when the peer knows no others", async () => {
    const clock = new VirtualClock();
    const {
      central: phone,
      peripheral,
      handle,
    } = await createLinkedPair(clock, { peripheral: { features: [0] } });
    phone.command(central.leSetDataLength, { connectionHandle: handle, txOctets: 251, txTime: 2120 });
    await clock.advance(200);
    assert.deepEqual(phone.events(leDataLengthChange), []);
    assert.deepEqual(peripheral.send("01 2f 20 00"), ["040f0401012f" + "20"], "nor the commands for them");
  });

  it("changes the PHY where both like it, which halves the time on air", async () => {
    const clock = new VirtualClock();
    const options = { peripheral: { aclPackets: 100 }, timing: { interval: 6 } };
    const { central: phone, peripheral, handle } = await createLinkedPair(clock, options);
    peripheral.command(central.leSetPhy, {
      connectionHandle: handle,
      allPhys: 0,
      txPhys: 2,
      rxPhys: 2,
      phyOptions: 0,
    });
    await clock.advance(200);
    for (const probe of [phone, peripheral]) {
      const { status, txPhy, rxPhy } = probe.event(lePhyUpdateComplete);
      assert.deepEqual([status, txPhy, rxPhy], [0, 2, 2]);
      assert.equal(probe.command(central.leReadPhy, { connectionHandle: handle }).txPhy, 2);
    }
    for (let index = 0; index < 60; index++) peripheral.sendAcl(handle, pattern(27));
    await clock.advance(200);
    const perEvent = new Map<number, number>();
    for (const { atMs } of phone.acl) perEvent.set(atMs, (perEvent.get(atMs) ?? 0) + 1);
    assert.equal(Math.max(...perEvent.values()), 14);
  });

  it("tells a refused PHY by the event (7.7.65.12)", async () => {
    const clock = new VirtualClock();
    const { central: phone, handle } = await createLinkedPair(clock, { peripheral: { features: [0] } });
    phone.command(central.leSetPhy, {
      connectionHandle: handle,
      allPhys: 0,
      txPhys: 2,
      rxPhys: 2,
      phyOptions: 0,
    });
    await clock.advance(200);
    assert.equal(phone.event(lePhyUpdateComplete).status, 0x1a);
    const none = { connectionHandle: handle, allPhys: 0, txPhys: 4, rxPhys: 4, phyOptions: 0 };
    assert.equal(phone.status(central.leSetPhy, none), 0x11);
  });

  it("ends after 40 s when a procedure is not answered: 0x22 (5.2)", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    peripheral.controller.vices.deafTo = ["LL_FEATURE_REQ"];
    phone.command(central.leReadRemoteFeatures, { connectionHandle: handle });
    await clock.advance(39_900);
    assert.deepEqual(phone.reasons, []);
    await clock.advance(200);
    assert.deepEqual(phone.reasons, [0x22]);
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
