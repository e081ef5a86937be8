import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { utf8Decode, utf8Encode } from "../../../firmware/ble/utf8.ts";
import { fromHex, toHex } from "../../support/bytes.ts";

describe("utf8Encode (RFC 3629)", () => {
  it("agrees with the platform's encoder at every border of a length", () => {
    const codes = [
      0, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000, 0x1f4f7, 0x10ffff,
    ];
    for (const code of codes) {
      const text = `a${String.fromCodePoint(code)}b`;
      assert.equal(toHex(utf8Encode(text)), toHex(new TextEncoder().encode(text)), code.toString(16));
    }
  });

  it("agrees with it on every code unit, unpaired surrogates included", () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const text = String.fromCharCode(unit);
      const expected = new TextEncoder().encode(text);
      const encoded = utf8Encode(text);
      if (toHex(encoded) !== toHex(expected)) assert.fail(`U+${unit.toString(16)}: ${toHex(encoded)}`);
    }
  });

  it("replaces unpaired surrogates beside text and each other", () => {
    for (const text of ["\ud83d", "\udcf7", "\ud83dx", "x\udcf7", "\udcf7\ud83d", "\ud83d\ud83d\udcf7"]) {
      assert.equal(toHex(utf8Encode(text)), toHex(new TextEncoder().encode(text)), JSON.stringify(text));
    }
    assert.equal(utf8Encode("").length, 0);
  });
});

describe("utf8Decode (RFC 3629)", () => {
  it("reads back what was encoded, every code point", () => {
    for (let first = 0; first <= 0x10ffff; first += 0x400) {
      if (first >= 0xd800 && first < 0xe000) continue;
      const text = Array.from({ length: 0x400 }, (_, at) => String.fromCodePoint(first + at)).join("");
      assert.equal(utf8Decode(utf8Encode(text)), text);
    }
    assert.equal(utf8Decode(new Uint8Array(0)), "");
  });

  it("reads text of any length, whatever stands where in it", () => {
    for (let length = 0; length <= 140; length++) {
      const ascii = "0123456789".repeat(14).slice(0, length);
      for (const character of ["", "\0", "\x7f", "é", "€", "📷"])
        for (const text of [ascii + character, `${ascii}${character}end`, character + ascii])
          assert.equal(utf8Decode(new TextEncoder().encode(text)), text);
    }
  });

  it("replaces what is no UTF-8, and goes on with what follows", () => {
    for (const [bytes, text] of [
      ["80 41", "\ufffdA"],
      ["c3", "\ufffd"],
      ["c3 41", "\ufffdA"],
      ["e2 82", "\ufffd"],
      ["f0 9f 93 41", "\ufffdA"],
      ["c0 80", "\ufffd"],
      ["e0 80 80", "\ufffd"],
      ["f0 80 80 80", "\ufffd"],
      ["ed a0 80", "\ufffd"],
      ["f4 90 80 80", "\ufffd"],
      ["f8 41", "\ufffdA"],
      ["ff fe 42", "\ufffd\ufffdB"],
    ] as const) {
      assert.equal(utf8Decode(fromHex(bytes)), text, bytes);
    }
  });
});
