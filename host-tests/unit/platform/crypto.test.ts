/**
 * The platform's cryptography against published vectors: on Node that of simulated cameras, on XS that of a camera
 * (host-tests/xs/main.ts puts it into `cameraCrypto`).
 */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Crypto } from "../../../firmware/platform/platform.ts";
import { simulatedCrypto } from "../../../simulator/crypto.ts";
import { fromHex, toHex } from "../../support/bytes.ts";

const crypto = (globalThis as { cameraCrypto?: Crypto }).cameraCrypto ?? simulatedCrypto;

/** Vol 2, Part G, 7.1.2. */
const A = {
  privateKey: fromHex("3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd"),
  publicKey: fromHex(
    "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b",
  ),
};
const B = {
  privateKey: fromHex("55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd"),
  publicKey: fromHex(
    "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a",
  ),
};
const SHARED = "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698";

/** Order of the curve (FIPS 186-4, D.1.2.3). */
const ORDER = fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/** `toHex`, where there is something. */
const hexOf = (bytes: Uint8Array | undefined): string | undefined => bytes && toHex(bytes);

describe("cryptography: AES", () => {
  it("AES-128 encrypts the blocks of FIPS 197, Appendices B and C.1", () => {
    for (const [key, block, encrypted] of [
      [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
      ],
      [
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
      ],
    ] as const) {
      assert.equal(toHex(crypto.aes128(fromHex(key), fromHex(block))), toHex(fromHex(encrypted)));
    }
  });

  it("AES-128 leaves its arguments alone", () => {
    const key = new Uint8Array(16).fill(1);
    const block = new Uint8Array(16).fill(2);
    crypto.aes128(key, block);
    assert.deepEqual([key[0], key[15], block[0], block[15]], [1, 1, 2, 2]);
  });

  it("AES-128 takes part of a larger array", () => {
    const bytes = fromHex("ff000102030405060708090a0b0c0d0e0f00112233445566778899aabbccddeeffff");
    const encrypted = crypto.aes128(bytes.subarray(1, 17), bytes.subarray(17, 33));
    assert.equal(toHex(encrypted), toHex(fromHex("69c4e0d86a7b0430d8cdb78070b4c55a")));
  });

  it("AES-128 refuses keys and blocks that are not 16 bytes long", () => {
    for (const length of [0, 15, 17, 32]) {
      assert.throws(() => crypto.aes128(new Uint8Array(length), new Uint8Array(16)), RangeError);
      assert.throws(() => crypto.aes128(new Uint8Array(16), new Uint8Array(length)), RangeError);
    }
  });

  it("AES-CMAC gives the tags of RFC 4493, 4", () => {
    const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
    const message = fromHex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    for (const [length, tag] of [
      [0, "bb1d6929e95937287fa37d129b756746"],
      [16, "070a16b46b4d4144f79bdd9dd04a287c"],
      [40, "dfa66747de9ae63030ca32611497c827"],
      [64, "51f0bebf7e3b9d92fc49741779363cfe"],
    ] as const) {
      assert.equal(toHex(crypto.aesCmac(key, message.subarray(0, length))), toHex(fromHex(tag)));
    }
  });

  it("AES-CMAC takes the message in parts of any length, also none", () => {
    const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
    const message = Uint8Array.from({ length: 64 }, (_, at) => at);
    for (let length = 0; length <= message.length; length++) {
      const whole = message.subarray(0, length);
      const tag = toHex(crypto.aesCmac(key, whole));
      for (let first = 0; first <= length; first += 5) {
        const rest = whole.subarray(first);
        const parts = [whole.subarray(0, first), rest.subarray(0, 1), new Uint8Array(0), rest.subarray(1)];
        assert.equal(toHex(crypto.aesCmac(key, ...parts)), tag, `${first} of ${length}`);
      }
    }
    assert.equal(toHex(crypto.aesCmac(key)), toHex(crypto.aesCmac(key, new Uint8Array(0))));
  });

  it("AES-CMAC refuses keys that are not 16 bytes long", () => {
    for (const length of [0, 15, 17, 32]) {
      assert.throws(() => crypto.aesCmac(new Uint8Array(length), new Uint8Array(16)), RangeError);
    }
  });
});

describe("cryptography: comparison", () => {
  it("sees any difference, also of length", () => {
    const a = fromHex("0102030405");
    assert.ok(crypto.isSameSecret(a, a.slice()));
    assert.ok(crypto.isSameSecret(new Uint8Array(0), new Uint8Array(0)));
    for (let at = 0; at < a.length; at++) {
      const other = a.slice();
      other[at] = other[at]! ^ 0x80;
      assert.ok(!crypto.isSameSecret(a, other), `byte ${at}`);
    }
    assert.ok(!crypto.isSameSecret(a, a.slice(1)));
    assert.ok(!crypto.isSameSecret(a, a.subarray(0, 4)));
  });
});

describe("cryptography: P-256", () => {
  it("gives the public keys of Vol 2, Part G, 7.1.2", () => {
    for (const { privateKey, publicKey } of [A, B]) {
      assert.equal(hexOf(crypto.p256PublicKey(privateKey)), toHex(publicKey));
    }
  });

  it("gives the Diffie-Hellman key of Vol 2, Part G, 7.1.2, on both sides", () => {
    assert.equal(hexOf(crypto.p256SharedSecret(A.privateKey, B.publicKey)), toHex(fromHex(SHARED)));
    assert.equal(hexOf(crypto.p256SharedSecret(B.privateKey, A.publicKey)), toHex(fromHex(SHARED)));
  });

  it("gives the Diffie-Hellman key of the second set", () => {
    const first = fromHex("06a516693c9aa31a6084545d0c5db641b48572b97203ddffb7ac73f7d0457663");
    const second = fromHex("529aa0670d72cd6497502ed473502b037e8803b5c60829a5a3caa219505530ba");
    const publicKey = crypto.p256PublicKey(second);
    assert.ok(publicKey);
    assert.equal(
      hexOf(crypto.p256SharedSecret(first, publicKey)),
      toHex(fromHex("ab85843a2f6d883f62e5684b38e307335fe6e1945ecd19604105c6f23221eb69")),
    );
  });

  it("refuses private keys that are 0 or not below the order of the curve", () => {
    for (const privateKey of [new Uint8Array(32), ORDER, new Uint8Array(32).fill(0xff)]) {
      assert.equal(crypto.p256PublicKey(privateKey), undefined);
      assert.equal(crypto.p256SharedSecret(privateKey, B.publicKey), undefined);
    }
  });

  it("refuses public keys that are not on the curve (CVE-2018-5383)", () => {
    const zeroY = B.publicKey.slice();
    zeroY.fill(0, 32);
    const flipped = B.publicKey.slice();
    flipped[63]! ^= 1;
    for (const publicKey of [zeroY, flipped, new Uint8Array(64), new Uint8Array(64).fill(0xff)]) {
      assert.equal(crypto.p256SharedSecret(A.privateKey, publicKey), undefined);
    }
  });

  it("refuses keys of other lengths", () => {
    assert.throws(() => crypto.p256PublicKey(new Uint8Array(31)), RangeError);
    assert.throws(() => crypto.p256SharedSecret(new Uint8Array(33), B.publicKey), RangeError);
    assert.throws(() => crypto.p256SharedSecret(A.privateKey, B.publicKey.subarray(1)), RangeError);
  });
});
