import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  leSetEventMask,
  leWriteSuggestedDefaultDataLength,
} from "../../../firmware/ble/hci/commands/le-controller.ts";
import { leRemoteConnectionParameterRequestReply } from "../../../firmware/ble/hci/commands/le-link.ts";
import {
  leConnectionUpdateComplete,
  leDataLengthChange,
  lePhyUpdateComplete,
  leReadRemoteFeaturesComplete,
  leRemoteConnectionParameterRequest,
} from "../../../firmware/ble/hci/le-events.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { readRemoteVersionInformationComplete } from "../../../simulator/controller/more-commands.ts";
import * as central from "../../support/commands.ts";
import { connectionTo, createLinkedPair, createPair, PERIPHERAL_ADDRESS, pattern } from "./probe.ts";

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

describe("simulated controller: procedures of a link", () => {
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

  it("lengthens data packets to what both can do, and reports it to both hosts (5.1.9)", async () => {
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

  it("reports a refused PHY by the event (7.7.65.12)", async () => {
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
    peripheral.controller.faults.deafTo = ["LL_FEATURE_REQ"];
    phone.command(central.leReadRemoteFeatures, { connectionHandle: handle });
    await clock.advance(39_900);
    assert.deepEqual(phone.reasons, []);
    await clock.advance(200);
    assert.deepEqual(phone.reasons, [0x22]);
  });
});
