/** What a credit-based channel takes from its peer, and what that costs in memory. */
import { ITEM_OVERHEAD } from "../budget.ts";
import { checkInteger } from "../option-keys.ts";

/** Least MTU and MPS of the plain channels (Vol 3, Part A, 4.22), and of the enhanced ones (4.25). */
export const PLAIN_MIN = 23;
export const ENHANCED_MIN = 64;

/** Longest K-frame that a peer may offer to take (Vol 3, Part A, 4.22, 4.25 and 4.27): with the length of an SDU 65,535. */
export const PEER_MPS_MAX = 65_533;

/** Longest SDU that a channel can announce. */
export const MTU_MAX = 0xffff;
/** Longest K-frame that links of this host put together. */
export const MPS_MAX = 517;
/** Credits that a side may have at most (Vol 3, Part A, 10.1). */
export const CREDITS_MAX = 0xffff;

/** Bytes of the SDU length in the first K-frame of an SDU (Vol 3, Part A, 3.4.3). */
export const SDU_LENGTH = 2;

/** Longest SDU where nothing else is said. */
export const DEFAULT_MTU = 1024;
/** Longest K-frame where nothing else is said: with its header it fits an ACL packet of 251 bytes, the longest on the air. */
export const DEFAULT_MPS = 247;
/** K-frames that a peer may have under way at least, where nothing else is said: some for each connection event. */
const DEFAULT_CREDITS = 8;

/** What one side of a channel takes. */
export interface ChannelParameters {
  /** Longest SDU, in bytes. */
  readonly mtu: number;
  /** Longest K-frame without its header, in bytes. */
  readonly mps: number;
  /** K-frames that the peer may have under way or unread here. */
  readonly credits: number;
}

/** What an application says of it. */
export interface ChannelOptions {
  /** Longest SDU that is received, 23 to 65,535 bytes: 1,024 when left out. */
  readonly mtu?: number;
  /** Longest frame that an SDU is received in, 23 to 517 bytes: 247 when left out, what one packet on the air carries. */
  readonly mps?: number;
  /**
   * Frames that the peer may send before they are read: one more than an SDU of `mtu` bytes takes, to 65,535; when left out
   * so many, and eight at least.
   */
  readonly credits?: number;
}

/** K-frames that an SDU takes. */
export function framesOf(length: number, mps: number): number {
  return Math.ceil((length + SDU_LENGTH) / mps);
}

/** @throws RangeError for the first option that is out of its range. */
export function parametersOf({
  mtu = DEFAULT_MTU,
  mps = DEFAULT_MPS,
  credits,
}: ChannelOptions): ChannelParameters {
  checkInteger("mtu", mtu, PLAIN_MIN, MTU_MAX);
  checkInteger("mps", mps, PLAIN_MIN, MPS_MAX);
  const least = framesOf(mtu, mps) + 1;
  const given = credits ?? Math.max(least, DEFAULT_CREDITS);
  checkInteger("credits", given, least, CREDITS_MAX);
  return { mtu, mps, credits: given };
}

/**
 * The figures of an enhanced channel that changes them: credits for an SDU and one more, and no fewer than before.
 * @throws RangeError for one that is out of its range: an MTU may only grow.
 */
export function reconfiguredOf(
  before: ChannelParameters,
  { mtu = before.mtu, mps = before.mps }: Pick<ChannelOptions, "mtu" | "mps">,
): ChannelParameters {
  checkInteger("mtu", mtu, before.mtu, MTU_MAX);
  checkInteger("mps", mps, ENHANCED_MIN, MPS_MAX);
  const credits = Math.max(framesOf(mtu, mps) + 1, before.credits);
  return { mtu, mps, credits };
}

/**
 * Whether the figures that a peer gives are in the ranges of the Specification (Vol 3, Part A, 4.22, 4.25 and 4.27).
 * @param isEnhanced of an enhanced channel, else of a plain one.
 */
export function isInRange(
  { mtu, mps }: Pick<ChannelParameters, "mtu" | "mps">,
  isEnhanced: boolean,
): boolean {
  const least = isEnhanced ? ENHANCED_MIN : PLAIN_MIN;
  return mtu >= least && mps >= least && mps <= PEER_MPS_MAX;
}

/**
 * Bytes that are set aside for a channel while it is open: for SDUs that wait to be read, as many as its credits bring, and
 * for one that is arriving. The account adds `ITEM_OVERHEAD` for the channel itself.
 */
export function costOf({ mtu, mps, credits }: ChannelParameters): number {
  return credits * (mps + ITEM_OVERHEAD) + mtu;
}
