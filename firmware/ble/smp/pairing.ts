/** One pairing on one link: takes the steps, does what they want done, and asks the user. */
import { textOf } from "../text.ts";
import type { PairingWindow, SecurityContext } from "./context.ts";
import { platformError } from "./failure.ts";
import type { FirmwareWindow } from "./firmware-window.ts";
import type { Bond } from "./keys.ts";
import { PAIRING_FAILURE, pairingFailed } from "./pdus.ts";
import type { Dialog, PairingUser, PairRequest, SecuredLink } from "./port.ts";
import { encodeSmp } from "./run.ts";
import type {
  FailureSource,
  Input,
  Level,
  OutOfBand,
  Output,
  PairingContext,
  PairingResult,
  Question,
  State,
  Step,
} from "./state.ts";
import { step, wipe } from "./step.ts";

/** What a pairing asks of its link. */
export interface PairingHandlers {
  /** Sends a PDU. */
  send(pdu: Uint8Array): void;
  /** The peer is there, though nothing was sent. */
  prolong(): void;
  /** The central starts to encrypt with the key that was agreed. */
  encrypt(key: Uint8Array, level: Level): void;
  /** The peripheral answers for the key. */
  answerKey(key: Uint8Array | undefined, level: Level): void;
  finished(pairing: Pairing, result: PairingResult): void;
  /** @param cause why, where that is no reason of the Specification's. */
  failed(pairing: Pairing, reason: number, source: FailureSource, cause?: Error): void;
}

/** How a pairing came about. */
export interface Occasion {
  readonly user: PairingUser | undefined;
  /** What this side asked for it; undefined: the peer began. */
  readonly request: PairRequest | undefined;
  /** The application's window that was open when it began. It gives rights as long as it is open. */
  readonly applicationWindow: PairingWindow | undefined;
  /** The firmware's own window, where that was open for it. It gives rights as long as it is open. */
  readonly window: FirmwareWindow | undefined;
  /** The bond whose key encrypted the link when it began. */
  readonly proven: Bond | undefined;
  /** The bonds that there were when it began. Who let it replace a bond meant one of these. */
  readonly known: readonly Bond[];
  /** It pairs as the firmware says, and not as the application does. */
  readonly isFirmwares: boolean;
}

export class Pairing {
  readonly context: PairingContext;
  readonly occasion: Occasion;
  private readonly link: SecuredLink;
  private readonly shared: SecurityContext;
  private readonly handlers: PairingHandlers;
  private state: State | undefined = undefined;
  /** What the user has not answered. */
  private dialog: Dialog | undefined = undefined;
  /** Everything that the user was asked or told: what is shown stays so until the pairing is over, answered or not. */
  private asked: Dialog[] = [];
  private withdrawDelivery: (() => void) | undefined = undefined;
  private isOver = false;
  private isKeyGiven = false;
  /** Steps that wait until what the one before wanted is done. */
  private readonly waiting: (() => Step)[] = [];
  private isTaking = false;

  constructor(
    link: SecuredLink,
    shared: SecurityContext,
    context: PairingContext,
    occasion: Occasion,
    handlers: PairingHandlers,
  ) {
    this.link = link;
    this.shared = shared;
    this.context = context;
    this.occasion = occasion;
    this.handlers = handlers;
  }

  begin(first: (context: PairingContext) => Step): void {
    this.take(() => first(this.context));
  }

  feed(input: Input): void {
    const isRefused = input.is === "encryption" && input.status !== 0;
    if (isRefused && this.state?.phase === "encrypting") this.isKeyGiven = false;
    this.take(() => step(this.context, this.state!, input));
  }

  /** The link is encrypted with its key, or is about to be. */
  get hasGivenKey(): boolean {
    return this.isKeyGiven;
  }

  /** What this side handed out out of band, where the peer claims to know it. */
  get usedOutOfBand(): OutOfBand["own"] {
    return this.state?.peer.oobDataFlag === 1 ? this.context.outOfBand.own : undefined;
  }

  /** It ended because authentication failed: the peer may have guessed. */
  get wasGuess(): boolean {
    return this.state?.wasGuess ?? false;
  }

  /** It is over, and nothing of it stays. */
  drop(): void {
    this.isOver = true;
    this.waiting.length = 0;
    this.withdrawDelivery?.();
    const { asked } = this;
    this.dialog = undefined;
    this.asked = [];
    this.shared.asks(this.link, undefined);
    for (const dialog of asked) this.occasion.user?.withdraw(dialog);
    if (this.state) wipe(this.state);
  }

  /** Takes a step when what the one before wanted is done. One that throws ends the pairing. */
  private take(makeStep: () => Step): void {
    if (this.isTaking) {
      this.waiting.push(makeStep);
      return;
    }
    this.isTaking = true;
    for (let next: (() => Step) | undefined = makeStep; next && !this.isOver; next = this.waiting.shift()) {
      const outputs = this.outputsOf(next);
      for (let at = 0; at < outputs.length; at++) this.perform(outputs[at]!);
    }
    this.isTaking = false;
  }

  private outputsOf(makeStep: () => Step): readonly Output[] {
    try {
      const { state, outputs } = makeStep();
      this.state = state;
      return outputs;
    } catch (error) {
      this.shared.peerLog.write("error", `smp: link ${this.link.handle}: ${textOf(error)}`, error);
      const reason = PAIRING_FAILURE.UNSPECIFIED;
      this.handlers.send(encodeSmp(pairingFailed, { reason }));
      this.handlers.failed(this, reason, "local", platformError(textOf(error)));
      return [];
    }
  }

  private perform(output: Output): void {
    const { handlers, link, shared } = this;
    switch (output.do) {
      case "send":
        return handlers.send(output.pdu);
      case "createKeyPair":
        return this.compute(() => ({ is: "keyPair", keyPair: shared.createKeyPair() }));
      case "computeSharedSecret": {
        const { privateKey, publicKey } = output;
        const { crypto } = shared.port;
        return this.compute(() => ({
          is: "sharedSecret",
          sharedSecret: crypto.p256SharedSecret(privateKey, publicKey),
        }));
      }
      case "ask":
        return this.ask(output.question);
      case "showKeypress":
        handlers.prolong();
        return this.occasion.user?.keypress(link, output.kind);
      case "encrypt":
        this.isKeyGiven = true;
        return handlers.encrypt(output.key, output.level);
      case "answerKey":
        // A key that is refused later takes the one that encrypts the link from nobody.
        if (output.key) this.isKeyGiven = true;
        return handlers.answerKey(output.key, output.level);
      case "awaitDelivery":
        this.withdrawDelivery = shared.port.whenDelivered(link, () => this.feed({ is: "delivered" }));
        return;
      case "finish":
        return handlers.finished(this, output.result);
      default:
        handlers.failed(this, output.reason, output.source);
    }
  }

  private compute(computation: () => Input): void {
    this.shared.compute(() => {
      if (!this.isOver) this.take(() => step(this.context, this.state!, computation()));
    });
  }

  private ask(question: Question): void {
    const { link, shared } = this;
    const { user } = this.occasion;
    if (!user) {
      const missing = question.asks === "consent" ? "accept" : question.asks;
      shared.peerLog.write(
        "warning",
        `smp: link ${link.handle}: nobody is there to ${missing}: set security.agent`,
      );
      return this.feed({ is: "cancel", reason: PAIRING_FAILURE.PASSKEY_ENTRY_FAILED });
    }
    if (shared.isBusy(user, link)) return this.feed({ is: "cancel", reason: PAIRING_FAILURE.BUSY });
    const dialog: Dialog = {
      link,
      question,
      isBonded: this.context.previous !== undefined,
      answer: (value) => {
        if (this.dialog !== dialog) return;
        this.dialog = undefined;
        shared.asks(link, undefined);
        this.feed(answerTo(question, value));
      },
    };
    this.dialog = dialog;
    this.asked.push(dialog);
    shared.asks(link, user);
    user.ask(dialog);
  }
}

function answerTo(question: Question, value: number | boolean | undefined): Input {
  const number = typeof value === "number" ? value : undefined;
  switch (question.asks) {
    case "consent":
      return { is: "consent", granted: value === true };
    case "compare":
      return { is: "compared", isEqual: value === true };
    case "display":
      return { is: "passkey", passkey: value === undefined ? question.passkey : number };
    default:
      return { is: "passkey", passkey: number };
  }
}
