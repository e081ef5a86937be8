/** AES-CMAC on a platform's AES-128. */
import type { BlockCipher } from "@stablelib/blockcipher";
import { CMAC } from "@stablelib/cmac";
import type { Crypto } from "./platform.ts";

/** One block at a time, under a key that stays. */
class NativeAes implements BlockCipher {
  readonly blockSize = 16;
  private readonly aes128: Crypto["aes128"];
  private key: Uint8Array;

  constructor(aes128: Crypto["aes128"], key: Uint8Array) {
    this.aes128 = aes128;
    this.key = key;
  }

  setKey(key: Uint8Array): this {
    this.key = key;
    return this;
  }

  encryptBlock(source: Uint8Array, target: Uint8Array): this {
    target.set(this.aes128(this.key, source));
    return this;
  }

  decryptBlock(): never {
    throw new Error("CMAC only encrypts");
  }

  clean(): this {
    return this;
  }
}

/** `Crypto.aesCmac` on an `aes128`. */
export function createAesCmac(aes128: Crypto["aes128"]): Crypto["aesCmac"] {
  return (key, message) => new CMAC(new NativeAes(aes128, key)).update(message).digest();
}
