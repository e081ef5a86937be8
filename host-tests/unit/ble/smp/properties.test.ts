/** `step` under random and hostile inputs: what must hold of every pairing, whatever the peer, the user and the radio do. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SMP_PDUS } from "../../../../firmware/ble/smp/pdus.ts";
import type { Input, Output, PairingRole } from "../../../../firmware/ble/smp/state.ts";
import { SeededRandom as Random } from "../../../../simulator/random.ts";
import { PairingPair, Side, type SideOptions } from "../../../support/pairing.ts";

/** Outputs of one step: no step answers an input with more. */
const OUTPUTS_MAX = 8;

const IO = [0, 1, 2, 3, 4];

function options(random: Random): SideOptions {
  return {
    settings: {
      io: IO[random.below(IO.length)]!,
      secureConnections: (["on", "on", "off", "only"] as const)[random.below(4)]!,
      mitm: random.below(4) === 0,
      bond: random.below(4) > 0,
      minKeySize: random.below(3) === 0 ? 7 : 16,
      secureOnly: random.below(8) === 0,
      keypress: random.below(4) === 0,
    },
    asksConsent: random.below(4) === 0,
    previous:
      random.below(4) === 0
        ? { isAuthenticated: random.below(2) === 0, isSecureConnections: true, keySize: 16 }
        : undefined,
    isTrusted: random.below(2) === 0,
  };
}

/** A PDU of nobody: any code, mostly of the right length. */
function inventPdu(random: Random): Uint8Array {
  const declared = SMP_PDUS[random.below(SMP_PDUS.length)]!;
  const length = random.below(6) === 0 ? random.below(70) : declared.length;
  const pdu = random.bytes(length);
  if (length > 0) pdu[0] = random.below(12) === 0 ? random.below(256) : declared.code;
  if (declared.code <= 2 && length === 7) {
    pdu.set(
      [
        random.below(6),
        random.below(3),
        random.below(32),
        7 + random.below(11),
        random.below(8),
        random.below(8),
      ],
      1,
    );
  }
  return pdu;
}

function inventInput(random: Random): Input {
  switch (random.below(10)) {
    case 0:
      return { is: "passkey", passkey: random.below(2) === 0 ? random.below(1_200_000) : undefined };
    case 1:
      return { is: "compared", isEqual: random.below(2) === 0 };
    case 2:
      return { is: "consent", granted: random.below(2) === 0 };
    case 3:
      return {
        is: "keyRequest",
        ediv: random.below(2),
        rand: random.below(2) === 0 ? new Uint8Array(8) : random.bytes(8),
      };
    case 4:
      return { is: "encryption", status: random.below(2) === 0 ? 0 : random.below(64) };
    case 5:
      return { is: "delivered" };
    case 6:
      return { is: "sharedSecret", sharedSecret: random.below(2) === 0 ? undefined : random.bytes(32) };
    default:
      return { is: "pdu", pdu: inventPdu(random) };
  }
}

/** What must hold after every step. */
function check(side: Side, before: number, input: Input, wasOver: boolean, phase: string): void {
  const outputs = side.outputs.slice(before);
  const text = JSON.stringify({ phase, input: input.is, outputs: outputs.map((output) => output.do) });
  assert.ok(outputs.length <= OUTPUTS_MAX, text);
  if (wasOver) assert.deepEqual(outputs, [], `nothing after the end: ${text}`);
  const ends = side.outputs.filter((output) => output.do === "finish" || output.do === "fail").length;
  assert.ok(ends <= 1, `it ends once: ${text}`);
  assert.equal(ends === 1, side.state.phase === "over", text);
  for (const output of outputs) checkOutput(side, output, phase, text);
}

function checkOutput(side: Side, output: Output, phase: string, text: string): void {
  if (output.do === "send") {
    const declared = SMP_PDUS[output.pdu[0]! - 1];
    assert.equal(output.pdu.length, declared?.length, `a well-formed PDU: ${text}`);
    const isKey = output.pdu[0]! >= 0x06 && output.pdu[0]! <= 0x0a;
    if (isKey) assert.ok(side.encrypted, `no key before the link is encrypted: ${text}`);
  }
  if (output.do === "encrypt" || (output.do === "answerKey" && output.key)) {
    assert.ok(
      output.key?.some((byte) => byte !== 0),
      `never the key of zeros: ${text}`,
    );
    const { minKeySize, secureOnly } = side.context.settings;
    assert.ok(output.level.keySize >= (secureOnly ? 16 : minKeySize), text);
  }
  if (output.do === "answerKey" && output.key) assert.equal(phase, "encrypting", text);
  if (output.do === "finish") {
    const { level } = output.result;
    const { mitm, secureConnections, secureOnly } = side.context.settings;
    assert.ok(side.encrypted, `no end without encryption: ${text}`);
    assert.ok(level.isAuthenticated || !(mitm || secureOnly), text);
    assert.ok(level.isSecureConnections || !(secureConnections === "only" || secureOnly), text);
    const { previous } = side.context;
    assert.ok(!previous?.isAuthenticated || level.isAuthenticated, `no bond gets weaker: ${text}`);
  }
}

/** A side that is fed under the eye of `check`. */
class Watched extends Side {
  override feed(input: Input): void {
    const before = this.outputs.length;
    const { phase } = this.state;
    if (input.is === "encryption" && input.status === 0 && phase === "encrypting") this.encrypted = true;
    super.feed(input);
    check(this, before, input, phase === "over", phase);
  }
}

function create(role: PairingRole, seed: number): Watched {
  return new Watched(role, seed, options(new Random(seed)));
}

describe("smp properties: whatever comes", () => {
  for (const role of ["initiator", "responder"] as const) {
    it(`3,000 pairings as ${role} with inputs of nobody`, () => {
      for (let seed = 1; seed <= 3000; seed++) {
        const random = new Random(seed * 7919);
        const side = create(role, seed);
        if (role === "initiator") side.begin();
        else side.respond(inventPdu(random));
        for (let inputs = 0; inputs < 20; inputs++) {
          if (random.below(3) === 0) side.compute();
          else side.feed(inventInput(random));
        }
      }
    });
  }

  it("600 honest conversations with one thing wrong: both sides end, and never with different keys", () => {
    let finished = 0;
    for (let seed = 1; seed <= 600; seed++) {
      const random = new Random(seed * 104_729);
      const pair = new PairingPair(options(new Random(seed)), options(new Random(seed + 9999)), seed);
      pair.run(random.below(60));
      const { initiator, responder } = pair;
      const side = random.below(2) === 0 ? initiator : responder;
      if (side.state) disturb(side, random);
      pair.run();
      if (initiator.result && responder.result) {
        finished++;
        assert.deepEqual(initiator.key, responder.key, `seed ${seed}`);
        assert.deepEqual(initiator.result.level, responder.result.level);
      }
      for (const { state, result, failure } of [initiator, responder]) {
        assert.ok(!(result && failure), `seed ${seed}: one end`);
        if (state?.phase === "over") assert.ok(result ?? failure);
      }
    }
    assert.ok(finished > 20, `${finished} were not disturbed`);
  });

  it("the same inputs and random numbers give the same outputs and states", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const runs = [1, 2].map(() =>
        new PairingPair(options(new Random(seed)), options(new Random(seed + 1)), seed).run(),
      );
      assert.deepEqual(runs[0]!.initiator.outputs, runs[1]!.initiator.outputs);
      assert.deepEqual(runs[0]!.responder.state, runs[1]!.responder.state);
    }
  });
});

function disturb(side: Side, random: Random): void {
  const [next] = side.sent;
  switch (random.below(6)) {
    case 0:
      if (next) next[random.below(next.length)]! ^= 1 << random.below(8);
      break;
    case 1:
      side.sent.shift();
      break;
    case 2:
      if (next) side.sent.unshift(next.slice());
      break;
    case 3:
      if (next) side.sent[0] = next.slice(0, random.below(next.length + 1));
      break;
    case 4:
      side.sent.unshift(inventPdu(random));
      break;
    default:
      side.feed({ is: "cancel", reason: 0x08 });
  }
}
