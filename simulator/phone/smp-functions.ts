/**
 * The phone's own cryptographic toolbox (Vol 3, Part H, 2.2), over AES of whoever runs it. All arguments are most
 * significant byte first; an address is its type and six bytes in printed order.
 */
import type { Crypto } from "../../firmware/platform/platform.ts";

const SALT = [0x6c, 0x88, 0x83, 0x91, 0xaa, 0xf5, 0xa5, 0x38, 0x60, 0x37, 0x0b, 0xdb, 0x5a, 0x60, 0x83, 0xbe];
const BTLE = [0x62, 0x74, 0x6c, 0x65];

type Bytes = Uint8Array | readonly number[];

function concatenate(...parts: readonly Bytes[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function exclusiveOr(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, at) => byte ^ other[at]!);
}

export class SmpFunctions {
  private readonly crypto: Crypto;

  constructor(crypto: Crypto) {
    this.crypto = crypto;
  }

  /** Whether this resolvable private address was made with this key (2.2.2; Vol 6, Part B, 1.3.2.3). */
  resolves(irk: Uint8Array, address: Uint8Array): boolean {
    if (address[0]! >> 6 !== 1) return false;
    const block = concatenate(new Uint8Array(13), address.subarray(0, 3));
    const hash = this.crypto.aes128(irk, block).subarray(13);
    return hash.every((byte, at) => byte === address[3 + at]);
  }

  /** 2.2.3; both PDUs as they were sent, and the two addresses with their types. */
  c1(
    key: Uint8Array,
    random: Uint8Array,
    request: Uint8Array,
    response: Uint8Array,
    initiator: Uint8Array,
    responder: Uint8Array,
  ): Uint8Array {
    const { crypto } = this;
    const features = concatenate(
      response.slice().reverse(),
      request.slice().reverse(),
      responder.subarray(0, 1),
      initiator.subarray(0, 1),
    );
    const addresses = concatenate(new Uint8Array(4), initiator.subarray(1), responder.subarray(1));
    const inner = crypto.aes128(key, exclusiveOr(random, features));
    return crypto.aes128(key, exclusiveOr(inner, addresses));
  }

  /** 2.2.4 */
  s1(key: Uint8Array, responderRandom: Uint8Array, initiatorRandom: Uint8Array): Uint8Array {
    return this.crypto.aes128(key, concatenate(responderRandom.subarray(8), initiatorRandom.subarray(8)));
  }

  /** 2.2.6 */
  f4(u: Uint8Array, v: Uint8Array, x: Uint8Array, z: number): Uint8Array {
    return this.crypto.aesCmac(x, concatenate(u, v, [z]));
  }

  /** 2.2.7: MacKey and LTK. */
  f5(
    w: Uint8Array,
    n1: Uint8Array,
    n2: Uint8Array,
    a1: Uint8Array,
    a2: Uint8Array,
  ): readonly [macKey: Uint8Array, longTermKey: Uint8Array] {
    const t = this.crypto.aesCmac(Uint8Array.from(SALT), w);
    const half = (counter: number): Uint8Array =>
      this.crypto.aesCmac(t, concatenate([counter], BTLE, n1, n2, a1, a2, [1, 0]));
    return [half(0), half(1)];
  }

  /** 2.2.8; `ioCap` is AuthReq, OOB data flag, IO capability. */
  f6(
    w: Uint8Array,
    n1: Uint8Array,
    n2: Uint8Array,
    r: Uint8Array,
    ioCap: Uint8Array,
    a1: Uint8Array,
    a2: Uint8Array,
  ): Uint8Array {
    return this.crypto.aesCmac(w, concatenate(n1, n2, r, ioCap, a1, a2));
  }

  /** 2.2.9: the number of six digits. */
  g2(u: Uint8Array, v: Uint8Array, x: Uint8Array, y: Uint8Array): number {
    const mac = this.crypto.aesCmac(x, concatenate(u, v, y));
    return mac.subarray(12).reduce((number, byte) => number * 256 + byte, 0) % 1_000_000;
  }
}
