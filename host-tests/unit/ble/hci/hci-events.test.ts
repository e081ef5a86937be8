import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { disconnectionComplete, encryptionKeyRefreshComplete } from "../../../../firmware/ble/hci/events.ts";
import {
  leConnectionComplete,
  leConnectionUpdateComplete,
  leDataLengthChange,
  leEnhancedConnectionComplete,
  leLongTermKeyRequest,
  lePhyUpdateComplete,
  leRemoteConnectionParameterRequest,
} from "../../../../firmware/ble/hci/le-events.ts";
import type { HciEvent } from "../../../../firmware/ble/hci/packet.ts";
import { EVENTS } from "../../../../tools/trace/packet-tables.ts";
import { fromHex, toHex } from "../../../support/bytes.ts";
import { aclFrame, completedPackets, eventPacket, lePacket } from "../../../support/scripted-controller.ts";
import { setUp } from "./hci-scene.ts";

describe("Hci events", () => {
  it("delivers an event and an LE event to its handler, others to nobody", async () => {
    const { hci, controller } = setUp();
    const seen: unknown[] = [];
    hci.on(disconnectionComplete, (values) => seen.push(values));
    hci.on(leConnectionUpdateComplete, (values) => seen.push(values));
    controller.deliver(
      eventPacket(0x05, fromHex("00 40 00 13")),
      lePacket(0x03, fromHex("00 40 00 06 00 04 00 f4 01")),
      lePacket(0x05, fromHex("40 00")),
      lePacket(0xff, []),
      eventPacket(0x3e, []),
      eventPacket(0xff, [1, 2, 3]),
    );
    await controller.settle();
    assert.deepEqual(seen, [
      { status: 0, connectionHandle: 0x40, reason: 0x13 },
      {
        status: 0,
        connectionHandle: 0x40,
        connectionInterval: 6,
        peripheralLatency: 4,
        supervisionTimeout: 500,
      },
    ]);
    assert.equal(hci.malformed, 0, "unknown is not malformed");
  });

  it("every listener of an event hears it, in the order in which they began", async () => {
    const { hci, controller } = setUp();
    const seen: string[] = [];
    hci.on(disconnectionComplete, () => seen.push("first"));
    hci.on(disconnectionComplete, () => seen.push("second"));
    controller.deliver(eventPacket(0x05, fromHex("00 40 00 13")));
    await controller.settle();
    assert.deepEqual(seen, ["first", "second"]);
  });

  it("an event that demands a reply has one owner: a second throws", () => {
    const { hci } = setUp();
    for (const request of [leLongTermKeyRequest, leRemoteConnectionParameterRequest] as const) {
      hci.on(request as HciEvent, () => {});
      assert.throws(() => hci.on(request as HciEvent, () => {}), { message: /has an owner/ });
    }
    const demanding = EVENTS.filter((event) => event.demandsReply);
    assert.deepEqual(demanding, [leLongTermKeyRequest, leRemoteConnectionParameterRequest]);
  });

  it("both masks follow from what is listened to, cut to the features of the controller (7.3.1, 7.8.1)", () => {
    const { hci } = setUp();
    const masks = (features: string): string[] => {
      const { eventMask, leEventMask } = hci.eventMasks(fromHex(features));
      return [toHex(eventMask), toHex(leEventMask)];
    };
    const none = "00 00 00 00 00 00 00 00";
    assert.deepEqual(masks(none), ["00 80 00 00 00 00 00 00", none], "Hardware Error is for HCI itself");
    hci.on(disconnectionComplete, () => {});
    assert.deepEqual(masks(none), ["10 80 00 00 00 00 00 00", none], "no LE Meta event");
    hci.on(leConnectionComplete, () => {});
    hci.on(leRemoteConnectionParameterRequest, () => {});
    hci.on(leDataLengthChange, () => {});
    hci.on(leEnhancedConnectionComplete, () => {});
    hci.on(lePhyUpdateComplete, () => {});
    hci.on(encryptionKeyRefreshComplete, () => {});
    const common = "10 80 00 00 00 80 00 20";
    assert.deepEqual(masks(none), [common, "01 00 00 00 00 00 00 00"]);
    assert.deepEqual(masks("02 00 00 00 00 00 00 00"), [common, "21 00 00 00 00 00 00 00"]);
    assert.deepEqual(masks("20 00 00 00 00 00 00 00"), [common, "41 00 00 00 00 00 00 00"]);
    assert.deepEqual(masks("40 00 00 00 00 00 00 00"), [common, "01 02 00 00 00 00 00 00"]);
    assert.deepEqual(masks("00 01 00 00 00 00 00 00"), [common, "01 08 00 00 00 00 00 00"]);
    assert.deepEqual(masks("00 08 00 00 00 00 00 00"), [common, "01 08 00 00 00 00 00 00"]);
    assert.deepEqual(masks("ff ff ff ff ff ff ff ff"), [common, "61 0a 00 00 00 00 00 00"]);
    for (const event of EVENTS) {
      if (!event.demandsReply) hci.on(event, () => {});
    }
    const [eventMask] = masks(none);
    assert.equal(eventMask, "90 80 00 02 00 80 00 20", "what comes always has no bit");
  });

  it("drops and counts events that are cut short, and goes on", async () => {
    const { hci, controller, log } = setUp();
    const seen: unknown[] = [];
    hci.on(disconnectionComplete, (values) => seen.push(values));
    const short = [
      eventPacket(0x05, fromHex("00 40 00")),
      eventPacket(0x05, []),
      eventPacket(0x0e, [1, 0]),
      eventPacket(0x0f, [0, 1, 6]),
    ];
    controller.deliver(...short, eventPacket(0x05, fromHex("00 40 00 13")));
    await controller.settle();
    assert.equal(seen.length, 1);
    assert.equal(hci.malformed, short.length);
    assert.equal(log.length, short.length);
  });

  it("drops packets whose length is wrong or whose kind a controller never sends (Vol 4, Part A, 2)", async () => {
    const { hci, controller, acl } = setUp();
    const bad = [
      "04",
      "04 05",
      "04 05 04 00 40 00",
      "04 05 04 00 40 00 13 00",
      "02",
      "02 40 20",
      "02 40 20 01",
      "02 40 20 01 00",
      "02 40 20 00 00 01",
      "01 03 0c 00",
      "03 00 00 00",
      "00",
      "ff ff ff ff",
    ].map(fromHex);
    controller.deliver(...bad);
    await controller.settle();
    assert.equal(hci.malformed, bad.length);
    assert.deepEqual(acl, []);
    hci.open();
    assert.equal(hci.malformed, 0);
  });

  it("survives every event code with every length up to 12, garbage inside", async () => {
    const { hci, controller, failures } = setUp();
    hci.on(disconnectionComplete, () => {});
    hci.on(leConnectionUpdateComplete, () => {});
    for (let code = 0; code <= 0xff; code++) {
      if (code === 0x10) continue; // Hardware Error ends the line, and has its own test.
      for (let length = 0; length <= 12; length++) {
        for (const fill of [0x00, 0x03, 0xff]) {
          hci.onPacket(new DataView(eventPacket(code, new Array(length).fill(fill)).buffer as ArrayBuffer));
        }
      }
    }
    await controller.settle();
    assert.equal(failures.length, 0);
  });

  it("hands on whole ACL packets and Number Of Completed Packets", async () => {
    const { controller, acl, completed } = setUp();
    controller.deliver(aclFrame(0x40, 4, [0x0a, 3, 0]), completedPackets([0x40, 2]));
    await controller.settle();
    assert.deepEqual(acl, ["02 40 20 07 00 03 00 04 00 0a 03 00"]);
    assert.deepEqual(completed, ["04 13 05 01 40 00 02 00"]);
  });
});
