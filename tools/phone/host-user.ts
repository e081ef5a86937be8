/** The phone's user, as our own stack asks it. */
import { IO_CAPABILITY } from "../../firmware/ble/smp/method.ts";
import type { Dialog, PairingUser } from "../../firmware/ble/smp/port.ts";
import type { PairingSettings } from "../../firmware/ble/smp/state.ts";
import type { PairOptions } from "../../simulator/phone/pairing.ts";

/** A phone has a display and keys, asks for an authenticated key, and takes what the camera can. */
export function pairingSettings(legacy: boolean): PairingSettings {
  return {
    io: IO_CAPABILITY.KEYBOARD_DISPLAY,
    bond: true,
    mitm: false,
    asksMitm: true,
    secureConnections: legacy ? "off" : "on",
    minKeySize: 16,
    secureOnly: false,
    methods: undefined,
    keypress: false,
    debugKeys: false,
  };
}

/** Settings that any encrypted link satisfies. */
export const ENCRYPTION: PairingSettings = { ...pairingSettings(false), bond: false };

/** The user between two steps: pairs when the step says so, and not when the camera asks for it. */
export class IdleUser implements PairingUser {
  readonly io: number = IO_CAPABILITY.KEYBOARD_DISPLAY;
  readonly asksConsent = false;
  readonly pairsLater = true;
  readonly hearsKeypresses = false;
  readonly outOfBand = {};

  ask(dialog: Dialog): void {
    dialog.answer(undefined);
  }

  withdraw(): void {}

  keypress(): void {}
}

/** The user of one pairing. */
export class StepUser extends IdleUser {
  /** Why the user could not type. */
  failure: unknown = undefined;
  private readonly options: PairOptions;

  constructor(options: PairOptions) {
    super();
    this.options = options;
  }

  override ask(dialog: Dialog): void {
    const { question } = dialog;
    const { passkey, user } = this.options;
    switch (question.asks) {
      case "consent":
        return dialog.answer(true);
      case "display":
        user?.show?.(passkey ?? question.passkey);
        return dialog.answer(passkey);
      case "compare":
        return dialog.answer(user?.compare?.(question.number) ?? true);
      case "input":
        this.type(dialog);
    }
  }

  private type(dialog: Dialog): void {
    const typing = this.options.user?.type?.() ?? Promise.resolve(undefined);
    typing.then(
      (passkey) => dialog.answer(passkey),
      (error: unknown) => {
        this.failure = error;
        dialog.answer(undefined);
      },
    );
  }
}
