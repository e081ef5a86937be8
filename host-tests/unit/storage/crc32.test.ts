import assert from "node:assert/strict";
import zlib from "node:zlib";
import { describe, it } from "mocha";
import { crc32 } from "../../../firmware/storage/crc32.ts";
import { SeededRandom } from "../../../simulator/random.ts";

describe("crc32", () => {
  it("has the check value of CRC-32/ISO-HDLC", () => {
    assert.equal(crc32(new Uint8Array(Buffer.from("123456789"))), 0xcbf43926);
    assert.equal(crc32(new Uint8Array(0)), 0);
  });

  it("agrees with zlib, in one piece and in two", () => {
    // gzip's trailer holds the CRC of the content; zlib.crc32 itself is missing in early releases of Node 20.
    const reference = (bytes: Uint8Array): number => zlib.gzipSync(bytes).subarray(-8).readUInt32LE(0);
    const random = new SeededRandom(32);
    for (let length = 0; length < 300; length++) {
      const bytes = random.bytes(length);
      const split = random.below(length + 1);
      assert.equal(crc32(bytes), reference(bytes));
      assert.equal(crc32(bytes.subarray(split), crc32(bytes.subarray(0, split))), reference(bytes));
    }
  });
});
