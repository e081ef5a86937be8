/** `step` against itself: every method of both protocols, and what comes of them (Vol 3, Part H, 2.3). */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { isAuthenticating } from "../../../../firmware/ble/smp/method.ts";
import { PAIRING_FAILURE } from "../../../../firmware/ble/smp/pdus.ts";
import { f4 } from "../../../../firmware/ble/smp/toolbox.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { createOutOfBand, isSameKey, PairingPair, type SideOptions } from "../../../support/pairing.ts";

const commit = (x: Uint8Array, random: Uint8Array): Uint8Array => f4(simulatedCrypto, x, x, random, 0);

/** Both sides have paired, and know of each other what they have to. */
function checkPaired({ initiator, responder }: PairingPair, message: string): void {
  assert.deepEqual([initiator.failure, responder.failure], [undefined, undefined], message);
  const [i, r] = [initiator.result!, responder.result!];
  assert.ok(i && r, `${message}: both are done`);
  assert.ok(isSameKey(initiator.key, responder.key), `${message}: one key`);
  assert.deepEqual(i.level, r.level, message);
  assert.equal(i.method, r.method);
  const { isSecureConnections } = i.level;
  assert.equal(i.level.isAuthenticated, isAuthenticating(i.method, isSecureConnections));
  if (!i.isBonding) return;
  assert.deepEqual(i.identity, responder.context.identity, message);
  assert.deepEqual(r.identity, initiator.context.identity, message);
  assert.deepEqual(i.irk, responder.context.ownIrk());
  assert.deepEqual(r.irk, initiator.context.ownIrk());
  assert.deepEqual(i.keyAsCentral, r.keyAsPeripheral, `${message}: the key for the roles as they are`);
  assert.deepEqual(i.keyAsPeripheral, r.keyAsCentral, `${message}: and for swapped roles`);
  assert.equal(isSameKey(i.keyAsCentral!.key, initiator.key), isSecureConnections, message);
}

const IO = [0, 1, 2, 3, 4];

describe("smp pairing: every method", () => {
  for (const protocol of ["secure", "legacy"] as const) {
    for (const mitm of [false, true]) {
      it(`${protocol}, ${mitm ? "with" : "without"} MITM: all capabilities`, () => {
        const seen = new Set<string>();
        for (const i of IO) {
          for (const r of IO) {
            // A demand that nobody could meet is another test's.
            const settings = {
              secureConnections: protocol === "secure" ? "on" : "off",
              mitm: false,
            } as const;
            const responder = { settings: { ...settings, io: r } };
            const pair = new PairingPair({ settings: { ...settings, io: i } }, responder, i * 5 + r);
            if (mitm) forceMitm(pair);
            checkPaired(pair.run(), `${protocol} ${i} > ${r}`);
            seen.add(pair.initiator.result!.method);
          }
        }
        const methods = ["justWorks"];
        if (mitm) methods.push("passkey", ...(protocol === "secure" ? ["comparison"] : []));
        assert.deepEqual([...seen].sort(), methods.sort());
      });
    }

    for (const [known, both] of [
      ["each knows the other's data", [true, true]],
      ["the initiator knows the responder's", [true, false]],
      ["the responder knows the initiator's", [false, true]],
    ] as const) {
      it(`${protocol}, out of band: ${known}`, () => {
        const [first, second] = createOutOfBand(commit, 1007);
        const options = (data: typeof first, knows: boolean): SideOptions => ({
          settings: { secureConnections: protocol === "secure" ? "on" : "off" },
          outOfBand: knows ? data : { own: data.own },
        });
        const pair = new PairingPair(options(first, both[0]), options(second, both[1]), 3).run();
        checkPaired(pair, known);
        const isOutOfBand = protocol === "secure" || (both[0] && both[1]);
        assert.equal(pair.initiator.result!.method, isOutOfBand ? "outOfBand" : "justWorks");
        assert.equal(pair.initiator.result!.level.isAuthenticated, isOutOfBand);
      });
    }
  }

  for (const [i, r] of [
    [1, 1],
    [2, 2],
    [2, 0],
    [0, 2],
    [4, 4],
    [3, 3],
  ] as const) {
    it(`whatever comes first, the user, the computation or the peer: 10 orders of input and output ${i} > ${r}`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        const settings = { mitm: i !== 3 };
        const pair = new PairingPair(
          { settings: { ...settings, io: i } },
          { settings: { ...settings, io: r } },
          seed,
        ).run();
        checkPaired(pair, `${i} > ${r}, seed ${seed}`);
      }
    });
  }

  it("without bonding no key is distributed", () => {
    for (const secureConnections of ["on", "off"] as const) {
      for (const [a, b] of [
        [false, true],
        [true, false],
      ]) {
        const pair = new PairingPair(
          { settings: { secureConnections, bond: a! } },
          { settings: { secureConnections, bond: b! } },
        ).run();
        checkPaired(pair, `${secureConnections} ${a} ${b}`);
        assert.equal(pair.initiator.result!.isBonding, false);
        const keys = [...pair.initiator.history, ...pair.responder.history].filter(
          ([code]) => code! >= 6 && code! <= 10,
        );
        assert.deepEqual(keys, []);
      }
    }
  });

  it("a passkey typed wrong ends with 0x04, whichever bit is wrong", () => {
    for (const secureConnections of ["on", "off"] as const) {
      for (const bit of [0, 7, 19]) {
        const pair = new PairingPair(
          { settings: { secureConnections, io: 2 }, user: { types: 0 } },
          { settings: { secureConnections, io: 2 }, user: { types: 2 ** bit } },
        );
        forceMitm(pair);
        pair.run();
        const reasons = [pair.initiator.failure!, pair.responder.failure!].map(({ reason }) => reason);
        assert.deepEqual(reasons, [
          PAIRING_FAILURE.CONFIRM_VALUE_FAILED,
          PAIRING_FAILURE.CONFIRM_VALUE_FAILED,
        ]);
        const randoms = pair.responder.history.filter(([code]) => code === 0x04).length;
        assert.equal(randoms, secureConnections === "on" ? bit : 0, "not a bit more is disclosed");
      }
    }
  });

  it("a user who gives up ends with 0x01, one who sees other numbers with 0x0C, one who says no with 0x05", () => {
    const typing = { settings: { io: 2, mitm: true } };
    const gaveUp = new PairingPair({ ...typing, user: { types: "nothing" } }, { settings: { io: 0 } }).run();
    for (const [pair, reason] of [
      [gaveUp, PAIRING_FAILURE.PASSKEY_ENTRY_FAILED],
      [
        new PairingPair(
          { settings: { io: 1, mitm: true } },
          { settings: { io: 1 }, user: { compares: false } },
        ).run(),
        PAIRING_FAILURE.NUMERIC_COMPARISON_FAILED,
      ],
      [
        new PairingPair({}, { asksConsent: true, user: { consents: false } }).run(),
        PAIRING_FAILURE.PAIRING_NOT_SUPPORTED,
      ],
    ] as const) {
      const { initiator, responder } = pair;
      assert.deepEqual([initiator.failure!.reason, responder.failure!.reason], [reason, reason]);
      assert.deepEqual([initiator.result, responder.result], [undefined, undefined]);
    }
  });

  it("keypress notifications pass where both ask for them, and the typing side says when it begins and ends", () => {
    const pair = new PairingPair(
      { settings: { io: 2, mitm: true, keypress: true } },
      { settings: { io: 0, keypress: true } },
    ).run();
    checkPaired(pair, "keypress");
    const kinds = pair.responder.outputs.flatMap((output) =>
      output.do === "showKeypress" ? [output.kind] : [],
    );
    assert.deepEqual(kinds, [0, 4]);
  });

  it("a drawn passkey has six digits, and differs from pairing to pairing", () => {
    const numbers = new Set<number>();
    for (let seed = 1; seed <= 200; seed++) {
      const showing = { settings: { io: 0, secureConnections: "off" } } as const;
      const pair = new PairingPair(showing, { settings: { io: 2 } }, seed);
      forceMitm(pair);
      pair.run();
      const { shown } = pair.initiator;
      assert.ok(shown !== undefined && shown >= 0 && shown <= 999_999 && Number.isInteger(shown));
      numbers.add(shown);
    }
    assert.ok(numbers.size > 195, `${numbers.size} of 200`);
  });
});

/** The initiator asks for MITM protection without demanding it, as peers may. */
function forceMitm({ initiator }: PairingPair): void {
  const begin = initiator.begin.bind(initiator);
  initiator.begin = () => {
    begin();
    const authReq = initiator.state.own.authReq | 0x04;
    const request = initiator.state.request!.slice();
    request[3] = authReq;
    initiator.state = { ...initiator.state, own: { ...initiator.state.own, authReq }, request };
    initiator.sent[0] = request;
  };
}
