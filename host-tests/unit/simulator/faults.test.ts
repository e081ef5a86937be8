import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { viewOf } from "../../../firmware/ble/codec.ts";
import {
  disconnectionComplete,
  hardwareError,
  numberOfCompletedPackets,
} from "../../../firmware/ble/hci/events.ts";
import { leConnectionComplete } from "../../../firmware/ble/hci/le-events.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { type Faults, noFaults } from "../../../simulator/controller/options.ts";
import { Air } from "../../../simulator/link.ts";
import * as commands from "../../support/commands.ts";
import { connectionTo, createLinkedPair, createPair, PERIPHERAL_ADDRESS, Probe } from "./probe.ts";

const RESET = "01 03 0c 00";
const READ_BD_ADDR = "01 09 10 00";

function createBad(faults: Partial<Faults>): { probe: Probe; clock: VirtualClock } {
  const clock = new VirtualClock();
  const probe = new Probe(clock, new Air(clock.quiet));
  probe.controller.faults = { ...noFaults(), ...faults };
  return { probe, clock };
}

describe("simulated controller: faults", () => {
  it("is silent, to all or to one command", () => {
    assert.deepEqual(createBad({ silent: true }).probe.send(RESET), []);
    const { probe } = createBad({ silent: [commands.readBdAddr.opcode] });
    assert.equal(probe.send(RESET).length, 1);
    assert.deepEqual(probe.send(READ_BD_ADDR), []);
    assert.equal(probe.send(RESET).length, 1, "Reset is always heard");
  });

  it("answers late", async () => {
    const { probe, clock } = createBad({ answerDelayMs: new Map([[commands.reset.opcode, 3000]]) });
    assert.deepEqual(probe.send(RESET), []);
    await clock.advance(2999);
    assert.deepEqual(probe.packets, []);
    await clock.advance(1);
    assert.deepEqual(probe.packets, ["040e0401030c00"]);
  });

  it("refuses what it supports, lists what it lacks, and cuts answers", () => {
    const refusing = createBad({ refuse: new Map([[commands.reset.opcode, 0x03]]) });
    assert.deepEqual(refusing.probe.send(RESET), ["040e0401030c03"]);
    const boasting = createBad({ claims: [commands.leReadPhy.opcode], unknownByComplete: true });
    assert.equal(
      boasting.probe.command(commands.readLocalSupportedCommands, {}).supportedCommands[35]! & 0x10,
      0x10,
    );
    assert.deepEqual(boasting.probe.send("01 30 20 02 40 00"), ["040e0401302001"]);
    assert.deepEqual(createBad({ truncateAnswers: 3 }).probe.send(READ_BD_ADDR), ["040e0601091000" + "0100"]);
  });

  it("grants the next command later, by an answer to opcode 0", async () => {
    const { probe, clock } = createBad({ creditDelayMs: 50 });
    assert.deepEqual(probe.send(RESET), ["040e0400030c00"]);
    probe.send(READ_BD_ADDR);
    assert.equal(probe.controller.violations.length, 1);
    await clock.advance(50);
    assert.deepEqual(probe.packets.slice(1), ["040e03010000"]);
    assert.equal(probe.send(READ_BD_ADDR).length, 1);
  });

  it("counts completed packets wrongly, for others, or not at all", async () => {
    const counts = async (faults: Partial<Faults>): Promise<number[]> => {
      const clock = new VirtualClock();
      const { peripheral, handle } = await createLinkedPair(clock);
      peripheral.controller.faults = { ...noFaults(), ...faults };
      peripheral.sendAcl(handle, new Uint8Array(5));
      await clock.advance(200);
      return peripheral.events(numberOfCompletedPackets).flatMap(({ handlesAndCounts }) => {
        const view = viewOf(handlesAndCounts);
        return [view.getUint16(0, true), view.getUint16(2, true)];
      });
    };
    assert.deepEqual(await counts({}), [0x40, 1]);
    assert.deepEqual(await counts({ completedExtra: 5 }), [0x40, 6]);
    assert.deepEqual(await counts({ completedHandle: 0x123 }), [0x123, 1]);
    assert.deepEqual(await counts({ withholdCompleted: true }), []);
  });

  it("reports a connection late", async () => {
    const clock = new VirtualClock();
    const pair = createPair(clock);
    pair.peripheral.controller.faults.connectionDelayMs = 300;
    pair.peripheral.advertise();
    pair.central.command(commands.leCreateConnection, connectionTo(PERIPHERAL_ADDRESS));
    await clock.advance(1000);
    const timesMs = [pair.peripheral, pair.central].map((probe) => probe.event(leConnectionComplete).atMs);
    assert.equal(timesMs[0]! - timesMs[1]!, 300);
  });

  it("sends events twice", async () => {
    const clock = new VirtualClock();
    const { central: phone, handle } = await createLinkedPair(clock);
    phone.controller.faults.duplicate = [disconnectionComplete.code];
    phone.command(commands.disconnect, { connectionHandle: handle, reason: 0x13 });
    await clock.advance(200);
    assert.equal(phone.events(disconnectionComplete).length, 2);
  });

  it("sends garbage and hardware errors on demand", () => {
    const { probe } = createBad({});
    probe.controller.deliver(new Uint8Array([4, 0xff, 1, 9]));
    probe.controller.reportHardwareError(0x42);
    assert.deepEqual(probe.packets, ["04ff0109", "04100142"]);
    assert.equal(probe.event(hardwareError).hardwareCode, 0x42);
  });

  it("dies in the middle, and comes back as after Reset", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    peripheral.controller.die();
    assert.deepEqual(peripheral.send(RESET), []);
    await clock.advance(5000);
    assert.deepEqual(phone.reasons, [0x08]);
    assert.deepEqual(peripheral.reasons, []);
    peripheral.controller.revive();
    assert.equal(peripheral.status(commands.disconnect, { connectionHandle: handle, reason: 0x13 }), 0x02);
  });

  it("refuses the data length extension that it promises", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral, handle } = await createLinkedPair(clock);
    peripheral.controller.faults.refuseDataLength = true;
    const values = { connectionHandle: handle, txOctets: 251, txTime: 2120 };
    assert.equal(peripheral.status(commands.leSetDataLength, values), 0x11);
    phone.command(commands.leSetDataLength, values);
    await clock.advance(200);
    phone.sendAcl(handle, new Uint8Array(60));
    await clock.advance(200);
    assert.deepEqual(
      peripheral.acl.map(({ data }) => data.length),
      [27, 27, 6],
    );
  });

  it("keeps its links over a Reset", async () => {
    const clock = new VirtualClock();
    const { central: phone, peripheral } = await createLinkedPair(clock);
    peripheral.controller.faults.resetKeepsState = true;
    peripheral.command(commands.reset, {});
    await clock.advance(10_000);
    assert.deepEqual(phone.reasons, []);
  });
});
