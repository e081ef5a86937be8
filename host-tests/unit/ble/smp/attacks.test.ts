/** Attacks on pairing, by their names: each fails, and what follows is an honest pairing (docs/security.md). */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  identityInformation,
  PAIRING_FAILURE,
  pairingConfirm,
  pairingDhkeyCheck,
  pairingPublicKey,
  pairingRandom,
  pairingRequest,
  pairingResponse,
} from "../../../../firmware/ble/smp/pdus.ts";
import type { Level, PairingRole } from "../../../../firmware/ble/smp/state.ts";
import { step } from "../../../../firmware/ble/smp/step.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { SeededRandom } from "../../../../simulator/random.ts";
import { fromHex } from "../../../support/bytes.ts";
import { encodeSmp, keyPairOf, PairingPair, Side, type SideOptions } from "../../../support/pairing.ts";

const ROLES: readonly PairingRole[] = ["initiator", "responder"];

/** Prime of the curve (FIPS 186-4, D.1.2.3). */
const P = BigInt("0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff");

function bytesOf(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, "0"));
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** What an attacker says of itself: whatever the victim wants to hear. */
const FEATURES = {
  ioCapability: 4,
  oobDataFlag: 0,
  authReq: 0x0d,
  maximumEncryptionKeySize: 16,
  initiatorKeyDistribution: 0x03,
  responderKeyDistribution: 0x03,
};

/** A victim that has got as far as its peer's features. */
function begin(role: PairingRole, options: SideOptions = {}, features = FEATURES, seed = 1): Side {
  const victim = new Side(role, seed, options);
  if (role === "initiator") {
    victim.begin();
    victim.pdu(encodeSmp(pairingResponse, features));
  } else victim.respond(encodeSmp(pairingRequest, features));
  while (victim.compute()) {}
  return victim;
}

function assertFailed(victim: Side, reason: number, message?: string): void {
  assert.deepEqual(victim.failure, { do: "fail", reason, source: "local" }, message);
  assert.deepEqual([...victim.history.at(-1)!], [0x05, reason], message);
  assert.equal(victim.result, undefined);
  assert.equal(victim.key, undefined, "no key was given to the link layer");
}

function codes({ history }: Side): number[] {
  return history.map(([code]) => code!);
}

describe("attack: invalid curve (CVE-2018-5383)", () => {
  const honest = keyPairOf(new SeededRandom(99)).publicKey;
  const [x, y] = [honest.slice(0, 32), honest.slice(32)];
  const flipped = y.slice();
  flipped[31] = flipped[31]! ^ 1;
  const keys: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ["Y = 0", x, new Uint8Array(32)],
    ["Y with a bit turned", x, flipped],
    ["X beyond the prime", bytesOf(P + 1n), y],
    ["the point (0, 0)", new Uint8Array(32), new Uint8Array(32)],
    ["64 bytes of ff", new Uint8Array(32).fill(0xff), new Uint8Array(32).fill(0xff)],
  ];
  for (const role of ROLES) {
    for (const [name, badX, badY] of keys) {
      it(`${role}: ${name} ends with 0x0B, and the next pairing has another key pair`, () => {
        const victim = begin(role);
        victim.pdu(encodeSmp(pairingPublicKey, { x: badX, y: badY }));
        while (victim.compute()) {}
        assertFailed(victim, PAIRING_FAILURE.DHKEY_CHECK_FAILED);
        const next = begin(role, {}, FEATURES, 2);
        if (role === "responder") next.pdu(encodeSmp(pairingPublicKey, { x, y }));
        const sent = (side: Side): string | undefined => side.history.find(([code]) => code === 0x0c)?.join();
        assert.notEqual(sent(victim), sent(next));
      });
    }
  }
});

describe("attack: reflected public key (CVE-2020-26558)", () => {
  for (const sign of ["as it is", "with Y negated"]) {
    it(`initiator: our own key comes back ${sign}: 0x0B, before any Confirm of ours`, () => {
      const victim = begin("initiator", { settings: { io: 2, mitm: true } });
      const own = victim.history.find(([code]) => code === 0x0c)!;
      const x = own.slice(1, 33).reverse();
      const y = own.slice(33).reverse();
      const back = sign === "as it is" ? y : bytesOf(P - numberOf(y));
      victim.pdu(encodeSmp(pairingPublicKey, { x, y: back }));
      while (victim.compute()) {}
      assertFailed(victim, PAIRING_FAILURE.DHKEY_CHECK_FAILED);
      assert.ok(!codes(victim).includes(pairingConfirm.code));
    });
  }
});

describe("attack: reflected commitments", () => {
  it("passkey: our Confirm and Random come back each round under another key: 0x04 in round 1", () => {
    const victim = begin("initiator", { settings: { io: 2, mitm: true } }, { ...FEATURES, ioCapability: 0 });
    const { publicKey } = keyPairOf(new SeededRandom(5));
    victim.pdu(encodeSmp(pairingPublicKey, { x: publicKey.slice(0, 32), y: publicKey.slice(32) }));
    while (victim.compute()) {}
    victim.feed({ is: "passkey", passkey: 123_456 });
    victim.pdu(victim.history.at(-1)!.slice());
    assertFailed(victim, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
    assert.ok(!codes(victim).includes(pairingRandom.code), "no nonce was disclosed");
  });

  it("legacy (VU#799380.5): our Confirm comes back: 0x04, and no encryption", () => {
    const victim = begin("initiator", {}, { ...FEATURES, authReq: 0x01 });
    victim.pdu(victim.history.at(-1)!.slice());
    assertFailed(victim, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
  });

  it("legacy: another Confirm, then our own Random: 0x04", () => {
    const victim = begin("initiator", {}, { ...FEATURES, authReq: 0x01 });
    victim.pdu(encodeSmp(pairingConfirm, { confirmValue: new Uint8Array(16).fill(1) }));
    victim.pdu(victim.history.at(-1)!.slice());
    assertFailed(victim, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
  });
});

describe("attack: debug key from a peer", () => {
  const key = {
    x: fromHex("20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6"),
    y: fromHex("dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b"),
  };
  for (const role of ROLES) {
    it(`${role}: 0x0A, and taken only where the settings say so`, () => {
      const victim = begin(role);
      victim.pdu(encodeSmp(pairingPublicKey, key));
      assertFailed(victim, PAIRING_FAILURE.INVALID_PARAMETERS);
      const lenient = begin(role, { settings: { debugKeys: true } });
      lenient.pdu(encodeSmp(pairingPublicKey, key));
      assert.equal(lenient.failure, undefined);
    });
  }
});

describe("attack: downgrades", () => {
  for (const role of ROLES) {
    it(`${role}: key size (KNOB): 0x06 below the minimum, 0x0A out of range, in both protocols`, () => {
      for (const authReq of [0x0d, 0x05]) {
        for (let size = 0; size <= 255; size++) {
          const victim = begin(role, {}, { ...FEATURES, authReq, maximumEncryptionKeySize: size });
          if (size === 16) assert.equal(victim.failure, undefined);
          else assertFailed(victim, size >= 7 && size < 16 ? 0x06 : 0x0a, `size ${size}`);
        }
        const lenient = begin(
          role,
          { settings: { minKeySize: 7 } },
          { ...FEATURES, authReq, maximumEncryptionKeySize: 7 },
        );
        assert.equal(lenient.failure, undefined);
      }
    });

    it(`${role}: the bit for LE Secure Connections cleared: 0x03 where they are demanded, else known to be missing`, () => {
      const legacy = { ...FEATURES, authReq: 0x05 };
      assertFailed(begin(role, { settings: { secureConnections: "only" } }, legacy), 0x03);
      assertFailed(begin(role, { settings: { secureOnly: true } }, legacy), 0x03);
      assert.equal(begin(role, {}, legacy).state.isSecureConnections, false);
    });
  }

  it("method: what one side restricts comes about as restricted, or not at all", () => {
    const victim = begin("responder", { settings: { io: 3, methods: ["passkey", "comparison"] } });
    assertFailed(victim, PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS);
  });
});

describe("attack: unauthenticated pairing over an authenticated bond", () => {
  const bond: Level = { isAuthenticated: true, isSecureConnections: true, keySize: 16 };

  it("Just Works by the bonded address: 0x03, in whatever respect the bond would lose", () => {
    for (const [previous, options, features] of [
      [bond, {}, FEATURES],
      [{ ...bond, isAuthenticated: false }, {}, { ...FEATURES, authReq: 0x01 }],
      [
        { ...bond, isAuthenticated: false, isSecureConnections: false },
        { settings: { minKeySize: 7 } },
        { ...FEATURES, maximumEncryptionKeySize: 15 },
      ],
    ] as const) {
      for (const isTrusted of [false, true]) {
        assertFailed(begin("responder", { ...options, previous, isTrusted }, features), 0x03);
      }
    }
  });

  it("Just Works over a bond by Just Works: 0x05 unless the peer has proved who it is, or somebody here takes part", () => {
    const previous = { ...bond, isAuthenticated: false };
    assertFailed(begin("responder", { previous }), PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
    assert.equal(begin("responder", { previous, isTrusted: true }).failure, undefined);
    assert.equal(begin("responder", { previous, asksConsent: true }).questions[0]?.asks, "consent");
  });

  it("just works upgrade: pairing again without a user does not make a key authenticated", () => {
    const pair = new PairingPair(
      {},
      { previous: { ...bond, isAuthenticated: false }, isTrusted: true },
    ).run();
    assert.equal(pair.responder.result!.level.isAuthenticated, false);
  });
});

describe("attack: early encryption (CVE-2019-19194, CVE-2020-13593)", () => {
  it("a request for the key at every moment of a pairing gets the negative reply, and ends it, until all is verified", () => {
    for (const secureConnections of ["on", "off"] as const) {
      const settings = { secureConnections };
      const whole = new PairingPair({ settings }, { settings });
      let moments = 0;
      for (let steps = 1; ; steps++) {
        const pair = new PairingPair({ settings }, { settings }).run(steps);
        const { responder } = pair;
        if (!responder.state) continue;
        if (["encrypting", "distributing", "sent", "over"].includes(responder.state.phase)) break;
        responder.feed({ is: "keyRequest", ediv: 0, rand: new Uint8Array(8) });
        const answer = responder.outputs.find((output) => output.do === "answerKey");
        assert.equal(answer?.do === "answerKey" && answer.key, undefined, `after ${steps} steps`);
        assertFailed(responder, PAIRING_FAILURE.UNSPECIFIED);
        moments++;
      }
      assert.ok(moments > 3, `${moments}`);
      whole.run();
      assert.ok(whole.responder.result, "an honest one comes about");
    }
  });

  it("a request under another name than that of the pairing's key gets none", () => {
    for (const [ediv, rand] of [
      [1, new Uint8Array(8)],
      [0, new Uint8Array(8).fill(1)],
    ] as const) {
      const pair = new PairingPair();
      while (pair.responder.state?.phase !== "encrypting") pair.run(1);
      pair.responder.feed({ is: "keyRequest", ediv, rand });
      assertFailed(pair.responder, PAIRING_FAILURE.UNSPECIFIED);
    }
  });

  it("the DHKey check is left out, or wrong: 0x0B, and no check of ours", () => {
    const pair = new PairingPair();
    while (pair.responder.state?.phase !== "check") pair.run(1);
    while (pair.responder.compute()) {}
    pair.responder.pdu(encodeSmp(pairingDhkeyCheck, { dhkeyCheck: new Uint8Array(16) }));
    assertFailed(pair.responder, PAIRING_FAILURE.DHKEY_CHECK_FAILED);
    assert.ok(!codes(pair.responder).includes(pairingDhkeyCheck.code));
  });
});

describe("attack: unexpected public key (CVE-2019-17520), and every other PDU where it does not belong", () => {
  const { publicKey } = keyPairOf(new SeededRandom(5));
  const key = encodeSmp(pairingPublicKey, { x: publicKey.slice(0, 32), y: publicKey.slice(32) });

  it("a public key in legacy pairing, and twice: 0x08", () => {
    const legacy = begin("responder", {}, { ...FEATURES, authReq: 0x01 });
    legacy.pdu(key);
    assertFailed(legacy, PAIRING_FAILURE.UNSPECIFIED);
    const twice = begin("responder");
    twice.pdu(key);
    twice.pdu(key);
    assertFailed(twice, PAIRING_FAILURE.UNSPECIFIED);
  });

  it("in every phase: PDUs of the right length out of turn 0x08, of a wrong one 0x0A, of the other role 0x07", () => {
    const lengths = [7, 7, 17, 17, 2, 17, 11, 17, 8, 17, 2, 65, 17, 2];
    let cases = 0;
    for (const secureConnections of ["on", "off"] as const) {
      const settings = { secureConnections };
      const pair = new PairingPair({ settings }, { settings });
      for (let steps = 1; steps < 40; steps++) {
        pair.run(1);
        for (const role of ROLES) {
          const { context, state } = pair[role];
          if (!state || state.phase === "over") continue;
          for (const [at, length] of lengths.entries()) {
            const code = at + 1;
            for (const isLong of [false, true]) {
              const isExpected = (state.expects & (1 << code)) !== 0 && !isLong;
              if (code === 5 || isExpected) continue;
              const pdu = new Uint8Array(isLong ? length + 1 : length);
              pdu[0] = code;
              const { outputs } = step(context, { ...state }, { is: "pdu", pdu });
              const failure = outputs.find((output) => output.do === "fail");
              const isOthers = role === "initiator" ? code === 1 : code === 2 || code === 11;
              const reason = isOthers ? 0x07 : isLong ? 0x0a : 0x08;
              const isIgnored = role === "initiator" && code === 11;
              assert.equal(failure?.reason, isIgnored ? undefined : reason, `${role} ${state.phase} ${code}`);
              cases++;
            }
          }
        }
      }
    }
    assert.ok(cases > 400, `${cases}`);
  });

  it("key PDUs on a plain link: 0x08, nothing is kept", () => {
    for (const role of ROLES) {
      const victim = begin(role);
      victim.pdu(encodeSmp(identityInformation, { identityResolvingKey: new Uint8Array(16).fill(1) }));
      assertFailed(victim, PAIRING_FAILURE.UNSPECIFIED);
      assert.deepEqual(victim.state.received, {});
    }
  });

  it("reserved codes and empty PDUs are ignored", () => {
    const victim = begin("responder");
    for (const code of [0x00, 0x0f, 0x80, 0xff]) victim.pdu(Uint8Array.of(code, 1, 2, 3));
    victim.pdu(new Uint8Array(0));
    assert.equal(victim.failure, undefined);
    victim.pdu(key);
    assert.equal(victim.failure, undefined);
  });
});

describe("attack: BLURtooth (CVE-2020-15802)", () => {
  it("bits for link keys, signing keys and CT2 are answered with 0", () => {
    const victim = begin(
      "responder",
      {},
      { ...FEATURES, authReq: 0x2d, initiatorKeyDistribution: 0x0f, responderKeyDistribution: 0x0f },
    );
    const response = victim.history[0]!;
    assert.equal(response[0], pairingResponse.code);
    assert.equal(response[3]! & 0x20, 0, "CT2");
    assert.deepEqual([response[5], response[6]], [0x03, 0x03]);
  });

  it("a response that grants more than was asked: 0x0A", () => {
    for (const bits of [0x04, 0x08]) {
      assertFailed(begin("initiator", {}, { ...FEATURES, responderKeyDistribution: 0x03 | bits }), 0x0a);
    }
    assertFailed(begin("initiator", { settings: { bond: false } }, FEATURES), 0x0a);
  });
});

describe("attack: an identity that is none", () => {
  for (const [name, addressType, bdAddr, isTaken] of [
    ["a resolvable address", 1, "5f0203040506", false],
    ["zeros", 0, "000000000000", false],
    ["ones", 1, "ffffffffffff", false],
    ["a reserved type", 2, "c00203040506", false],
    ["another device's", 1, "c00203040506", true],
    ["this device's own", 1, "c00203040502", false],
  ] as const) {
    it(`${name}: 0x0F, and no bond`, () => {
      const pair = new PairingPair({}, { isTaken: () => isTaken });
      pair.initiator.begin();
      const identity = { addressType, address: fromHex(bdAddr) };
      (pair.initiator.context as { identity: unknown }).identity = identity;
      pair.run();
      assert.equal(pair.responder.failure?.reason, PAIRING_FAILURE.KEY_REJECTED);
      assert.equal(pair.responder.result, undefined);
    });
  }
});

describe("attack: invalid curve, below the pairing", () => {
  it("simulated cryptography validates points, as a camera's does", () => {
    assert.equal(
      simulatedCrypto.p256SharedSecret(keyPairOf(new SeededRandom(1)).privateKey, new Uint8Array(64)),
      undefined,
    );
  });
});
