/** Attacks on pairing in the central role, by a false peripheral (docs/security.md). */
import { PAIRING_FAILURE } from "../../firmware/ble/smp/pdus.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { CODE, pairWithFalsePeripheral, responseTo } from "../support/false-peers.ts";
import { keyPairOf } from "../support/pairing.ts";
import { describe, it } from "../support/suite.ts";

/** Fields of a Pairing Response. */
const FIELD = { AUTH_REQ: 3, KEY_SIZE: 4, INITIATOR_KEYS: 5, RESPONDER_KEYS: 6 } as const;
const SECURE_CONNECTIONS = 0x08;

/** A response that differs in one field. */
function altered(request: Uint8Array, field: number, value: number, io = 3): Uint8Array {
  const response = responseTo(request, io);
  response[field] = value;
  return response;
}

function publicKeyOf(key: Uint8Array): Uint8Array {
  return Uint8Array.of(CODE.PUBLIC_KEY, ...key.slice(0, 32).reverse(), ...key.slice(32).reverse());
}

describe("attack on a central: a false peripheral", () => {
  for (const [name, leSecure] of [
    ["LE Secure Connections", true],
    ["legacy pairing", false],
  ] as const) {
    it(`${name}, key size (KNOB): 0x06 for every size below the minimum, 0x0A out of range`, async () => {
      for (const size of [0, 1, 6, 7, 8, 15, 17, 255]) {
        const { bonds, heard, reason } = await pairWithFalsePeripheral({ leSecure }, (pdu) =>
          pdu[0] === CODE.REQUEST ? altered(pdu, FIELD.KEY_SIZE, size) : undefined,
        );
        const expected =
          size >= 7 && size < 16 ? PAIRING_FAILURE.ENCRYPTION_KEY_SIZE : PAIRING_FAILURE.INVALID_PARAMETERS;
        equal(reason, expected);
        deepEqual(heard.at(-1), [CODE.FAILED, expected]);
        equal(heard.length, 2);
        equal(bonds, 0);
      }
    });
  }

  it("the bit for LE Secure Connections cleared: 0x03 where they are demanded", async () => {
    const { heard, reason } = await pairWithFalsePeripheral({ leSecure: "only" }, (pdu) =>
      pdu[0] === CODE.REQUEST
        ? altered(pdu, FIELD.AUTH_REQ, pdu[FIELD.AUTH_REQ]! & ~SECURE_CONNECTIONS)
        : undefined,
    );
    equal(reason, PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS);
    equal(heard.length, 2);
  });

  it("another method than was demanded: 0x03 before any key", async () => {
    // Comparison is asked for; the peripheral has no display, and then a keyboard alone.
    for (const io of [3, 2]) {
      const { heard, reason } = await pairWithFalsePeripheral(
        { mitm: true, methods: ["comparison"], agent: { display: () => {}, compare: () => true } },
        (pdu) => (pdu[0] === CODE.REQUEST ? responseTo(pdu, io) : undefined),
      );
      equal(reason, PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS);
      ok(!heard.some(([code]) => code === CODE.PUBLIC_KEY));
    }
  });

  it("invalid curve (CVE-2018-5383), Y of 0, another Y, no point at all: 0x0B, and no key for the link layer", async () => {
    const { publicKey } = keyPairOf(new SeededRandom(7));
    const flipped = publicKey.slice();
    flipped[63] = flipped[63]! ^ 1;
    const fixed = publicKey.slice();
    fixed.fill(0, 32);
    for (const key of [fixed, flipped, new Uint8Array(64), new Uint8Array(64).fill(0xff)]) {
      const { bonds, heard, reason } = await pairWithFalsePeripheral({}, (pdu) => {
        if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 3);
        return pdu[0] === CODE.PUBLIC_KEY ? publicKeyOf(key) : undefined;
      });
      equal(reason, PAIRING_FAILURE.DHKEY_CHECK_FAILED);
      ok(!heard.some(([code]) => code === CODE.RANDOM));
      equal(bonds, 0);
    }
  });

  it("BLURtooth (CVE-2020-15802): no keys for BR/EDR are asked for, and a response that grants them is 0x0A", async () => {
    for (const field of [FIELD.INITIATOR_KEYS, FIELD.RESPONDER_KEYS]) {
      const { heard, reason } = await pairWithFalsePeripheral({}, (pdu) =>
        pdu[0] === CODE.REQUEST ? altered(pdu, field, 0x0f) : undefined,
      );
      equal(reason, PAIRING_FAILURE.INVALID_PARAMETERS);
      equal(heard[0]![field]! & 0x0c, 0);
      equal(heard[0]![FIELD.AUTH_REQ]! & 0x20, 0);
    }
  });

  it("keys and Confirms before their time, and a request of the other role: the pairing ends, and nothing is kept", async () => {
    for (const [code, length] of [
      [0x06, 17],
      [0x07, 11],
      [0x08, 17],
      [0x09, 8],
      [0x0d, 17],
      [CODE.CONFIRM, 17],
      [CODE.RANDOM, 17],
      [CODE.REQUEST, 7],
    ] as const) {
      const { bonds, heard } = await pairWithFalsePeripheral({}, (pdu) =>
        pdu[0] === CODE.REQUEST ? Uint8Array.of(code, ...new Uint8Array(length - 1)) : undefined,
      );
      equal(heard.at(-1)![0], CODE.FAILED);
      equal(bonds, 0);
    }
  });

  it("a random number that its commitment does not fit: 0x04, before any number is shown", async () => {
    const { publicKey } = keyPairOf(new SeededRandom(8));
    const shown: string[] = [];
    const compare = ({ number }: { readonly number: string }): boolean => {
      shown.push(number);
      return true;
    };
    const { bonds, heard, reason } = await pairWithFalsePeripheral(
      { mitm: true, agent: { display: () => {}, compare } },
      (pdu) => {
        if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 1);
        if (pdu[0] === CODE.PUBLIC_KEY)
          return [publicKeyOf(publicKey), Uint8Array.of(CODE.CONFIRM, ...new Uint8Array(16))];
        return pdu[0] === CODE.RANDOM ? Uint8Array.of(CODE.RANDOM, ...new Uint8Array(16)) : undefined;
      },
    );
    equal(reason, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
    deepEqual(heard.at(-1), [CODE.FAILED, PAIRING_FAILURE.CONFIRM_VALUE_FAILED]);
    deepEqual(shown, []);
    equal(bonds, 0);
  });

  it("passkey guesses over many pairings: each learns nothing of the next, for none is shown twice", async () => {
    const { publicKey } = keyPairOf(new SeededRandom(9));
    const shown: string[] = [];
    const display = ({ passkey }: { readonly passkey: string }): void => void shown.push(passkey);
    for (let attempt = 0; attempt < 8; attempt++) {
      const { heard, reason } = await pairWithFalsePeripheral(
        { mitm: true, agent: { display }, seed: 100 + attempt },
        (pdu) => {
          if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 2);
          if (pdu[0] === CODE.PUBLIC_KEY) return publicKeyOf(publicKey);
          // A guess of the first bit, committed to with what is at hand.
          if (pdu[0] === CODE.CONFIRM)
            return Uint8Array.of(CODE.CONFIRM, ...new Uint8Array(16).fill(attempt));
          return pdu[0] === CODE.RANDOM
            ? Uint8Array.of(CODE.RANDOM, ...new Uint8Array(16).fill(attempt))
            : undefined;
        },
      );
      equal(reason, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
      equal(heard.filter(([code]) => code === CODE.RANDOM).length, 1);
    }
    equal(new Set(shown).size, 8);
  });
});
