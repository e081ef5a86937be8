/** Pairing by numbers: the handler of `irq` stands for the user. */
import type { Encryption } from "../ble/encryption.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { Host } from "../ble/host.ts";
import type { Dialog, PairingUser, SecuredLink } from "../ble/smp/port.ts";
import {
  IRQ_PASSKEY_ACTION,
  PASSKEY_ACTION_DISPLAY,
  PASSKEY_ACTION_INPUT,
  PASSKEY_ACTION_NUMERIC_COMPARISON,
} from "./constants.ts";
import { SecretRecords } from "./secrets.ts";

const PASSKEY_MAX = 999_999;

/** The questions of a pairing as their numbers. A handler is not asked for consent. */
const ACTIONS = {
  input: PASSKEY_ACTION_INPUT,
  display: PASSKEY_ACTION_DISPLAY,
  compare: PASSKEY_ACTION_NUMERIC_COMPARISON,
} as const;

/** Where events go. */
type Emit = (event: number, data: readonly (number | Uint8Array | null)[]) => unknown;

export class IrqPairing implements PairingUser {
  readonly asksConsent = false;
  readonly hearsKeypresses = false;
  readonly outOfBand = {};
  private readonly host: Host;
  private readonly encryption: Encryption;
  private readonly emit: Emit;
  /** What is asked, by the handles of connections. */
  private readonly open = new Map<number, Dialog>();
  /** The number that an application had shown last in place of the one that was drawn. */
  private lastShown: number | undefined = undefined;

  constructor(host: Host, encryption: Encryption, emit: Emit) {
    this.host = host;
    this.encryption = encryption;
    this.emit = emit;
    host.secrets = new SecretRecords(emit);
  }

  get io(): number {
    return this.host.settings.io;
  }

  /** There is a handler, or there is none any more. */
  attach(hasHandler: boolean): void {
    this.encryption.manager.handler = hasHandler ? this : undefined;
  }

  /** See `BLE.gapPair`. */
  pair(connection: Connection | undefined): boolean {
    if (!connection) return false;
    this.encryption.pairAsConfigured(connection, this);
    return true;
  }

  /** See `BLE.gapPasskey`. */
  answer(conn: number, action: number, passkey: number): boolean {
    const known: readonly number[] = Object.values(ACTIONS);
    if (!known.includes(action)) throw new RangeError(`gapPasskey: there is no action ${action}: 2, 3 or 4`);
    const isComparison = action === PASSKEY_ACTION_NUMERIC_COMPARISON;
    const max = isComparison ? 1 : PASSKEY_MAX;
    if (!(passkey >= 0 && passkey <= max) || Math.floor(passkey) !== passkey) {
      throw new RangeError(`gapPasskey: ${passkey} is out of range: 0 to ${max}`);
    }
    const dialog = this.open.get(conn);
    if (!dialog || actionOf(dialog) !== action) return false;
    this.open.delete(conn);
    if (action === PASSKEY_ACTION_DISPLAY) this.warnOfStatic(passkey);
    dialog.answer(isComparison ? passkey === 1 : passkey);
    return true;
  }

  /** Each pairing with the same number gives a bit of it away. */
  private warnOfStatic(passkey: number): void {
    if (this.lastShown === passkey) {
      this.host.log(
        "warning",
        "bluetooth: the same passkey twice: who has paired once, or tried often, knows it. Show the number of the event",
      );
    }
    this.lastShown = passkey;
  }

  ask(dialog: Dialog): void {
    const { link, question } = dialog;
    if (question.asks === "consent") return dialog.answer(true);
    this.open.set(link.handle, dialog);
    const shown =
      question.asks === "display" ? question.passkey : question.asks === "compare" ? question.number : 0;
    this.emit(IRQ_PASSKEY_ACTION, [link.handle, ACTIONS[question.asks], shown]);
    if (this.open.get(link.handle) !== dialog) return;
    // Who has not given another number shows the one of the event.
    if (question.asks === "display") {
      this.open.delete(link.handle);
      dialog.answer(undefined);
    } else {
      this.host.log(
        "info",
        `bluetooth: pairing waits for gapPasskey(${link.handle}, ${ACTIONS[question.asks]}, …)`,
      );
    }
  }

  withdraw(dialog: Dialog): void {
    const { handle } = dialog.link;
    if (this.open.get(handle) === dialog) this.open.delete(handle);
  }

  keypress(_link: SecuredLink, _kind: number): void {}
}

function actionOf({ question }: Dialog): number | undefined {
  return question.asks === "consent" ? undefined : ACTIONS[question.asks];
}
