/** Forged bundles: changed in one place, with the checksum made right again, and signed as if they were good. */
import { parseVersion, signBody } from "../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey } from "../../tools/update/keys.ts";
import { makeBody } from "../../tools/update/manifest.ts";

/** CRC-32 of IEEE 802.3, bit by bit: independent of the one under test. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** The container with the lowest bit of the byte at `at` changed. */
export function forge(container: Buffer, at: number): Buffer {
  const copy = Buffer.from(container);
  copy[at]! ^= 1;
  copy.writeUInt32LE(crc32(copy.subarray(0, -4)), copy.length - 4);
  return copy;
}

/** Signs any bytes in place of the container `good`, whose manifest they get. */
export function signedAs(good: Buffer, container: Buffer): Buffer {
  const body = makeBody(good, "good", { board: "host", counter: 0 });
  const manifest = body.subarray(0, body.length - good.length);
  const key = readSigningKey(developmentKeyFile);
  return signBody(Buffer.concat([manifest, container]), parseVersion("0.0.0"), key);
}
