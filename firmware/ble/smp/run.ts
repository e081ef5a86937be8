/** One step of a pairing while it is taken: the state that changes, and what it wants done. */
import { encodeInto, type Fields, type Values, Writer } from "../codec.ts";
import { isAuthenticating } from "./method.ts";
import { encodeValue, PAIRING_FAILURE, pairingFailed, type SmpPdu } from "./pdus.ts";
import type { Level, Output, PairingContext, State } from "./state.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A PDU as it goes on the air. */
export function encodeSmp<F extends Fields>(pdu: SmpPdu<F>, values: Values<F>): Uint8Array {
  const writer = new Writer(pdu.length);
  writer.u8(pdu.code);
  encodeInto(writer, pdu.fields, values);
  return writer.finish();
}

export class Run {
  readonly context: PairingContext;
  readonly state: Mutable<State>;
  readonly outputs: Output[] = [];

  constructor(context: PairingContext, state: State) {
    this.context = context;
    this.state = state;
  }

  get isInitiator(): boolean {
    return this.state.role === "initiator";
  }

  send<F extends Fields>(pdu: SmpPdu<F>, values: Values<F>): void {
    this.outputs.push({ do: "send", pdu: encodeSmp(pdu, values) });
  }

  /** Sends a PDU of one value of 16 bytes. */
  sendValue(pdu: SmpPdu, value: Uint8Array): void {
    this.outputs.push({ do: "send", pdu: encodeValue(pdu, value) });
  }

  /** This side ends the pairing. */
  fail(reason: number): void {
    this.send(pairingFailed, { reason });
    this.end({ do: "fail", reason, source: "local" });
  }

  /**
   * What the peer, or the user, says of the secret of the method is wrong: authentication failed. "justWorks" has neither
   * secret nor authentication, so that nothing was guessed.
   */
  failAuthentication(reason: number): void {
    this.state.wasGuess = this.state.choice.method !== "justWorks";
    this.fail(reason);
  }

  end(output: Output): void {
    this.state.phase = "over";
    this.state.expects = 0;
    this.outputs.push(output);
  }

  /** What the key of this pairing is worth. */
  get level(): Level {
    const { choice, isSecureConnections, keySize } = this.state;
    return {
      isAuthenticated: isAuthenticating(choice.method, isSecureConnections),
      isSecureConnections,
      keySize,
    };
  }

  /** Asks for the secret of the method, where users have one; else it is there already. */
  askForSecret(): void {
    const { choice, isSecureConnections } = this.state;
    if (choice.method === "passkey") return this.askForPasskey();
    if (isSecureConnections) return;
    if (choice.method === "outOfBand") this.state.secret = this.context.outOfBand.temporaryKey;
    else this.state.secret = new Uint8Array(16);
    if (!this.state.secret) this.fail(PAIRING_FAILURE.OOB_NOT_AVAILABLE);
  }

  private askForPasskey(): void {
    const { choice } = this.state;
    const types = this.isInitiator ? choice.initiatorTypes : choice.responderTypes;
    if (types) this.outputs.push({ do: "ask", question: { asks: "input" } });
    else {
      const passkey = drawPasskey(this.context);
      this.outputs.push({ do: "ask", question: { asks: "display", passkey } });
    }
  }
}

/** 0 to 999,999, each as likely as any other. */
function drawPasskey(context: PairingContext): number {
  for (;;) {
    const [a, b, c] = context.random(3) as unknown as readonly [number, number, number];
    // 16 times a million fit into 24 bits.
    const number = (a << 16) | (b << 8) | c;
    if (number < 16_000_000) return number % 1_000_000;
  }
}
