/** Why a pairing did not come about, in words that say what to do (Vol 3, Part H, Table 3.7). */
import { BleError, type BleErrorCode } from "../errors.ts";
import type { BondUse } from "./keys.ts";
import { PAIRING_FAILURE as REASON } from "./pdus.ts";
import type { FailureSource } from "./state.ts";

/** PIN or Key Missing (Vol 1, Part F, 1.3). */
export const KEY_MISSING = 0x06;

/** What is said of each reason: when this side gives it, and when the peer does. */
interface Words {
  readonly local: string;
  readonly peer: string;
}

const WORDS: Readonly<Record<number, Words>> = {
  [REASON.PASSKEY_ENTRY_FAILED]: {
    local:
      "no passkey was shown or given here: the agent's display failed, or its input did not return a number of six digits",
    peer: "the other device's user gave up, or typed no passkey: try again",
  },
  [REASON.OOB_NOT_AVAILABLE]: {
    local:
      "the out-of-band data that was announced is not here: pass it as oob, and call localOob() for each pairing",
    peer: "the other device has lost its out-of-band data: exchange it again",
  },
  [REASON.AUTHENTICATION_REQUIREMENTS]: {
    local:
      "what both devices can do together is less than this side demands, or than the bond has that there is: lower mitm, leSecure or methods, give the agent what it takes to show or type, or delete the bond",
    peer: "the other device demands more: call with mitm: true and an agent that can show, type or compare",
  },
  [REASON.CONFIRM_VALUE_FAILED]: {
    local: "the passkey was typed wrong, or somebody is in between: try again",
    peer: "the passkey was typed wrong, or somebody is in between: try again",
  },
  [REASON.PAIRING_NOT_SUPPORTED]: {
    local:
      "this side does not pair now: config pairing, an open pairing window, room for a bond, or consent is missing",
    peer: "the other device does not pair, or not now: put it into its pairing mode, or make it forget this one",
  },
  [REASON.ENCRYPTION_KEY_SIZE]: {
    local: "the other device offers a shorter key than minKeySize",
    peer: "the other device demands a longer key",
  },
  [REASON.COMMAND_NOT_SUPPORTED]: {
    local: "the other device sent what only this side may send",
    peer: "the other device does not know a command that was sent to it",
  },
  [REASON.UNSPECIFIED]: {
    local: "the other device sent what does not belong there",
    peer: "the other device gives no reason: try again, and look into its own log",
  },
  [REASON.REPEATED_ATTEMPTS]: {
    local: "too many pairings have failed of late, or have been kept: wait a minute",
    peer: "the other device wants no attempt so soon after earlier ones: wait a minute",
  },
  [REASON.INVALID_PARAMETERS]: {
    local: "the other device sent a malformed command",
    peer: "the other device finds a command malformed",
  },
  [REASON.DHKEY_CHECK_FAILED]: {
    local: "the keys do not agree: somebody is in between, or the other device computes wrong",
    peer: "the keys do not agree: somebody is in between, or the out-of-band data is of an earlier pairing",
  },
  [REASON.NUMERIC_COMPARISON_FAILED]: {
    local: "the user here says that the numbers differ",
    peer: "the user of the other device says that the numbers differ",
  },
  [REASON.KEY_REJECTED]: {
    local: "the other device claims an identity that is not its own, or none at all",
    peer: "the other device rejects a key",
  },
  [REASON.BUSY]: {
    local: "another pairing waits for the same user: try again when that is over",
    peer: "the other device is busy with another pairing: try again",
  },
};

/** Who is meant by whose sentence. */
function wordsOf(reason: number, source: FailureSource): string {
  if (source === "controller") return "the link could not be encrypted, so no key was agreed: try again";
  const words = WORDS[reason];
  return words ? words[source] : "the other device gives a reason that the Specification does not have";
}

/** 0x04 */
export function reasonCode(reason: number): string {
  return `0x${(reason + 256).toString(16).slice(1).toUpperCase()}`;
}

/** Pairing failed, or a bond was of no use. No key and no passkey is ever part of it. */
export class PairingError extends BleError {
  override name = "PairingError";
  /**
   * Reason of Pairing Failed (Vol 3, Part H, 3.5.5, Table 3.7), or the controller's error code where `source` is
   * "controller" (Vol 1, Part F, 1.3). 0 where there is neither.
   */
  readonly reason: number;
  /** Who found that it cannot go on. */
  readonly source: FailureSource;

  constructor(code: BleErrorCode, message: string, reason = 0, source: FailureSource = "local") {
    super(code, message);
    this.reason = reason;
    this.source = source;
  }
}

/** A pairing ended before there was a key. */
export function pairingFailedError(reason: number, source: FailureSource): PairingError {
  const who = { local: "here", peer: "by the other device", controller: "by the controller" }[source];
  const message = `Pairing was ended ${who} (${reasonCode(reason)}): ${wordsOf(reason, source)}.`;
  return new PairingError("pairing-failed", message, reason, source);
}

/** Who called `pair` wants it no longer. */
export function givenUpError(): PairingError {
  const reason = REASON.UNSPECIFIED;
  return new PairingError(
    "pairing-failed",
    `Pairing was ended here (${reasonCode(reason)}): pair() was given up, by its timeoutMs or its signal.`,
    reason,
  );
}

/** The timer ran out: nothing more is said on this link (Vol 3, Part H, 3.4). */
export function timeoutError(): PairingError {
  return new PairingError(
    "pairing-timeout",
    "A pairing made no progress for 30 s, and the Specification allows no other on this connection: reconnect, and pair again.",
  );
}

/** The central did not answer a Security Request of its peripheral. */
export function ignoredError(): PairingError {
  return new PairingError(
    "pairing-timeout",
    "The central was asked to encrypt the link, by its bond or by pairing, and did not within 30 s: let its user begin, or try again.",
  );
}

/** The application wants no pairing at all. */
export function refusedError(): PairingError {
  return new PairingError(
    "pairing-refused",
    'Pairing is switched off: set config({ pairing: "always" }), or "window" or "bonded".',
    REASON.PAIRING_NOT_SUPPORTED,
  );
}

/** A peer has refused an operation for want of protection, and this side does not pair for that. @param reason of `admit` */
export function notAdmittedError(reason: number): PairingError {
  return new PairingError(
    "pairing-refused",
    `The camera does not pair by itself with a device that refuses an operation (${reasonCode(reason)}): ${wordsOf(reason, "local")}. Call pair() if it is the right device.`,
    reason,
  );
}

/** The platform could not give what a pairing needs: random numbers, mostly. */
export function platformError(cause: string): PairingError {
  return new PairingError(
    "not-supported",
    `This camera cannot pair: ${cause}. A pairing needs a board with a source of entropy.`,
    REASON.UNSPECIFIED,
  );
}

/** The peer has lost its half of the bond. */
export function bondLostError(status: number): PairingError {
  return new PairingError(
    "bond-lost",
    "The other device has forgotten this one: ask the user, then delete the bond and pair again.",
    status,
    "controller",
  );
}

/** The bond was deleted here while an operation waited for the link to be encrypted with its key. */
export function bondDeletedError(): PairingError {
  return new PairingError(
    "bond-lost",
    "The bond with the other device was deleted before the link was encrypted, and what waited for that was not sent: pair anew, or ask again as of a stranger.",
  );
}

/** There is a bond, and its key does not encrypt this link. */
export function bondUnusableError(use: Exclude<BondUse, "none" | "usable">): PairingError {
  const why = {
    "other-role": "has no key for the role that this device has on this link",
    weak: "is worth less than secureOnly or minKeySize of config demand",
  }[use];
  return new PairingError(
    "bond-unusable",
    `The bond with the other device ${why}: ask the user, then call pair() for another, or delete the bond.`,
  );
}

/** The link is encrypted, by a pairing that does not show that the peer is the bonded device. */
export function unprovenError(): PairingError {
  return pairingFailedError(REASON.KEY_REJECTED, "local");
}

/** A link could not be encrypted with the key of a bond. @param status the controller's error code */
export function encryptionError(status: number): PairingError {
  if (status === KEY_MISSING) return bondLostError(status);
  const message = `The link could not be encrypted with the key of the bond, which stays: the controller says ${reasonCode(status)}. Try again, or reconnect.`;
  return new PairingError("pairing-failed", message, status, "controller");
}

/**
 * The link is encrypted, and what it is encrypted with is not kept.
 * @param isOutdated there is a bond with the device, which has another key now: the link ends
 */
export function notSavedError(cause: string, isOutdated: boolean): PairingError {
  const what = isOutdated
    ? "The bond was not kept, and the device has no key any more for the one that there is, so that the link ends: let it forget this device, and pair anew"
    : "The link is encrypted, but the bond was not kept, and holds for this connection alone";
  return new PairingError("bond-not-saved", `${what}: ${cause}`);
}

/** The bond with the peer may not be written now. Its key is as it was, on both sides. */
export function wornError(): PairingError {
  return new PairingError(
    "bond-not-saved",
    "The device has had so much written of late that flash would wear out, and no pairing was begun: wait.",
  );
}
