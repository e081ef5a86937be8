/** The cryptography of simulated cameras, by libraries that share nothing with those on a camera. */
import { cmac, ecb } from "@noble/ciphers/aes.js";
import { concatBytes } from "@noble/ciphers/utils.js";
import { p256 } from "@noble/curves/nist.js";
import type { Crypto } from "../firmware/platform/platform.ts";

/** Head of an uncompressed point (SEC 1, 2.3.3). */
const UNCOMPRESSED = 0x04;

function checkLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${what} has ${bytes.length} bytes, not ${length}`);
}

/** What was computed, or undefined when the library refuses the keys. */
function unlessRefused(compute: () => Uint8Array): Uint8Array | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}

/** The functions of `Crypto` in JavaScript. */
export const simulatedCrypto: Crypto = {
  aes128(key, block) {
    checkLength("key", key, 16);
    checkLength("block", block, 16);
    return ecb(key, { disablePadding: true }).encrypt(block);
  },

  aesCmac(key, ...message) {
    checkLength("key", key, 16);
    return cmac(concatBytes(...message), key);
  },

  isSameSecret: (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]),

  p256PublicKey(privateKey) {
    checkLength("privateKey", privateKey, 32);
    return unlessRefused(() => p256.getPublicKey(privateKey, false).slice(1));
  },

  p256SharedSecret(privateKey, publicKey) {
    checkLength("privateKey", privateKey, 32);
    checkLength("publicKey", publicKey, 64);
    const point = new Uint8Array([UNCOMPRESSED, ...publicKey]);
    return unlessRefused(() => p256.getSharedSecret(privateKey, point, false).slice(1, 33));
  },
};
