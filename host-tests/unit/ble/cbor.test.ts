import assert from "node:assert/strict";
import { decodeFirst, encode } from "cborg";
import { describe, it } from "mocha";
import { type CborMap, DEPTH_MAX, decodeMap, encodeMap, VALUES_MAX } from "../../../firmware/update/cbor.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { fromHex, toHex } from "../../support/bytes.ts";

/** A map of what clients send, of any shape. */
function inventMap(random: SeededRandom, depth = 1): CborMap {
  const value = (at: number): CborMap[string] => {
    switch (random.below(at < 4 ? 8 : 6)) {
      case 0:
        return random.below(2) === 0;
      case 1:
        return [0, 23, 24, 255, 256, 65_535, 65_536, 0xffff_ffff, 2 ** 32, Number.MAX_SAFE_INTEGER][
          random.below(10)
        ]!;
      case 2:
        return -1 - random.below(70_000);
      case 3:
        return ["", "hello", "Kämera", "x".repeat(300), "\u{1f4f7}"][random.below(5)]!;
      case 4:
        return random.bytes(random.below(300));
      case 5:
        return null;
      case 6:
        return Array.from({ length: random.below(4) }, () => value(at + 1));
      default:
        return inventMap(random, at + 1);
    }
  };
  return Object.fromEntries(Array.from({ length: random.below(5) }, (_, at) => [`k${at}`, value(depth)]));
}

describe("update/cbor", () => {
  it("writes what a library reads, and reads what a library writes", () => {
    const random = new SeededRandom(5);
    for (let times = 0; times < 2000; times++) {
      const map = inventMap(random);
      const [read, rest] = decodeFirst(encodeMap(map));
      assert.equal(rest.length, 0);
      assert.equal(textOf(read), textOf(map));
      assert.equal(textOf(decodeMap(encode(map))), textOf(map));
    }
  });

  it("leaves out what is undefined, and writes numbers in as few bytes as hold them", () => {
    assert.equal(
      toHex(encodeMap({ a: undefined, b: 23, c: 24, d: -257 })),
      "a3 61 62 17 61 63 18 18 61 64 39 01 00",
    );
    assert.throws(() => encodeMap({ a: 0.5 }), RangeError);
  });

  it("takes maps and arrays without a length, and skips what it has no use for", () => {
    assert.deepEqual(
      { ...decodeMap(fromHex("bf6164656c6f67696e6161 9f0102ff ff".replaceAll(" ", ""))) },
      { d: "login", a: [1, 2] },
    );
    for (const skipped of ["f90000", "fa00000000", "fb0000000000000000", "f7", "f820", "c000", "f0"])
      assert.equal(decodeMap(fromHex(`a26161${skipped}616205`)).b, 5);
  });

  it("refuses what is truncated, at every length", () => {
    const bytes = encode({
      off: 0,
      len: 70_000,
      sha: new Uint8Array(32),
      data: new Uint8Array(300),
      upgrade: false,
    });
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => decodeMap(bytes.subarray(0, length)), { name: "CborError" }, `${length}`);
  });

  it("refuses what it cannot keep apart or bound", () => {
    for (const [hex, reason] of [
      ["a2616101616102", /twice/],
      ["a10102", /no text/],
      ["80", /no map/],
      ["a000", /behind/],
      ["a161615f4101ff", /pieces/],
      ["a161611bffffffffffffffff", /too large/],
      ["a161611c", /length/],
      ["a16161fc", /malformed/],
      ["ff", /malformed/],
      [`a16161${"81".repeat(DEPTH_MAX)}00`, /too deep/],
      [`a16161${"c0".repeat(DEPTH_MAX)}00`, /too deep/],
      [`a1616198${(VALUES_MAX).toString(16)}${"00".repeat(VALUES_MAX)}`, /too many/],
      ["a161619bffffffffffffffff", /too large|truncated/],
      ["bb001fffffffffffff", /truncated/],
    ] as const)
      assert.throws(() => decodeMap(fromHex(hex)), reason, hex);
    assert.deepEqual(Object.entries(decodeMap(fromHex("a1695f5f70726f746f5f5f05"))), [["__proto__", 5]]);
  });
});

/** Bytes are bytes, whatever kind of array they come in. */
const textOf = (value: unknown): string =>
  value instanceof Uint8Array
    ? toHex(value)
    : Array.isArray(value)
      ? `[${value.map(textOf)}]`
      : typeof value === "object" && value !== null
        ? `{${Object.entries(value).map(([key, item]) => `${key}:${textOf(item)}`)}}`
        : JSON.stringify(value);
