/** Remainders of the 16 values of four bits, for the reflected polynomial 0xEDB88320. */
const remainders: readonly number[] = Object.freeze([
  0x00000000,
  0x1db71064,
  0x3b6e20c8,
  0x26d930ac,
  0x76dc4190,
  0x6b6b51f4,
  0x4db26158,
  0x5005713c,
  0xedb88320 | 0,
  0xf00f9344 | 0,
  0xd6d6a3e8 | 0,
  0xcb61b38c | 0,
  0x9b64c2b0 | 0,
  0x86d3d2d4 | 0,
  0xa00ae278 | 0,
  0xbdbdf21c | 0,
]);

/**
 * CRC-32 of ISO-HDLC (IEEE 802.3; check value of "123456789": 0xCBF43926).
 *
 * Meant for records: short and rare. The XS engine takes about 2,000 instructions a byte here, so that bulk data
 * needs a native function. A table of 256 entries would save a quarter of them and take 4 KB of RAM.
 *
 * @param previous the CRC of what comes before `bytes`
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (let i = 0; i < bytes.length; i++) {
    crc ^= bytes[i]!;
    crc = (crc >>> 4) ^ remainders[crc & 15]!;
    crc = (crc >>> 4) ^ remainders[crc & 15]!;
  }
  return ~crc >>> 0;
}
