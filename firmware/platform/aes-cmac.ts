/** AES-CMAC in software, for platforms whose chip offers none. */
import { AES } from "@stablelib/aes";
import { CMAC } from "@stablelib/cmac";

/** The 16-byte tag of `message` under a key of 16 bytes (RFC 4493). */
export function aesCmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new CMAC(new AES(key, true)).update(message).digest();
}
