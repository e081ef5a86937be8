/** The toolbox against the Specification's sample data (Vol 3, Part H, Appendix D and 2.2.3 to 2.2.4). */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  encodeValue,
  pairingConfirm,
  pairingDhkeyCheck,
  pairingRandom,
  valueIn,
} from "../../../../firmware/ble/smp/pdus.ts";
import { encodeSmp } from "../../../../firmware/ble/smp/run.ts";
import {
  ah,
  c1,
  f4,
  f5,
  f6,
  g2,
  maskKey,
  passkeyBytes,
  s1,
  sixDigits,
} from "../../../../firmware/ble/smp/toolbox.ts";
import type { Crypto } from "../../../../firmware/platform/platform.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { fromHex, toHex } from "../../../support/bytes.ts";

const crypto = (globalThis as { cameraCrypto?: Crypto }).cameraCrypto ?? simulatedCrypto;

const hexOf = (bytes: Uint8Array): string => toHex(bytes).split(" ").join("");

const U = fromHex("20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6");
const V = fromHex("55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd");
const N1 = fromHex("d5cb8454d177733effffb2ec712baeab");
const N2 = fromHex("a6e8e7cc25a75f6e216583f7ff3dc4cf");
const A1 = fromHex("0056123737bfce");
const A2 = fromHex("00a713702dcfc1");
const DHKEY = fromHex("ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698");
const IRK = fromHex("ec0234a357c8ad05341010a60a397d9b");

describe("smp toolbox: sample data", () => {
  it("ah (Appendix D.7): the hash of a resolvable private address", () => {
    assert.equal(hexOf(ah(crypto, IRK, fromHex("708194"))), "0dfbaa");
  });

  it("c1 (2.2.3)", () => {
    // Printed most significant first there; PDUs as they are on the air here.
    const request = fromHex("07071000000101").reverse();
    const response = fromHex("05000800000302").reverse();
    const confirm = c1(
      crypto,
      new Uint8Array(16),
      fromHex("5783d52156ad6f0e6388274ec6702ee0"),
      request,
      response,
      fromHex("01a1a2a3a4a5a6"),
      fromHex("00b1b2b3b4b5b6"),
    );
    assert.equal(hexOf(confirm), "1e1e3fef878988ead2a74dc5bef13b86");
  });

  it("s1 (2.2.4)", () => {
    const responder = fromHex("000f0e0d0c0b0a091122334455667788");
    const initiator = fromHex("010203040506070899aabbccddeeff00");
    const key = s1(crypto, new Uint8Array(16), responder, initiator);
    assert.equal(hexOf(key), "9a1fe1f0e8b0f49b5b4216ae796da062");
  });

  it("f4 (Appendix D.2), and with the mark and bit of a passkey", () => {
    assert.equal(hexOf(f4(crypto, U, V, N1, 0)), "f2c916f107a9bd1cf1eda1bea974872d");
    assert.equal(hexOf(f4(crypto, U, V, N1, 0x80)), "7cc67a24d063d84ad094595efe99ff28");
    assert.equal(hexOf(f4(crypto, U, V, N1, 0x81)), "79349d5a636c6a3778dde94bf0dabdc7");
  });

  it("f5 (Appendix D.3): MacKey and LTK", () => {
    const { macKey, longTermKey } = f5(crypto, DHKEY, N1, N2, A1, A2);
    assert.equal(hexOf(macKey), "2965f176a1084a02fd3f6a20ce636e20");
    assert.equal(hexOf(longTermKey), "6986791169d7cd23980522b594750a38");
  });

  it("f6 (Appendix D.4)", () => {
    const macKey = fromHex("2965f176a1084a02fd3f6a20ce636e20");
    const r = fromHex("12a3343bb453bb5408da42d20c2d0fc8");
    const check = f6(crypto, macKey, N1, N2, r, fromHex("010102"), A1, A2);
    assert.equal(hexOf(check), "e3c473989cd0e8c5d26c0b09da958f61");
  });

  it("g2 (Appendix D.5): six digits to compare", () => {
    assert.equal(g2(crypto, U, V, N1, N2), 0x2f9ed5ba % 1_000_000);
    assert.equal(sixDigits(g2(crypto, U, V, N1, N2)), "938554");
  });
});

describe("smp toolbox: keys and numbers", () => {
  it("a key is masked to its size: the last bytes as printed count (2.3.4)", () => {
    const key = fromHex("00112233445566778899aabbccddeeff");
    assert.equal(hexOf(maskKey(key, 16)), hexOf(key));
    assert.equal(hexOf(maskKey(key, 7)), "00000000000000000099aabbccddeeff");
    assert.equal(key[0], 0);
    assert.equal(key[1], 0x11, "the key itself stays");
  });

  it("a passkey is a number of 128 bits (2.3.5.3)", () => {
    assert.equal(hexOf(passkeyBytes(19655)), "00000000000000000000000000004cc7");
    assert.equal(hexOf(passkeyBytes(999_999)), "000000000000000000000000000f423f");
  });

  it("PDUs of one value are made and read as their declarations say", () => {
    const value = fromHex("000102030405060708090a0b0c0d0e0f");
    for (const [pdu, declared] of [
      [encodeValue(pairingConfirm, value), encodeSmp(pairingConfirm, { confirmValue: value })],
      [encodeValue(pairingRandom, value), encodeSmp(pairingRandom, { randomValue: value })],
      [encodeValue(pairingDhkeyCheck, value), encodeSmp(pairingDhkeyCheck, { dhkeyCheck: value })],
    ] as const) {
      assert.deepEqual(pdu, declared);
      assert.deepEqual(valueIn(declared), value);
    }
    assert.equal(hexOf(value), "000102030405060708090a0b0c0d0e0f", "the value stays as it is");
  });

  it("six digits keep their zeros", () => {
    assert.deepEqual([0, 42, 999_999].map(sixDigits), ["000000", "000042", "999999"]);
  });
});
