/** The choice of a method against a second copy of the Specification's table, typed from it (Vol 3, Part H, Table 2.8). */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Choice, chooseMethod, isAuthenticating } from "../../../../firmware/ble/smp/method.ts";

/**
 * By "initiator > responder": legacy, then LE Secure Connections. JW Just Works, NC numeric comparison; a passkey is typed
 * by the side named: i, r, or both.
 */
const TABLE = `
DisplayOnly      > DisplayOnly JW JW, DisplayYesNo JW JW, KeyboardOnly r r, NoInputNoOutput JW JW, KeyboardDisplay r r
DisplayYesNo     > DisplayOnly JW JW, DisplayYesNo JW NC, KeyboardOnly r r, NoInputNoOutput JW JW, KeyboardDisplay r NC
KeyboardOnly     > DisplayOnly i i, DisplayYesNo i i, KeyboardOnly both both, NoInputNoOutput JW JW, KeyboardDisplay i i
NoInputNoOutput  > DisplayOnly JW JW, DisplayYesNo JW JW, KeyboardOnly JW JW, NoInputNoOutput JW JW, KeyboardDisplay JW JW
KeyboardDisplay  > DisplayOnly i i, DisplayYesNo i NC, KeyboardOnly r r, NoInputNoOutput JW JW, KeyboardDisplay r NC
`;

const CAPABILITIES = ["DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"];

function expected(initiator: number, responder: number, isSecure: boolean): string {
  const row = TABLE.trim().split("\n")[initiator]!;
  const [name, cells] = row.split(">").map((part) => part.trim());
  assert.equal(name, CAPABILITIES[initiator]);
  const cell = cells!.split(",")[responder]!.trim().split(" ");
  assert.equal(cell[0], CAPABILITIES[responder]);
  return cell[isSecure ? 2 : 1]!;
}

function shown({ method, initiatorTypes, responderTypes }: Choice): string {
  if (method === "justWorks") return "JW";
  if (method === "comparison") return "NC";
  if (method === "outOfBand") return "OOB";
  return initiatorTypes && responderTypes ? "both" : initiatorTypes ? "i" : "r";
}

const BITS = [false, true];

describe("smp method: all capabilities, MITM bits and OOB flags", () => {
  for (const isSecure of BITS) {
    it(isSecure ? "LE Secure Connections: 400 cases" : "legacy pairing: 400 cases", () => {
      let cases = 0;
      for (let i = 0; i < 5; i++) {
        for (let r = 0; r < 5; r++) {
          for (const iMitm of BITS) {
            for (const rMitm of BITS) {
              for (const iOob of BITS) {
                for (const rOob of BITS) {
                  const outOfBand = isSecure ? iOob || rOob : iOob && rOob;
                  const wanted = outOfBand ? "OOB" : iMitm || rMitm ? expected(i, r, isSecure) : "JW";
                  const choice = chooseMethod(
                    { io: i, hasOob: iOob, mitm: iMitm },
                    { io: r, hasOob: rOob, mitm: rMitm },
                    isSecure,
                  );
                  assert.equal(shown(choice), wanted, `${i} > ${r}, ${iMitm} ${rMitm} ${iOob} ${rOob}`);
                  cases++;
                }
              }
            }
          }
        }
      }
      assert.equal(cases, 400);
    });
  }

  it("what authenticates: all but Just Works, and of legacy pairing only out of band", () => {
    const methods = ["justWorks", "comparison", "passkey", "outOfBand"] as const;
    assert.deepEqual(
      methods.map((method) => isAuthenticating(method, true)),
      [false, true, true, true],
    );
    assert.deepEqual(
      methods.map((method) => isAuthenticating(method, false)),
      [false, false, false, true],
    );
  });
});
