import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ATT_ERROR, attErrorText } from "../../../../firmware/ble/att/errors.ts";
import { COMMAND_FLAG } from "../../../../firmware/ble/att/opcodes.ts";
import * as pdus from "../../../../firmware/ble/att/pdus.ts";
import { decode, encode } from "../../../../firmware/ble/codec.ts";
import { UUID } from "../../../../firmware/ble/uuid.ts";
import { fieldsText } from "../../../../tools/trace/packet-text.ts";
import { fromHex, shiftedView, toHex } from "../../../support/bytes.ts";

/** PDU, its opcode, values, the bytes after the opcode, and the shortest body that may be decoded. */
const VECTORS: readonly [pdus.Pdu, number, Record<string, unknown>, string, number?][] = [
  [
    pdus.errorResponse,
    0x01,
    { requestOpcode: 0x10, attributeHandle: 0x000c, errorCode: 0x0a },
    "10 0c 00 0a",
  ],
  [pdus.exchangeMtuRequest, 0x02, { clientRxMtu: 517 }, "05 02"],
  [pdus.exchangeMtuResponse, 0x03, { serverRxMtu: 23 }, "17 00"],
  [pdus.findInformationRequest, 0x04, { startingHandle: 1, endingHandle: 0xffff }, "01 00 ff ff"],
  [
    pdus.findInformationResponse,
    0x05,
    { format: 1, informationData: fromHex("09000229") },
    "01 09 00 02 29",
    1,
  ],
  [
    pdus.findByTypeValueRequest,
    0x06,
    { startingHandle: 1, endingHandle: 0xffff, attributeType: 0x2800, attributeValue: fromHex("1a18") },
    "01 00 ff ff 00 28 1a 18",
    6,
  ],
  [pdus.findByTypeValueResponse, 0x07, { handlesInformationList: fromHex("0a000f00") }, "0a 00 0f 00", 0],
  [
    pdus.readByGroupTypeResponse,
    0x11,
    { length: 6, attributeDataList: fromHex("010005000018") },
    "06 01 00 05 00 00 18",
    1,
  ],
  [
    pdus.readByTypeResponse,
    0x09,
    { length: 7, attributeDataList: fromHex("0200020300002a") },
    "07 02 00 02 03 00 00 2a",
    1,
  ],
  [pdus.readRequest, 0x0a, { attributeHandle: 3 }, "03 00"],
  [pdus.readResponse, 0x0b, { attributeValue: fromHex("0102") }, "01 02", 0],
  [pdus.readBlobRequest, 0x0c, { attributeHandle: 3, valueOffset: 0x0116 }, "03 00 16 01"],
  [pdus.readBlobResponse, 0x0d, { partAttributeValue: fromHex("ff") }, "ff", 0],
  [pdus.readMultipleRequest, 0x0e, { setOfHandles: fromHex("03000500") }, "03 00 05 00", 0],
  [pdus.writeRequest, 0x12, { attributeHandle: 9, attributeValue: fromHex("0100") }, "09 00 01 00", 2],
  [pdus.writeResponse, 0x13, {}, ""],
  [pdus.writeCommand, 0x52, { attributeHandle: 9, attributeValue: fromHex("07") }, "09 00 07", 2],
  [
    pdus.prepareWriteRequest,
    0x16,
    { attributeHandle: 9, valueOffset: 18, partAttributeValue: fromHex("aabb") },
    "09 00 12 00 aa bb",
    4,
  ],
  [pdus.executeWriteRequest, 0x18, { flags: 1 }, "01"],
  [pdus.readMultipleVariableRequest, 0x20, { setOfHandles: fromHex("03000500") }, "03 00 05 00", 0],
  [
    pdus.handleValueNotification,
    0x1b,
    { attributeHandle: 0x0c, attributeValue: fromHex("3408") },
    "0c 00 34 08",
    2,
  ],
  [
    pdus.handleValueIndication,
    0x1d,
    { attributeHandle: 8, attributeValue: fromHex("0100ffff") },
    "08 00 01 00 ff ff",
    2,
  ],
  [pdus.handleValueConfirmation, 0x1e, {}, ""],
];

describe("ATT PDUs against bytes by hand (Vol 3, Part F, 3.4)", () => {
  for (const [pdu, opcode, values, wire, shortest] of VECTORS) {
    it(`${pdu.name}: opcode 0x${opcode.toString(16)}`, () => {
      assert.equal(pdu.opcode, opcode);
      assert.equal(toHex(encode(pdu.fields, values)), wire);
      const bytes = fromHex(wire);
      assert.deepEqual(decode(pdu.fields, shiftedView(bytes), 0, bytes.length, true), values);
      for (let length = 0; length < (shortest ?? bytes.length); length++) {
        assert.equal(decode(pdu.fields, shiftedView(bytes), 0, length, true), undefined, `cut to ${length}`);
      }
      fieldsText(pdu.fields, values);
    });
  }

  for (const [pdu, opcode, name] of [
    [pdus.readByTypeRequest, 0x08, "attributeType"],
    [pdus.readByGroupTypeRequest, 0x10, "attributeGroupType"],
  ] as const) {
    it(`${pdu.name}: opcode 0x${opcode.toString(16)}, with a 16- or a 128-bit type and nothing between`, () => {
      assert.equal(pdu.opcode, opcode);
      const body = fromHex("01 00 ff ff fb 34 9b 5f 80 00 00 80 00 10 00 00 00 28 00 00 00");
      for (let length = 0; length <= body.length; length++) {
        const values: Record<string, unknown> | undefined = decode(
          pdu.fields,
          shiftedView(body),
          0,
          length,
          true,
        );
        assert.equal(values !== undefined, length === 6 || length === 20, `length ${length}`);
        if (length === 20) assert.equal((values![name] as UUID).equals(new UUID(0x2800)), true);
      }
    });
  }

  it("each opcode once; commands carry the command flag (3.3.1)", () => {
    const opcodes = pdus.PDUS.map((pdu) => pdu.opcode);
    assert.equal(new Set(opcodes).size, opcodes.length);
    for (const pdu of pdus.PDUS) {
      assert.equal((pdu.opcode & COMMAND_FLAG) !== 0, pdu.name.endsWith("Command"), pdu.name);
    }
  });

  it("requests are even and responses odd, one above their request", () => {
    for (const pdu of pdus.PDUS) {
      if (pdu.name.endsWith("Request")) assert.equal(pdu.opcode & 1, 0, pdu.name);
      if (!pdu.name.endsWith(" Response") || pdu === pdus.errorResponse) continue;
      const request = pdus.PDUS.find((other) => other.opcode === pdu.opcode - 1);
      assert.equal(request?.name, pdu.name.replace("Response", "Request"));
    }
  });
});

describe("attErrorText", () => {
  it("names the codes of Table 3.4 and prints the others", () => {
    assert.equal(attErrorText(0x0d), "invalid attribute value length (0x0d)");
    assert.equal(attErrorText(0x80), "application error 0x80");
    const codes: number[] = Object.values(ATT_ERROR);
    for (let code = 0x01; code <= 0x13; code++) assert.ok(codes.includes(code), `0x${code.toString(16)}`);
    assert.equal(ATT_ERROR.CCCD_IMPROPERLY_CONFIGURED, 0xfd);
    for (const [name, code] of Object.entries(ATT_ERROR)) {
      const text = `0x${code.toString(16).padStart(2, "0")}`;
      assert.equal(attErrorText(code), `${name.toLowerCase().replaceAll("_", " ")} (${text})`);
    }
  });
});
