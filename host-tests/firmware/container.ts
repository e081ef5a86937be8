/** Forged bundles: changed in one place, and with the checksum made right again. */

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
