import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PDUS } from "../../../firmware/ble/att/pdus.ts";
import { LE_META } from "../../../firmware/ble/hci/packet.ts";
import { btsnoopRecord } from "../../../tools/trace/btsnoop.ts";
import { COMMANDS, EVENTS } from "../../../tools/trace/packet-tables.ts";
import { describePacket } from "../../../tools/trace/packet-text.ts";
import { concat, fromHex, le16, toHex } from "../../support/bytes.ts";
import { aclFrame, commandComplete, commandStatus, eventPacket } from "../../support/scripted-controller.ts";

describe("trace: one line for each HCI packet", () => {
  const cases: [string, "sent" | "received", Uint8Array | string, string][] = [
    ["a command without parameters", "sent", "01 03 0c 00", "> command Reset"],
    [
      "a command, field by field",
      "sent",
      "01 06 04 03 40 00 13",
      "> command Disconnect { connectionHandle: 0x0040, reason: 0x13 }",
    ],
    [
      "a command of the central",
      "sent",
      "01 0c 20 02 01 00",
      "> command LE Set Scan Enable { leScanEnable: 0x01, filterDuplicates: 0x00 }",
    ],
    ["a command that is not declared", "sent", "01 01 fc 02 ab cd", "> command Command 0xfc01 abcd"],
    ["a command that is cut short", "sent", "01 06 04 01 40", "> command Disconnect (malformed) 40"],
    [
      "an event, field by field",
      "received",
      "04 05 04 00 40 00 13",
      "< event Disconnection Complete { status: 0x00, connectionHandle: 0x0040, reason: 0x13 }",
    ],
    [
      "an event of the central",
      "received",
      "04 3e 0c 04 00 40 00 01 02 03 04 05 06 07 08",
      "< event LE Read Remote Features Complete { status: 0x00, connectionHandle: 0x0040, leFeatures: 0102030405060708 }",
    ],
    ["an event that is not declared", "received", "04 77 01 aa", "< event Event 0x77 aa"],
    ["a subevent that is not declared", "received", "04 3e 02 70 aa", "< event Event 0x3e70 aa"],
    ["an LE Meta event without a subevent", "received", "04 3e 00", "< event Event 0x3e"],
    [
      "an event that is cut short",
      "received",
      "04 05 02 00 40",
      "< event Disconnection Complete (malformed) 0040",
    ],
    [
      "the answer to a command, by its name",
      "received",
      commandComplete(0x2002, [0, 0xfb, 0, 4]),
      "< event Command Complete, LE Read Buffer Size { leAclDataPacketLength: 0x00fb, totalNumLeAclDataPackets: 0x04 }",
    ],
    [
      "a refusal, by its reason",
      "received",
      commandComplete(0x200a, [0x0c]),
      "< event Command Complete, LE Set Advertising Enable: command disallowed (0x0c)",
    ],
    [
      "the answer to a command that is not declared",
      "received",
      commandComplete(0xfc01, [0]),
      "< event Command Complete, Command 0xfc01: success (0x00)",
    ],
    ["an answer without its opcode", "received", "04 0e 01 01", "< event Command Complete (malformed) 01"],
    [
      "a command's status",
      "received",
      commandStatus(0x0406, 0x02),
      "< event Command Status { status: 0x02, numHciCommandPackets: 0x01, commandOpcode: 0x0406 }",
    ],
    [
      "an ATT PDU",
      "received",
      aclFrame(0x40, 4, [0x0a, 3, 0]),
      "< acl 0x0040 att Read Request { attributeHandle: 0x0003 }",
    ],
    [
      "an ATT PDU that is not declared",
      "received",
      aclFrame(0x40, 4, [0x7f, 1]),
      "< acl 0x0040 att PDU 0x7f 01",
    ],
    ["another channel", "sent", aclFrame(0x40, 5, [0x05, 0x05]), "> acl 0x0040 channel 0x0005 0505"],
    [
      "a first fragment",
      "sent",
      concat([2], le16(0x0040), le16(7), le16(20), le16(4), [0x0b, 1, 2]),
      "> acl 0x0040 att (3 of 20 bytes) Read Response { attributeValue: 0102 }",
    ],
    [
      "a further fragment",
      "sent",
      concat([2], le16(0x1040), le16(3), [1, 2, 3]),
      "> acl 0x0040 continuing, 3 bytes",
    ],
    [
      "a fragment without a whole header",
      "sent",
      concat([2], le16(0x40), le16(2), [9, 9]),
      "> acl 0x0040 2 bytes",
    ],
    ["what is no packet", "received", "07 01 02", "< 070102"],
    ["an indicator alone", "received", "04", "< 04"],
    ["nothing", "sent", "", "> "],
  ];
  for (const [name, direction, packet, line] of cases) {
    it(name, () => {
      assert.equal(describePacket(direction, typeof packet === "string" ? fromHex(packet) : packet), line);
    });
  }

  it("knows every declared command, event and PDU by its name", () => {
    const zeros = new Uint8Array(64);
    for (const { name, opcode } of COMMANDS) {
      const line = describePacket("sent", concat([1], le16(opcode), [zeros.length], zeros));
      assert.ok(line.startsWith(`> command ${name}`), line);
    }
    for (const { name, code } of EVENTS) {
      const subevent = code > 0xff ? [code & 0xff] : [];
      const packet = eventPacket(code > 0xff ? LE_META : code, concat(subevent, zeros));
      const line = describePacket("received", packet);
      assert.ok(line.startsWith(`< event ${name}`), line);
    }
    for (const { name, opcode } of PDUS) {
      const line = describePacket("received", aclFrame(0x40, 4, concat([opcode], zeros)));
      assert.ok(line.startsWith(`< acl 0x0040 att ${name}`), line);
    }
  });

  it("shows no key: of legacy pairing, of identities, of signatures, of encryption, however the packet is cut", () => {
    const key = Array.from({ length: 16 }, (_, at) => 0xa0 + at);
    const smp = [0x06, 0x08, 0x0a].map((code) => aclFrame(0x40, 0x0006, [code, ...key]));
    const commands = [
      concat([0x01, 0x17, 0x20, 32], key, new Uint8Array(16)),
      concat([0x01, 0x19, 0x20, 28], le16(0x40), new Uint8Array(10), key),
      concat([0x01, 0x1a, 0x20, 18], le16(0x40), key),
    ];
    for (const packet of [...smp, ...commands]) {
      for (let length = packet.length; length > 9; length--) {
        const cut = packet.slice(0, length);
        const line = describePacket("sent", cut);
        assert.ok(!/a[0-9a-f]a[0-9a-f]/.test(line), line);
        const recorded = toHex(btsnoopRecord("sent", cut, 0).slice(24));
        assert.ok(!recorded.includes("a1"), recorded);
        assert.equal(recorded.length, toHex(cut).length, "nothing but the key has changed");
      }
    }
    assert.equal(
      describePacket("received", smp[0]!),
      "< acl 0x0040 smp Encryption Information { longTermKey: (secret) }",
    );
    assert.equal(
      describePacket("sent", aclFrame(0x40, 0x0006, [0x05, 0x04])),
      "> acl 0x0040 smp Pairing Failed { reason: 0x04 }",
    );
  });

  it("says something of every packet that is cut anywhere", () => {
    for (const whole of [
      fromHex("01 06 04 03 40 00 13"),
      fromHex("04 3e 04 0c 00 40 00"),
      aclFrame(0x40, 4, [1, 2]),
    ]) {
      for (let length = 0; length <= whole.length; length++) {
        assert.match(describePacket("sent", whole.subarray(0, length)), /^> /);
      }
    }
  });
});
