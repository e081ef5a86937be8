import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  address,
  bytes,
  type Codec,
  copyBytes,
  decode,
  encode,
  encodeInto,
  formatAddress,
  hex,
  i8,
  Reader,
  rest,
  sameBytes,
  u8,
  u16,
  u32,
  uuid,
  viewOf,
  Writer,
} from "../../../firmware/ble/codec.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { fieldsText } from "../../../tools/trace/packet-text.ts";
import { concat, counting, fromHex, shiftedView, toHex } from "../../support/bytes.ts";

interface Sample {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a table of codecs of any value type
  readonly codec: Codec<any>;
  readonly value: unknown;
  readonly wire: string;
  readonly shown: string;
}

const SAMPLES: readonly Sample[] = [
  { name: "u8", codec: u8, value: 0xfe, wire: "fe", shown: "0xfe" },
  { name: "i8 negative", codec: i8, value: -128, wire: "80", shown: "-128" },
  { name: "i8 positive", codec: i8, value: 127, wire: "7f", shown: "127" },
  { name: "u16", codec: u16, value: 0xfe01, wire: "01 fe", shown: "0xfe01" },
  { name: "u32 above 2^31", codec: u32, value: 0xfffefd01, wire: "01 fd fe ff", shown: "0xfffefd01" },
  { name: "bytes(3)", codec: bytes(3), value: fromHex("010203"), wire: "01 02 03", shown: "010203" },
  {
    name: "address",
    codec: address,
    value: fromHex("c0ffee000001"),
    wire: "01 00 00 ee ff c0",
    shown: "c0:ff:ee:00:00:01",
  },
  { name: "rest", codec: rest, value: fromHex("0a0b"), wire: "0a 0b", shown: "0a0b" },
];

describe("codec", () => {
  it("sameBytes sees a difference at any place, and of length", () => {
    const one = fromHex("00112233445566778899aabbccddeeff");
    assert.ok(sameBytes(one, one));
    assert.ok(sameBytes(one, one.slice()));
    assert.ok(sameBytes(new Uint8Array(0), new Uint8Array(0)));
    for (let at = 0; at < one.length; at++) {
      const other = one.map((byte, index) => (index === at ? byte ^ 1 : byte));
      assert.ok(!sameBytes(one, other), `byte ${at}`);
      assert.ok(!sameBytes(one, one.subarray(0, at)), `length ${at}`);
      assert.ok(!sameBytes(one.subarray(at + 1), one), `from ${at + 1} on`);
    }
  });

  for (const { name, codec, value, wire, shown } of SAMPLES) {
    it(`${name}: writes, reads and shows ${wire}`, () => {
      assert.equal(toHex(encode({ field: codec }, { field: value })), wire);
      const read = decode({ field: codec }, shiftedView(fromHex(wire)), 0, fromHex(wire).length, true);
      assert.deepEqual(read?.field, value);
      assert.equal(fieldsText({ field: codec }, { field: value }), `field: ${shown}`);
    });
  }

  for (const { name, codec, wire } of SAMPLES.filter((sample) => sample.codec !== rest)) {
    it(`${name}: refuses every truncation, and bytes left over when exact`, () => {
      const whole = fromHex(wire);
      for (let length = 0; length < whole.length; length++) {
        // The bytes are there in memory, but beyond the end that the packet has.
        assert.equal(decode({ field: codec }, shiftedView(whole), 0, length), undefined, `length ${length}`);
        const cut = whole.subarray(0, length);
        assert.equal(
          decode({ field: codec }, viewOf(cut), 0, whole.length),
          undefined,
          `end beyond the view, length ${length}`,
        );
      }
      const longer = concat(whole, [0]);
      assert.equal(decode({ field: codec }, viewOf(longer), 0, longer.length, true), undefined);
      assert.notEqual(decode({ field: codec }, viewOf(longer), 0, longer.length), undefined);
    });
  }

  it("uuid: 2 and 16 bytes only (Vol 3, Part F, 3.2.1)", () => {
    for (let length = 0; length <= 20; length++) {
      const read = decode({ type: uuid }, viewOf(counting(length, 1)), 0, length, true);
      assert.equal(read !== undefined, length === 2 || length === 16, `length ${length}`);
    }
    assert.equal(toHex(encode({ type: uuid }, { type: new UUID(0x2803) })), "03 28");
    assert.equal(encode({ type: uuid }, { type: new UUID(0x12345678) }).length, 16);
  });

  it("stays failed after a read past the end, and later reads give nothing", () => {
    const reader = new Reader(viewOf(counting(3)), 0, 3);
    assert.equal(u16.read(reader), 0x0100);
    assert.equal(u16.read(reader), 0);
    assert.equal(reader.failed, true);
    assert.equal(u8.read(reader), 0, "the third byte was given up with the field that needed it");
    assert.equal(reader.remaining, 0);
    assert.equal(reader.bytes(4).length, 0);
  });

  it("reads copies: the packet may be reused afterwards", () => {
    const packet = counting(6);
    const read = decode({ head: bytes(2), tail: rest }, viewOf(packet), 0, 6)!;
    packet.fill(0xff);
    assert.equal(toHex(read.head), "00 01");
    assert.equal(toHex(read.tail), "02 03 04 05");
    assert.equal(read.tail.buffer.byteLength, 4);
    assert.equal(toHex(copyBytes(shiftedView(counting(5)), 2, 2)), "02 03");
  });

  it("does not reverse the packet itself when it reads an address", () => {
    const packet = fromHex("0100 00ee ffc0");
    decode({ peer: address }, viewOf(packet), 0, 6);
    assert.equal(toHex(packet), "01 00 00 ee ff c0");
  });

  it("pads short fields with zeros and refuses long ones", () => {
    assert.equal(toHex(encode({ data: bytes(4) }, { data: fromHex("0102") })), "01 02 00 00");
    assert.throws(() => encode({ data: bytes(1) }, { data: fromHex("0102") }), RangeError);
  });

  it("grows a writer by every kind of field at every fill", () => {
    for (let capacity = 0; capacity <= 9; capacity++) {
      const writer = new Writer(capacity);
      writer.u8(0x01);
      writer.u16(0x0302);
      writer.u32(0x07060504);
      writer.bytes(fromHex("0809"));
      assert.equal(toHex(writer.finish()), "01 02 03 04 05 06 07 08 09", `capacity ${capacity}`);
    }
    const writer = new Writer(1);
    writer.bytes(counting(1000));
    const first = writer.finish();
    writer.u8(1);
    assert.equal(first.length, 1000, "what was finished does not change");
    assert.equal(writer.finish().length, 1001);
  });

  it("encodes after what the writer holds, and describes fields in order", () => {
    const writer = new Writer();
    writer.u8(0x0a);
    const fields = { handle: u16, value: rest };
    encodeInto(writer, fields, { handle: 3, value: fromHex("ff") });
    assert.equal(toHex(writer.finish()), "0a 03 00 ff");
    assert.equal(fieldsText(fields, { handle: 3, value: fromHex("ff") }), "handle: 0x0003, value: ff");
    assert.equal(fieldsText({}, {}), "");
  });

  it("prints bytes and addresses with leading zeros", () => {
    assert.equal(hex(fromHex("000f10ff")), "000f10ff");
    assert.equal(hex(new Uint8Array(0)), "");
    assert.equal(formatAddress(fromHex("000102aabbcc")), "00:01:02:aa:bb:cc");
  });
});
