/** AES-CMAC for hosts that are not on a camera, which has it in C. */
import { cmac } from "@noble/ciphers/aes.js";

/** The 16-byte tag of `message` under a key of 16 bytes (RFC 4493). */
export const aesCmac = (key: Uint8Array, message: Uint8Array): Uint8Array => cmac(message, key);
