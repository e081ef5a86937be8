/**
 * The cryptographic toolbox (Vol 3, Part H, 2.2; section numbers are of that part). Everything is most significant byte
 * first, as it is printed there. An address of seven bytes is its type (0 public, 1 random), then its six bytes.
 */
import type { Crypto } from "../../platform/platform.ts";

/** The functions of the platform that the toolbox is built on. */
export type Ciphers = Pick<Crypto, "aes128" | "aesCmac" | "isSameSecret">;

/** Salt of f5 (2.2.7). */
const F5_SALT = Uint8Array.of(
  0x6c,
  0x88,
  0x83,
  0x91,
  0xaa,
  0xf5,
  0xa5,
  0x38,
  0x60,
  0x37,
  0x0b,
  0xdb,
  0x5a,
  0x60,
  0x83,
  0xbe,
);
/** keyID of f5: "btle" in ASCII. */
const F5_KEY_ID = Uint8Array.of(0x62, 0x74, 0x6c, 0x65);
/** Length of f5: the bits of a key. */
const F5_LENGTH = Uint8Array.of(0x01, 0x00);

/** These arrays behind one another. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  const result = new Uint8Array(a.length);
  for (let index = 0; index < a.length; index++) result[index] = a[index]! ^ b[index]!;
  return result;
}

/** Random address hash: the low 24 bits of a resolvable private address (2.2.2). @param prand its high three bytes. */
export function ah({ aes128 }: Pick<Crypto, "aes128">, irk: Uint8Array, prand: Uint8Array): Uint8Array {
  const block = new Uint8Array(16);
  block.set(prand, 13);
  return aes128(irk, block).slice(13);
}

/**
 * Confirm value of legacy pairing (2.2.3).
 * @param request the Pairing Request PDU, and
 * @param response the Pairing Response PDU, seven bytes each, as they were on the air.
 */
export function c1(
  { aes128 }: Ciphers,
  key: Uint8Array,
  random: Uint8Array,
  request: Uint8Array,
  response: Uint8Array,
  initiator: Uint8Array,
  responder: Uint8Array,
): Uint8Array {
  const types = Uint8Array.of(responder[0]!, initiator[0]!);
  const p1 = join(response.slice().reverse(), request.slice().reverse(), types);
  const p2 = join(new Uint8Array(4), initiator.slice(1), responder.slice(1));
  return aes128(key, xor(aes128(key, xor(random, p1)), p2));
}

/** Short term key of legacy pairing (2.2.4). @param responder the responder's random number. */
export function s1(
  { aes128 }: Ciphers,
  key: Uint8Array,
  responder: Uint8Array,
  initiator: Uint8Array,
): Uint8Array {
  return aes128(key, join(responder.slice(8), initiator.slice(8)));
}

/** Confirm value of LE Secure Connections (2.2.6). @param u x coordinate of who commits, @param v of the other. */
export function f4(
  { aesCmac }: Ciphers,
  u: Uint8Array,
  v: Uint8Array,
  nonce: Uint8Array,
  z: number,
): Uint8Array {
  return aesCmac(nonce, u, v, Uint8Array.of(z));
}

/** Keys of LE Secure Connections (2.2.7): MacKey and LTK. Nonces and addresses: the initiator's, then the responder's. */
export function f5(
  { aesCmac }: Ciphers,
  sharedSecret: Uint8Array,
  initiatorNonce: Uint8Array,
  responderNonce: Uint8Array,
  initiator: Uint8Array,
  responder: Uint8Array,
): { readonly macKey: Uint8Array; readonly longTermKey: Uint8Array } {
  const t = aesCmac(F5_SALT, sharedSecret);
  const key = (counter: number): Uint8Array =>
    aesCmac(
      t,
      Uint8Array.of(counter),
      F5_KEY_ID,
      initiatorNonce,
      responderNonce,
      initiator,
      responder,
      F5_LENGTH,
    );
  const keys = { macKey: key(0), longTermKey: key(1) };
  t.fill(0);
  return keys;
}

/**
 * Check value of LE Secure Connections (2.2.8). All pairs: of who sends the check, then of the other.
 * @param ioCap AuthReq, OOB data flag and IO capability of who sends it.
 */
export function f6(
  { aesCmac }: Ciphers,
  macKey: Uint8Array,
  nonce: Uint8Array,
  otherNonce: Uint8Array,
  r: Uint8Array,
  ioCap: Uint8Array,
  address: Uint8Array,
  otherAddress: Uint8Array,
): Uint8Array {
  return aesCmac(macKey, nonce, otherNonce, r, ioCap, address, otherAddress);
}

/** The number of six digits that both users compare (2.2.9). @param u the initiator's x, @param v the responder's. */
export function g2(
  { aesCmac }: Ciphers,
  u: Uint8Array,
  v: Uint8Array,
  initiatorNonce: Uint8Array,
  responderNonce: Uint8Array,
): number {
  const mac = aesCmac(initiatorNonce, u, v, responderNonce);
  return new DataView(mac.buffer as ArrayBuffer, mac.byteOffset, mac.byteLength).getUint32(12) % 1_000_000;
}

/** A key of which `size` bytes count: those before are 0 (2.3.4). An array of its own. */
export function maskKey(key: Uint8Array, size: number): Uint8Array {
  const masked = key.slice();
  masked.fill(0, 0, key.length - size);
  return masked;
}

/** A passkey as a number of 128 bits (2.3.5.3). */
export function passkeyBytes(passkey: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[13] = passkey >> 16;
  bytes[14] = (passkey >> 8) & 0xff;
  bytes[15] = passkey & 0xff;
  return bytes;
}

/** A passkey or a number to compare as a user sees it: six digits. */
export function sixDigits(number: number): string {
  return `${1_000_000 + number}`.slice(1);
}

/** The x coordinate of a public key. */
export function xOf(publicKey: Uint8Array): Uint8Array {
  return publicKey.subarray(0, 32);
}
