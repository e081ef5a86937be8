/** What becomes of requests about credit-based channels. */

/** Results of LE and of enhanced credit-based connection responses (Vol 3, Part A, 4.23 and 4.26). */
export const CHANNEL_RESULT = {
  SUCCESS: 0x0000,
  SPSM_NOT_SUPPORTED: 0x0002,
  NO_RESOURCES: 0x0004,
  INSUFFICIENT_AUTHENTICATION: 0x0005,
  INSUFFICIENT_AUTHORIZATION: 0x0006,
  ENCRYPTION_KEY_TOO_SHORT: 0x0007,
  INSUFFICIENT_ENCRYPTION: 0x0008,
  INVALID_SOURCE_CID: 0x0009,
  SOURCE_CID_ALLOCATED: 0x000a,
  UNACCEPTABLE_PARAMETERS: 0x000b,
  INVALID_PARAMETERS: 0x000c,
  PENDING: 0x000d,
  PENDING_AUTHENTICATION: 0x000e,
  PENDING_AUTHORIZATION: 0x000f,
} as const;

const TEXTS: Readonly<Record<number, string>> = {
  [CHANNEL_RESULT.SPSM_NOT_SUPPORTED]: "nobody listens on this PSM there",
  [CHANNEL_RESULT.NO_RESOURCES]: "it has no room for another channel",
  [CHANNEL_RESULT.INSUFFICIENT_AUTHENTICATION]: "it demands pairing with authentication",
  [CHANNEL_RESULT.INSUFFICIENT_AUTHORIZATION]: "it does not authorise this device",
  [CHANNEL_RESULT.ENCRYPTION_KEY_TOO_SHORT]: "the encryption key is too short for it",
  [CHANNEL_RESULT.INSUFFICIENT_ENCRYPTION]: "it demands an encrypted link",
  [CHANNEL_RESULT.INVALID_SOURCE_CID]: "it finds the channel identifier out of range",
  [CHANNEL_RESULT.SOURCE_CID_ALLOCATED]: "it finds the channel identifier in use",
  [CHANNEL_RESULT.UNACCEPTABLE_PARAMETERS]: "it does not take this MTU or MPS",
  [CHANNEL_RESULT.INVALID_PARAMETERS]: "it finds the MTU or MPS out of range",
};

/** A result in words, with its code. */
export function resultText(result: number): string {
  const code = `0x${result.toString(16).padStart(4, "0")}`;
  const text = TEXTS[result];
  return text ? `${text} (${code})` : code;
}

/** Results of Credit Based Reconfigure Response (Vol 3, Part A, 4.28). */
export const RECONFIGURE_RESULT = {
  SUCCESS: 0x0000,
  MTU_REDUCED: 0x0001,
  MPS_REDUCED: 0x0002,
  INVALID_CID: 0x0003,
  UNACCEPTABLE_PARAMETERS: 0x0004,
} as const;

const RECONFIGURE_TEXTS: Readonly<Record<number, string>> = {
  [RECONFIGURE_RESULT.MTU_REDUCED]: "it finds the MTU smaller than before",
  [RECONFIGURE_RESULT.MPS_REDUCED]: "it finds the MPS smaller than before",
  [RECONFIGURE_RESULT.INVALID_CID]: "it knows no such channel",
  [RECONFIGURE_RESULT.UNACCEPTABLE_PARAMETERS]: "it does not take these figures",
};

/** Such a result in words, with its code; without a result the peer did not know the request. */
export function reconfigureText(result: number | undefined): string {
  if (result === undefined) return "it does not know the request";
  const code = `0x${result.toString(16).padStart(4, "0")}`;
  const text = RECONFIGURE_TEXTS[result];
  return text ? `${text} (${code})` : code;
}

/** Why a channel is no longer open. */
export type CloseReason =
  /** The peer ended it. */
  | "peer"
  /** This side ended it. */
  | "local"
  /** The peer broke a rule, so this side ended it. */
  | "protocol"
  /** The link ended. */
  | "link";
