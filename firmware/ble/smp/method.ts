/** How two devices pair, by what each of them can do (Vol 3, Part H, 2.3.5.1). */

/** A pairing method, named alike for both protocols. */
export type PairingMethod = "justWorks" | "comparison" | "passkey" | "outOfBand";

/** IO capabilities (Vol 3, Part H, Table 3.4). */
export const IO_CAPABILITY = {
  DISPLAY_ONLY: 0,
  DISPLAY_YES_NO: 1,
  KEYBOARD_ONLY: 2,
  NO_INPUT_NO_OUTPUT: 3,
  KEYBOARD_DISPLAY: 4,
} as const;

/** The highest IO capability. */
export const IO_MAX = IO_CAPABILITY.KEYBOARD_DISPLAY;

/** A method, and for a passkey who types it. Who does not type it shows it. */
export interface Choice {
  readonly method: PairingMethod;
  readonly initiatorTypes: boolean;
  readonly responderTypes: boolean;
}

function choice(method: PairingMethod, initiatorTypes = false, responderTypes = false): Choice {
  return { method, initiatorTypes, responderTypes };
}

const JUST_WORKS = choice("justWorks");
const OUT_OF_BAND = choice("outOfBand");
const COMPARISON = choice("comparison");
const INITIATOR_TYPES = choice("passkey", true, false);
const RESPONDER_TYPES = choice("passkey", false, true);
const BOTH_TYPE = choice("passkey", true, true);

/** A cell of the table: legacy pairing, and LE Secure Connections. */
interface Cell {
  readonly legacy: Choice;
  readonly secure: Choice;
}

function cell(legacy: Choice, secure = legacy): Cell {
  return { legacy, secure };
}

const JW = cell(JUST_WORKS);
const JW_NC = cell(JUST_WORKS, COMPARISON);
const I = cell(INITIATOR_TYPES);
const I_NC = cell(INITIATOR_TYPES, COMPARISON);
const R = cell(RESPONDER_TYPES);
const R_NC = cell(RESPONDER_TYPES, COMPARISON);
const BOTH = cell(BOTH_TYPE);

/** By the responder's IO capability, then the initiator's (Table 2.8). */
const BY_CAPABILITIES: readonly (readonly Cell[])[] = [
  [JW, JW, I, JW, I],
  [JW, JW_NC, I, JW, I_NC],
  [R, R, BOTH, JW, R],
  [JW, JW, JW, JW, JW],
  [R, R_NC, I, JW, R_NC],
];

/** What counts of each side for the choice. */
export interface Abilities {
  readonly io: number;
  /** It has the other's out-of-band data. */
  readonly hasOob: boolean;
  readonly mitm: boolean;
}

/** @param secureConnections both support LE Secure Connections. */
export function chooseMethod(initiator: Abilities, responder: Abilities, secureConnections: boolean): Choice {
  const outOfBand = secureConnections
    ? initiator.hasOob || responder.hasOob
    : initiator.hasOob && responder.hasOob;
  if (outOfBand) return OUT_OF_BAND;
  if (!initiator.mitm && !responder.mitm) return JUST_WORKS;
  const { legacy, secure } = BY_CAPABILITIES[responder.io]![initiator.io]!;
  return secureConnections ? secure : legacy;
}

/**
 * Whether a key of this pairing is authenticated: nobody can stand in the middle. A legacy passkey is not, for whoever
 * hears the pairing finds it in a second (Vol 3, Part H, Table 2.8).
 */
export function isAuthenticating(method: PairingMethod, secureConnections: boolean): boolean {
  return secureConnections ? method !== "justWorks" : method === "outOfBand";
}

/** How nonces are committed to and disclosed. */
export interface Exchange {
  readonly rounds: number;
  readonly initiatorConfirms: boolean;
  readonly responderConfirms: boolean;
}

const BOTH_CONFIRM: Exchange = { rounds: 1, initiatorConfirms: true, responderConfirms: true };
const RESPONDER_CONFIRMS: Exchange = { rounds: 1, initiatorConfirms: false, responderConfirms: true };

/** Of legacy pairing, whatever the method (2.3.5.5). */
export const LEGACY_EXCHANGE: Exchange = BOTH_CONFIRM;

/** Of LE Secure Connections (2.3.5.6): a passkey is disclosed bit by bit. */
export const SECURE_EXCHANGE: Readonly<Record<PairingMethod, Exchange>> = {
  justWorks: RESPONDER_CONFIRMS,
  comparison: RESPONDER_CONFIRMS,
  passkey: { ...BOTH_CONFIRM, rounds: 20 },
  outOfBand: { rounds: 1, initiatorConfirms: false, responderConfirms: false },
};
