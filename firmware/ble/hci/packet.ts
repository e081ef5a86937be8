/** How commands and events are declared. */
import { type Fields, NO_FIELDS } from "../codec.ts";

/** H4 packet indicators (Vol 4, Part A, 2). */
export const H4_COMMAND = 0x01;
export const H4_ACL = 0x02;
export const H4_EVENT = 0x04;

/** A command, its parameters, and what Command Complete returns after the status. */
export interface Command<P extends Fields = Fields, R extends Fields = Fields> {
  readonly name: string;
  readonly opcode: number;
  readonly parameters: P;
  readonly returns: R;
  /** Its bit in the answer of Read Local Supported Commands: octet and bit (Vol 4, Part E, 6.27). */
  readonly octet: number;
  readonly bit: number;
  /** Answered by Command Status; the outcome comes later as an event. */
  readonly statusOnly: boolean;
}

/** Any command, where its fields do not matter. */
// biome-ignore lint/suspicious/noExplicitAny: the fields of an unknown command have unknown types
export type AnyCommand = Command<any, any>;

/* @__NO_SIDE_EFFECTS__ */
export function defineCommand<P extends Fields, R extends Fields = Record<never, never>>(
  name: string,
  opcode: number,
  supported: readonly [octet: number, bit: number],
  parameters: P,
  returns: R = NO_FIELDS as R,
): Command<P, R> {
  return { name, opcode, parameters, returns, octet: supported[0], bit: supported[1], statusOnly: false };
}

/** A command that starts something: Command Status only. */
/* @__NO_SIDE_EFFECTS__ */
export function defineStarter<P extends Fields>(
  name: string,
  opcode: number,
  supported: readonly [octet: number, bit: number],
  parameters: P,
): Command<P, Record<never, never>> {
  return { ...defineCommand(name, opcode, supported, parameters), statusOnly: true };
}

/** An event. `code` is the event code, or 0x3E00 plus the subevent code of an LE Meta event. */
export interface HciEvent<F extends Fields = Fields> {
  readonly name: string;
  readonly code: number;
  readonly fields: F;
  /** Bits of LE_Features (Vol 6, Part B, 4.6): a controller with none of them lacks the event. Empty: each has it. */
  readonly features: readonly number[];
  /** Whether the controller waits for a command as its reply: one owner answers. */
  readonly demandsReply: boolean;
}

export const LE_META = 0x3e;

/** Bits of LE_Features that events and commands depend on (Vol 6, Part B, 4.6). */
export const LE_FEATURE = {
  CONNECTION_PARAMETERS_REQUEST: 1,
  DATA_PACKET_LENGTH_EXTENSION: 5,
  LL_PRIVACY: 6,
  EXTENDED_SCANNING_FILTER_POLICIES: 7,
  PHY_2M: 8,
  PHY_CODED: 11,
} as const;

/** Whether the bit is set in what LE Read Local Supported Features returned. */
export function hasLeFeature(leFeatures: Uint8Array, bit: number): boolean {
  return ((leFeatures[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

/** Of events that each controller has. */
const NO_FEATURES: readonly number[] = Object.freeze([]);

/* @__NO_SIDE_EFFECTS__ */
export function defineEvent<F extends Fields>(name: string, code: number, fields: F): HciEvent<F> {
  return { name, code, fields, features: NO_FEATURES, demandsReply: false };
}

/** @param features bits of LE_Features, one of which a controller with this event has; none for those of 4.0. */
/* @__NO_SIDE_EFFECTS__ */
export function defineLeEvent<F extends Fields>(
  name: string,
  subevent: number,
  fields: F,
  features: readonly number[] = NO_FEATURES,
): HciEvent<F> {
  return { name, code: (LE_META << 8) | subevent, fields, features, demandsReply: false };
}

/** An LE event for whose reply the controller waits. */
/* @__NO_SIDE_EFFECTS__ */
export function defineLeRequest<F extends Fields>(
  name: string,
  subevent: number,
  fields: F,
  features: readonly number[] = NO_FEATURES,
): HciEvent<F> {
  return { name, code: (LE_META << 8) | subevent, fields, features, demandsReply: true };
}
