import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { hex } from "../../../firmware/ble/codec.ts";
import { reset } from "../../../firmware/ble/hci/commands/baseband.ts";
import {
  leSetAdvertisingData,
  leSetAdvertisingEnable,
  leSetScanResponseData,
} from "../../../firmware/ble/hci/commands/le-advertising.ts";
import { leReadSupportedStates } from "../../../firmware/ble/hci/commands/le-controller.ts";
import {
  leAddDeviceToFilterAcceptList,
  leCreateConnection,
  leCreateConnectionCancel,
  leSetScanEnable,
  leSetScanParameters,
} from "../../../firmware/ble/hci/commands/le-scanning.ts";
import { disconnect } from "../../../firmware/ble/hci/commands/link-control.ts";
import { leAdvertisingReport, leConnectionComplete } from "../../../firmware/ble/hci/le-events.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import {
  bytesOf,
  CENTRAL_ADDRESS,
  connectionTo,
  createPair,
  type Pair,
  PERIPHERAL_ADDRESS,
  type Probe,
} from "./probe.ts";

const DATA = bytesOf("02 01 06");
const RESPONSE = bytesOf("04 09 63 61 6d");

function setData({ peripheral }: Pair): void {
  const advertisingData = new Uint8Array(31);
  advertisingData.set(DATA);
  peripheral.command(leSetAdvertisingData, { advertisingDataLength: DATA.length, advertisingData });
  const scanResponseData = new Uint8Array(31);
  scanResponseData.set(RESPONSE);
  peripheral.command(leSetScanResponseData, { scanResponseDataLength: RESPONSE.length, scanResponseData });
}

function scan(
  probe: Probe,
  options: {
    active?: boolean;
    filterPolicy?: number;
    filterDuplicates?: number;
    interval?: number;
    window?: number;
  } = {},
): void {
  const { active = true, filterPolicy = 0, filterDuplicates = 0, interval = 0x60, window = 0x60 } = options;
  probe.command(leSetScanParameters, {
    leScanType: active ? 1 : 0,
    leScanInterval: interval,
    leScanWindow: window,
    ownAddressType: 0,
    scanningFilterPolicy: filterPolicy,
  });
  probe.command(leSetScanEnable, { leScanEnable: 1, filterDuplicates });
}

function reports(probe: Probe): string[] {
  return probe.events(leAdvertisingReport).map(({ reports: report }) => hex(report));
}

/** Event_Type of each report. */
function types(probe: Probe): number[] {
  return probe.events(leAdvertisingReport).map(({ reports: report }) => report[0]!);
}

describe("simulated controller: advertising and scanning", () => {
  it("reports advertising data and scan response apart, as 7.7.65.2 lays them out", async () => {
    const clock = new VirtualClock();
    const pair = createPair(clock);
    setData(pair);
    pair.peripheral.advertise({ intervalMs: 100 });
    scan(pair.central);
    await clock.advance(5);
    const address = "0f0000dc1b00";
    assert.deepEqual(reports(pair.central), [
      `0000${address}03020106cc`,
      `0400${address}050409${hex(bytesOf("63 61 6d"))}cc`,
    ]);
  });

  it("asks for no scan response when it scans passively", async () => {
    const clock = new VirtualClock();
    const pair = createPair(clock);
    setData(pair);
    pair.peripheral.advertise();
    scan(pair.central, { active: false });
    await clock.advance(1000);
    assert.ok(types(pair.central).length > 5);
    assert.ok(types(pair.central).every((type) => type === 0));
  });

  it("advertises once an interval, delayed by up to 10 ms (Vol 6, Part B, 4.4.2.2.1)", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise({ intervalMs: 100 });
    scan(central, { active: false });
    await clock.advance(60_000);
    const times = central.events(leAdvertisingReport).map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    assert.ok(gaps.every((gap) => gap >= 100 && gap <= 110));
    assert.ok(new Set(gaps.map((gap) => Math.floor(gap))).size > 5, "the delay is random");
    assert.ok(times.length > 540 && times.length < 600);
  });

  it("hears nothing outside its window", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise({ intervalMs: 20 });
    scan(central, { active: false, interval: 0x0640, window: 0x0140 });
    await clock.advance(10_000);
    const times = central.events(leAdvertisingReport).map(({ atMs }) => atMs % 1000);
    assert.ok(times.length > 50);
    assert.ok(times.every((time) => time <= 200));
  });

  for (const [name, type, eventTypes] of [
    ["scannable", 2, [2, 4]],
    ["not connectable", 3, [3]],
  ] as const) {
    it(`is reported as ${name}, and cannot be connected to`, async () => {
      const clock = new VirtualClock();
      const pair = createPair(clock);
      setData(pair);
      pair.peripheral.advertise({ type });
      scan(pair.central);
      pair.central.command(leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
      await clock.advance(1000);
      assert.deepEqual(new Set(types(pair.central)), new Set(eventTypes));
      assert.deepEqual(pair.central.events(leConnectionComplete), []);
    });
  }

  it("reports a device once of each kind when duplicates are filtered", async () => {
    const clock = new VirtualClock();
    const pair = createPair(clock);
    setData(pair);
    pair.peripheral.advertise();
    scan(pair.central, { filterDuplicates: 1 });
    await clock.advance(1000);
    assert.deepEqual(types(pair.central), [0, 4]);
  });

  it("reports only accepted devices under filter policy 1", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise();
    scan(central, { filterPolicy: 1 });
    await clock.advance(500);
    assert.deepEqual(types(central), []);
    central.command(leSetScanEnable, { leScanEnable: 0, filterDuplicates: 0 });
    central.command(leAddDeviceToFilterAcceptList, { addressType: 0, address: PERIPHERAL_ADDRESS });
    scan(central, { filterPolicy: 1 });
    await clock.advance(500);
    assert.ok(types(central).length > 0);
  });

  it("stops when a central connects, and reports it to both sides (7.7.65.1)", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise();
    central.command(
      leCreateConnection,
      connectionTo(PERIPHERAL_ADDRESS, { interval: 40, latency: 2, timeout: 300 }),
    );
    await clock.advance(2000);
    const expected = {
      status: 0,
      connectionHandle: 0x40,
      connectionInterval: 40,
      peripheralLatency: 2,
      supervisionTimeout: 300,
    };
    const atCentral = central.event(leConnectionComplete);
    const atPeripheral = peripheral.event(leConnectionComplete);
    for (const [event, role, peer] of [
      [atCentral, 0, PERIPHERAL_ADDRESS],
      [atPeripheral, 1, CENTRAL_ADDRESS],
    ] as const) {
      const { atMs, centralClockAccuracy, ...values } = event;
      assert.deepEqual(values, { ...expected, role, peerAddressType: 0, peerAddress: peer });
    }
    scan(central);
    await clock.advance(1000);
    assert.deepEqual(types(central), []);
  });

  it("lets only accepted centrals connect under filter policy 2", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.command(leAddDeviceToFilterAcceptList, {
      addressType: 0,
      address: bytesOf("01 02 03 04 05 06"),
    });
    peripheral.advertise({ filterPolicy: 2 });
    central.command(leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(1000);
    assert.deepEqual(peripheral.events(leConnectionComplete), []);
    assert.deepEqual(central.reasons, [0x3e], "the central took the link for made");
    peripheral.command(reset, {});
    peripheral.unmask();
    peripheral.command(leAddDeviceToFilterAcceptList, { addressType: 0, address: CENTRAL_ADDRESS });
    peripheral.advertise({ filterPolicy: 2 });
    central.command(leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(1000);
    assert.equal(peripheral.events(leConnectionComplete).length, 1);
  });

  it("connects to any accepted device, and to no other", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise();
    central.command(leCreateConnection, connectionTo(new Uint8Array(6), { filterPolicy: 1 }));
    await clock.advance(1000);
    assert.deepEqual(central.events(leConnectionComplete), []);
    central.command(leCreateConnectionCancel, {});
    await clock.advance(1);
    assert.equal(
      central.event(leConnectionComplete).status,
      0x02,
      "a cancelled attempt is reported (7.8.13)",
    );
    central.command(leAddDeviceToFilterAcceptList, { addressType: 0, address: PERIPHERAL_ADDRESS });
    central.command(leCreateConnection, connectionTo(new Uint8Array(6), { filterPolicy: 1 }));
    await clock.advance(1000);
    assert.equal(central.events(leConnectionComplete)[1]?.status, 0);
  });

  it("advertises to one device only when directed, and gives up after 1.28 s at high duty cycle", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise({ type: 1, peer: bytesOf("01 02 03 04 05 06") });
    central.command(leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    scan(central);
    await clock.advance(2000);
    assert.deepEqual(central.events(leConnectionComplete), []);
    assert.deepEqual(types(central), []);
    const given = peripheral.event(leConnectionComplete);
    assert.equal(given.status, 0x3c);
    assert.ok(given.atMs >= 1280 && given.atMs < 1290);
    peripheral.advertise({ type: 1, peer: CENTRAL_ADDRESS });
    await clock.advance(100);
    assert.equal(central.event(leConnectionComplete).status, 0);
  });

  it("refuses to advertise beside a link when it is made so, and reports the states that it is made to report", async () => {
    const clock = new VirtualClock();
    const leStates = new Uint8Array([0xff, 0xff, 0, 0, 0, 0, 0, 0]);
    const { peripheral, central } = createPair(clock, {
      peripheral: { advertisesWhileConnected: false, leStates },
    });
    assert.deepEqual(peripheral.command(leReadSupportedStates, {}).leStates, leStates);
    peripheral.advertise();
    central.command(leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(1000);
    assert.equal(peripheral.status(leSetAdvertisingEnable, { advertisingEnable: 1 }), 0x0c);
    peripheral.command(disconnect, { connectionHandle: 0x40, reason: 0x13 });
    await clock.advance(1000);
    assert.equal(peripheral.status(leSetAdvertisingEnable, { advertisingEnable: 1 }), 0);
  });

  it("is silent after Reset", async () => {
    const clock = new VirtualClock();
    const { central, peripheral } = createPair(clock);
    peripheral.advertise();
    scan(central);
    peripheral.command(reset, {});
    await clock.advance(1000);
    assert.deepEqual(types(central), []);
  });

  it("is not heard out of range, and heard less when the air loses packets", async () => {
    const clock = new VirtualClock();
    const { central, peripheral, air } = createPair(clock);
    peripheral.advertise({ intervalMs: 20 });
    scan(central, { active: false });
    air.separate(central.controller, peripheral.controller);
    await clock.advance(1000);
    assert.deepEqual(types(central), []);
    air.reunite(central.controller, peripheral.controller);
    air.loss = 0.5;
    await clock.advance(25_000);
    const share = types(central).length / 1000;
    assert.ok(share > 0.4 && share < 0.6, `${share} of about 1,000`);
  });
});
