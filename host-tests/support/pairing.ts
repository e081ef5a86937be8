/** Two sides of a pairing with no radio between them: what `step` asks for is done here. */
import { encodeSmp } from "../../firmware/ble/smp/run.ts";
import type {
  Input,
  KeyPair,
  OutOfBand,
  Output,
  PairingContext,
  PairingResult,
  PairingRole,
  PairingSettings,
  Question,
  State,
  Step,
} from "../../firmware/ble/smp/state.ts";
import { initiate, respondTo, step } from "../../firmware/ble/smp/step.ts";
import type { Crypto } from "../../firmware/platform/platform.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { SeededRandom } from "../../simulator/random.ts";

const crypto = (globalThis as { cameraCrypto?: Crypto }).cameraCrypto ?? simulatedCrypto;

export { encodeSmp };

export const SETTINGS: PairingSettings = {
  io: 3,
  bond: true,
  mitm: false,
  secureConnections: "on",
  minKeySize: 16,
  secureOnly: false,
  methods: undefined,
  keypress: false,
  debugKeys: false,
};

/** What a user of one side does. */
export interface User {
  /** The number that this side's user types, what the other side shows, or nothing: the user gives up. */
  readonly types?: number | "shown" | "nothing";
  readonly compares?: boolean;
  readonly consents?: boolean;
}

export type SideOptions = Partial<Omit<PairingContext, "settings">> & {
  readonly settings?: Partial<PairingSettings>;
  readonly user?: User;
};

/** A key pair, the same for the same seed. */
export function keyPairOf(random: SeededRandom): KeyPair {
  for (;;) {
    const privateKey = random.bytes(32);
    const publicKey = crypto.p256PublicKey(privateKey);
    if (publicKey) return { privateKey, publicKey };
  }
}

/** One side: a state, and everything that it has wanted so far. */
export class Side {
  readonly context: PairingContext;
  readonly random: SeededRandom;
  readonly user: User;
  state!: State;
  /** PDUs that the other side has not received yet. */
  readonly sent: Uint8Array[] = [];
  /** Everything that was sent, in order. */
  readonly history: Uint8Array[] = [];
  readonly questions: Question[] = [];
  readonly outputs: Output[] = [];
  /** Computations that have been asked for and not done. */
  readonly computing: (() => Input)[] = [];
  result: PairingResult | undefined = undefined;
  failure: Extract<Output, { do: "fail" }> | undefined = undefined;
  /** The key that the link layer was given. */
  key: Uint8Array | undefined = undefined;
  shown: number | undefined = undefined;
  wantsDelivery = false;
  wantsEncryption = false;
  /** The link is encrypted with the key that was agreed. */
  encrypted = false;

  constructor(role: PairingRole, seed: number, { settings, user = {}, ...options }: SideOptions = {}) {
    this.random = new SeededRandom(seed);
    this.user = user;
    const isInitiator = role === "initiator";
    this.context = {
      ciphers: crypto,
      random: (length) => this.random.bytes(length),
      settings: { ...SETTINGS, ...settings },
      outOfBand: {},
      ownAddress: Uint8Array.of(1, 0xc0, 2, 3, 4, 5, isInitiator ? 1 : 2),
      peerAddress: Uint8Array.of(1, 0xc0, 2, 3, 4, 5, isInitiator ? 2 : 1),
      identity: { addressType: 1, address: Uint8Array.of(0xc0, 2, 3, 4, 5, isInitiator ? 1 : 2) },
      ownIrk: () => new Uint8Array(16).fill(isInitiator ? 0x11 : 0x22),
      previous: undefined,
      isTrusted: false,
      asksConsent: false,
      isTaken: () => false,
      refusalOf: () => 0,
      ...options,
    };
  }

  begin(): void {
    this.apply(initiate(this.context));
  }

  respond(pdu: Uint8Array, refusal = 0): void {
    this.apply(respondTo(this.context, pdu, refusal));
  }

  feed(input: Input): void {
    this.apply(step(this.context, this.state, input));
  }

  pdu(pdu: Uint8Array): void {
    this.feed({ is: "pdu", pdu });
  }

  private apply({ state, outputs }: Step): void {
    this.state = state;
    for (const output of outputs) this.serve(output);
  }

  private serve(output: Output): void {
    this.outputs.push(output);
    switch (output.do) {
      case "send":
        this.sent.push(output.pdu);
        this.history.push(output.pdu);
        break;
      case "createKeyPair":
        this.computing.push(() => ({ is: "keyPair", keyPair: keyPairOf(this.random) }));
        break;
      case "computeSharedSecret":
        this.computing.push(() => ({
          is: "sharedSecret",
          sharedSecret: crypto.p256SharedSecret(output.privateKey, output.publicKey),
        }));
        break;
      case "ask":
        this.questions.push(output.question);
        break;
      case "encrypt":
        this.key = output.key;
        this.wantsEncryption = true;
        break;
      case "answerKey":
        this.key = output.key;
        break;
      case "awaitDelivery":
        this.wantsDelivery = true;
        break;
      case "finish":
        this.result = output.result;
        break;
      case "fail":
        this.failure = output;
        break;
      default:
    }
  }

  /** Does one computation that was asked for. */
  compute(): boolean {
    const next = this.computing.shift();
    if (next) this.feed(next());
    return next !== undefined;
  }

  /** This side's user answers the oldest question, when it can. */
  answer(other: Side): boolean {
    const [question] = this.questions;
    if (!question) return false;
    const { types = "shown", compares = true, consents = true } = this.user;
    switch (question.asks) {
      case "display":
        this.shown = question.passkey;
        this.questions.shift();
        this.feed({ is: "passkey", passkey: question.passkey });
        return true;
      case "input": {
        const shown = other.shown ?? (this.bothType ? 271828 : undefined);
        const passkey = types === "shown" ? shown : types;
        if (passkey === undefined) return false;
        this.questions.shift();
        this.feed({ is: "passkey", passkey: passkey === "nothing" ? undefined : passkey });
        return true;
      }
      case "compare": {
        const same = other.compared;
        if (same === undefined) return false;
        this.questions.shift();
        this.feed({ is: "compared", isEqual: compares && same === question.number });
        return true;
      }
      default:
        this.questions.shift();
        this.feed({ is: "consent", granted: consents });
        return true;
    }
  }

  private get bothType(): boolean {
    return this.state.choice.initiatorTypes && this.state.choice.responderTypes;
  }

  /** The number that this side was last asked to compare. */
  get compared(): number | undefined {
    for (const output of this.outputs) {
      if (output.do === "ask" && output.question.asks === "compare") return output.question.number;
    }
    return undefined;
  }
}

/** Both sides, until nothing happens any more; `order` draws what happens next where several things could. */
export class PairingPair {
  readonly initiator: Side;
  readonly responder: Side;
  private readonly order: SeededRandom;

  constructor(initiator: SideOptions = {}, responder: SideOptions = {}, seed = 1) {
    this.initiator = new Side("initiator", seed * 2, initiator);
    this.responder = new Side("responder", seed * 2 + 1, responder);
    this.order = new SeededRandom(seed);
  }

  run(steps = Number.POSITIVE_INFINITY): this {
    if (!this.initiator.state) this.initiator.begin();
    for (let taken = 0; taken < steps; taken++) {
      const moves = [...this.moves()];
      if (moves.length === 0) return this;
      const at = this.order.below(moves.length);
      // Where the drawn one cannot move yet, the others may.
      if (![...moves.slice(at), ...moves.slice(0, at)].some((move) => move())) return this;
    }
    return this;
  }

  /** Everything that can happen now, each returns whether it did. */
  private *moves(): Iterable<() => boolean> {
    const { initiator, responder } = this;
    for (const [side, other] of [
      [initiator, responder],
      [responder, initiator],
    ] as const) {
      if (side.sent.length > 0) {
        yield () => {
          const pdu = side.sent.shift()!;
          if (other.state) other.pdu(pdu);
          else other.respond(pdu);
          return true;
        };
      }
      if (side.computing.length > 0) yield () => side.compute();
      if (side.questions.length > 0) yield () => side.answer(other);
      if (side.wantsDelivery && side.sent.length === 0) {
        yield () => {
          side.wantsDelivery = false;
          side.feed({ is: "delivered" });
          return true;
        };
      }
    }
    if (initiator.wantsEncryption && responder.state && initiator.sent.length === 0) {
      yield () => {
        initiator.wantsEncryption = false;
        responder.feed({ is: "keyRequest", ediv: 0, rand: new Uint8Array(8) });
        const matches = isSameKey(initiator.key, responder.key);
        responder.feed({ is: "encryption", status: matches ? 0 : 0x3d });
        initiator.feed({ is: "encryption", status: matches ? 0 : 0x06 });
        return true;
      };
    }
  }
}

export function isSameKey(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** What each side has learned of the other by another way, so that LE Secure Connections can use it both ways. */
export function createOutOfBand(
  f4: (x: Uint8Array, random: Uint8Array) => Uint8Array,
  seed: number,
): readonly [OutOfBand, OutOfBand] {
  const [a, b] = [new SeededRandom(seed), new SeededRandom(seed + 1)].map((random) => {
    const own = { ...keyPairOf(random), random: random.bytes(16) };
    return { own, told: { random: own.random, confirm: f4(own.publicKey.subarray(0, 32), own.random) } };
  });
  const temporaryKey = new SeededRandom(seed + 2).bytes(16);
  return [
    { own: a!.own, peer: b!.told, temporaryKey },
    { own: b!.own, peer: a!.told, temporaryKey },
  ];
}
