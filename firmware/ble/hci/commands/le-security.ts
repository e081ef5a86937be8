/**
 * LE Controller commands for encryption, keys and random numbers (Vol 4, Part E, 7.8).
 * Section numbers are of that part.
 */
import { bytes, handle, secret, u16, u32 } from "../../codec.ts";
import { defineCommand, defineStarter } from "../packet.ts";

/** 7.8.22; key and data most significant byte last, as everything on the wire. */
export const leEncrypt = defineCommand(
  "LE Encrypt",
  0x2017,
  [27, 6],
  { key: secret(bytes(16)), plaintextData: bytes(16) },
  { encryptedData: bytes(16) },
);

/** 7.8.23 */
export const leRand = defineCommand("LE Rand", 0x2018, [27, 7], {}, { randomLow: u32, randomHigh: u32 });

/** 7.8.24 */
export const leEnableEncryption = defineStarter("LE Enable Encryption", 0x2019, [28, 0], {
  connectionHandle: handle,
  randomNumber: bytes(8),
  encryptedDiversifier: u16,
  longTermKey: secret(bytes(16)),
});

/** 7.8.25 */
export const leLongTermKeyRequestReply = defineCommand(
  "LE Long Term Key Request Reply",
  0x201a,
  [28, 1],
  { connectionHandle: handle, longTermKey: secret(bytes(16)) },
  { connectionHandle: handle },
);

/** 7.8.26 */
export const leLongTermKeyRequestNegativeReply = defineCommand(
  "LE Long Term Key Request Negative Reply",
  0x201b,
  [28, 2],
  { connectionHandle: handle },
  { connectionHandle: handle },
);
