import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { decode, encode } from "../../../../firmware/ble/codec.ts";
import * as commonEvents from "../../../../firmware/ble/hci/events.ts";
import * as leEvents from "../../../../firmware/ble/hci/le-events.ts";
import type { HciEvent } from "../../../../firmware/ble/hci/packet.ts";
import { HCI_STATUS, statusText } from "../../../../firmware/ble/hci/status.ts";
import { EVENTS } from "../../../../tools/trace/packet-tables.ts";
import { fieldsText } from "../../../../tools/trace/packet-text.ts";
import { fromHex, shiftedView, toHex } from "../../../support/bytes.ts";

const events = { ...commonEvents, ...leEvents };

const EIGHT = fromHex("0102030405060708");
const SIXTEEN_TEXT = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f";
const _SIXTEEN = fromHex(SIXTEEN_TEXT);
const _DATA = fromHex("0201060303 1a18");

const EVENT_VECTORS: readonly [HciEvent, number, Record<string, unknown>, string][] = [
  [events.disconnectionComplete, 0x05, { status: 0, connectionHandle: 0x40, reason: 0x13 }, "00 40 00 13"],
  [events.encryptionChange, 0x08, { status: 0, connectionHandle: 0x40, encryptionEnabled: 1 }, "00 40 00 01"],
  [
    events.encryptionChangeV2,
    0x59,
    { status: 0, connectionHandle: 0x40, encryptionEnabled: 1, encryptionKeySize: 16 },
    "00 40 00 01 10",
  ],
  [
    events.commandComplete,
    0x0e,
    { numHciCommandPackets: 1, commandOpcode: 0x0c03, returnParameters: fromHex("00") },
    "01 03 0c 00",
  ],
  [
    events.commandStatus,
    0x0f,
    { status: 0x0c, numHciCommandPackets: 1, commandOpcode: 0x0406 },
    "0c 01 06 04",
  ],
  [events.hardwareError, 0x10, { hardwareCode: 0x42 }, "42"],
  [
    events.numberOfCompletedPackets,
    0x13,
    { numHandles: 2, handlesAndCounts: fromHex("4000010041000200") },
    "02 40 00 01 00 41 00 02 00",
  ],
  [events.dataBufferOverflow, 0x1a, { linkType: 1 }, "01"],
  [
    events.leConnectionComplete,
    0x3e01,
    {
      status: 0,
      connectionHandle: 0x40,
      role: 1,
      peerAddressType: 1,
      peerAddress: fromHex("c60504030201"),
      connectionInterval: 24,
      peripheralLatency: 3,
      supervisionTimeout: 72,
      centralClockAccuracy: 5,
    },
    "00 40 00 01 01 01 02 03 04 05 c6 18 00 03 00 48 00 05",
  ],
  [
    events.leConnectionUpdateComplete,
    0x3e03,
    {
      status: 0,
      connectionHandle: 0x40,
      connectionInterval: 6,
      peripheralLatency: 4,
      supervisionTimeout: 500,
    },
    "00 40 00 06 00 04 00 f4 01",
  ],
  [
    events.leLongTermKeyRequest,
    0x3e05,
    { connectionHandle: 0x40, randomNumber: EIGHT, encryptedDiversifier: 0xbeef },
    "40 00 01 02 03 04 05 06 07 08 ef be",
  ],
  [
    events.leRemoteConnectionParameterRequest,
    0x3e06,
    { connectionHandle: 0x40, intervalMin: 6, intervalMax: 12, maxLatency: 0, timeout: 500 },
    "40 00 06 00 0c 00 00 00 f4 01",
  ],
  [
    events.leEnhancedConnectionComplete,
    0x3e0a,
    {
      status: 0,
      connectionHandle: 0x40,
      role: 1,
      peerAddressType: 3,
      peerAddress: fromHex("c60504030201"),
      localResolvablePrivateAddress: fromHex("400000000001"),
      peerResolvablePrivateAddress: fromHex("400000000002"),
      connectionInterval: 24,
      peripheralLatency: 0,
      supervisionTimeout: 72,
      centralClockAccuracy: 0,
    },
    "00 40 00 01 03 01 02 03 04 05 c6 01 00 00 00 00 40 02 00 00 00 00 40 18 00 00 00 48 00 00",
  ],
  [events.encryptionKeyRefreshComplete, 0x30, { status: 0, connectionHandle: 0x40 }, "00 40 00"],
  [
    events.leAdvertisingReport,
    0x3e02,
    { numReports: 1, reports: fromHex("00 01 010203040506 00 c4") },
    "01 00 01 01 02 03 04 05 06 00 c4",
  ],
  [
    events.leDirectedAdvertisingReport,
    0x3e0b,
    { numReports: 1, reports: fromHex("01 01 010203040506 01 0708090a0b4c c4") },
    "01 01 01 01 02 03 04 05 06 01 07 08 09 0a 0b 4c c4",
  ],
  [
    events.leReadRemoteFeaturesComplete,
    0x3e04,
    { status: 0, connectionHandle: 0x40, leFeatures: EIGHT },
    "00 40 00 01 02 03 04 05 06 07 08",
  ],
  [
    events.leDataLengthChange,
    0x3e07,
    { connectionHandle: 0x40, maxTxOctets: 251, maxTxTime: 2120, maxRxOctets: 27, maxRxTime: 328 },
    "40 00 fb 00 48 08 1b 00 48 01",
  ],
  [
    events.lePhyUpdateComplete,
    0x3e0c,
    { status: 0, connectionHandle: 0x40, txPhy: 2, rxPhy: 3 },
    "00 40 00 02 03",
  ],
];

describe("HCI events against bytes by hand (Vol 4, Part E, 7.7)", () => {
  for (const [event, code, values, wire] of EVENT_VECTORS) {
    it(`${event.name}: code 0x${code.toString(16)}`, () => {
      assert.equal(event.code, code);
      const bytes = fromHex(wire);
      assert.deepEqual(decode(event.fields, shiftedView(bytes), 0, bytes.length, true), values);
      assert.equal(toHex(encode(event.fields, values)), wire);
      assert.notEqual(fieldsText(event.fields, values), "");
      const withRest: readonly HciEvent[] = [
        events.commandComplete,
        events.numberOfCompletedPackets,
        events.leAdvertisingReport,
        events.leDirectedAdvertisingReport,
      ];
      const endsInRest = withRest.includes(event);
      const shortest = event === events.commandComplete ? 3 : endsInRest ? 1 : bytes.length;
      for (let length = 0; length < shortest; length++) {
        assert.equal(decode(event.fields, shiftedView(bytes), 0, length), undefined, `cut to ${length}`);
      }
    });
  }

  it("covers every event of the table, each code once", () => {
    const covered = new Set(EVENT_VECTORS.map(([event]) => event));
    assert.deepEqual(
      EVENTS.filter((event) => !covered.has(event as HciEvent)).map((event) => event.name),
      [],
    );
    const codes = EVENTS.map((event) => event.code);
    assert.equal(new Set(codes).size, codes.length);
  });
});

describe("statusText", () => {
  it("names the codes of Vol 1, Part F, 1.3 and prints the others", () => {
    assert.equal(statusText(0x08), "connection timeout (0x08)");
    assert.equal(statusText(0x13), "remote user terminated (0x13)");
    assert.equal(statusText(0xee), "error 0xee");
    assert.equal(HCI_STATUS.UNSUPPORTED_LL_PARAMETER, 0x20);
    assert.equal(HCI_STATUS.LL_RESPONSE_TIMEOUT, 0x22);
    const codes = Object.values(HCI_STATUS);
    assert.equal(new Set(codes).size, codes.length);
    for (const [name, code] of Object.entries(HCI_STATUS)) {
      const text = `0x${code.toString(16).padStart(2, "0")}`;
      assert.equal(statusText(code), `${name.toLowerCase().replaceAll("_", " ")} (${text})`);
    }
  });
});
