/** What becomes of the keys of a pairing, and which bonds it may touch (Vol 3, Part C, 10.3.2). */
import { textOf } from "../text.ts";
import { notSavedError } from "./failure.ts";
import { isWeaker } from "./features.ts";
import { isSameIdentity } from "./identities.ts";
import type { Bond, Identity } from "./keys.ts";
import type { Occasion, Pairing } from "./pairing.ts";
import type { SecuredLink, SecurityPort } from "./port.ts";
import type { Level, PairingResult } from "./state.ts";

/** What is known of whoever claims an identity. */
export interface Claimant {
  /** The bond whose key encrypted the link before the pairing. */
  readonly proven: Bond | undefined;
  /** The bond of the address on the air, which proves nothing. */
  readonly apparent: Bond | undefined;
  /** The link was encrypted with the bond's key, or this side's user takes part. */
  readonly isTrusted: boolean;
  /** Nobody takes part, and the address that it has on the air is not enough. */
  readonly mustProve?: boolean;
}

/**
 * Whether an identity, claimed and not proven, is another's: a bond may only be replaced as its own peer might. Who has not proved
 * it by the bond's key needs two of three: the pairing is authenticated; this side lets it replace a bond (`isTrusted`); its
 * address on the air, or its Identity Resolving Key, is that of the bond. None of them alone says that it is the same device.
 */
export function isTaken(
  { bonds, crypto }: Pick<SecurityPort, "bonds" | "crypto">,
  claimant: Claimant,
  identity: Identity,
  irk: Uint8Array | undefined,
  level: Level,
): boolean {
  const theirs = bonds.find(identity.addressType, identity.address);
  if (!theirs || !isSameIdentity(theirs.identity, identity)) return false;
  if (isWeaker(level, theirs)) return true;
  const { proven, apparent, isTrusted, mustProve } = claimant;
  if (proven && isSameIdentity(proven.identity, identity)) return false;
  const isSameKey = irk !== undefined && theirs.irk !== undefined && crypto.isSameSecret(irk, theirs.irk);
  const isAlike = isSameKey || (theirs === apparent && !mustProve);
  return !(level.isAuthenticated ? isTrusted || isAlike : isTrusted && isAlike);
}

/**
 * The bond that a pairing leaves; undefined when the peer gave no key, or did not say who it is. A peer on the air under this
 * device's own identity has not said it.
 * @param address the peer's on the air
 */
export function bondOf(
  { identity, irk, keyAsCentral, keyAsPeripheral, level }: PairingResult,
  address: Identity,
  ownIdentity: Identity,
  isAttended: boolean,
): Bond | undefined {
  if (!keyAsCentral && !keyAsPeripheral) return undefined;
  const isItsOwn = isLasting(address) && !isSameIdentity(address, ownIdentity);
  const known = identity ?? (isItsOwn ? address : undefined);
  const keys = { irk, keyAsCentral, keyAsPeripheral };
  return known && { identity: known, ownIdentity, ...keys, ...level, isAttended, isFromWindow: false };
}

/** Whether a device keeps this address: it is public, or random and static. */
function isLasting({ addressType, address }: Identity): boolean {
  return addressType === 0 || (address[0]! & 0xc0) === 0xc0;
}

/**
 * Keeps the bond that a pairing leaves, if it leaves one.
 * @param isWanted the application wants no more than what has come of the pairing, and has decided so for this device
 * @returns the bond as it is kept
 * @throws PairingError bond-not-saved
 */
export function keepBond(
  { bonds, log }: Pick<SecurityPort, "bonds" | "log">,
  { handle, peerAddress }: SecuredLink,
  { context, occasion }: Pairing,
  result: PairingResult,
  isWanted: boolean,
): Bond | undefined {
  const { isFirmwares, window } = occasion;
  const isAttended = occasion.isAttended || context.asksConsent || isWanted;
  const made = bondOf(result, peerAddress, context.identity, isAttended);
  if (!made) {
    log("info", `smp: link ${handle}: no bond, for the peer gave no key, or did not say who it is`);
    return undefined;
  }
  const { identity, irk } = made;
  const isWindows = window?.isOpenFor(identity) === true;
  // Whoever says who it is has been looked at when it did.
  const isUnproven = isWindows && !result.identity && context.isTaken(identity, irk, result.level);
  try {
    if (isFirmwares && !isWindows) throw new Error("another device has paired meanwhile");
    if (isUnproven)
      throw new Error("a device of this address is bonded, and this one has not shown to be it");
    bonds.keep(withWindow(made, occasion, isWindows));
    if (isWindows) window.take(identity);
  } catch (error) {
    log("error", `smp: link ${handle}: the bond was not kept: ${textOf(error)}`);
    throw notSavedError(textOf(error));
  }
  return bonds.find(identity.addressType, identity.address);
}

/** A bond with what windows have to do with it: the firmware's, when that takes it, or the application's. */
function withWindow(bond: Bond, { isInWindow, proven }: Occasion, isFirmwares: boolean): Bond {
  if (isFirmwares) return { ...bond, isAttended: true, isFromWindow: true };
  const isProven = proven !== undefined && isSameIdentity(proven.identity, bond.identity);
  return { ...bond, isFromWindow: isInWindow || (isProven && proven.isFromWindow) };
}
