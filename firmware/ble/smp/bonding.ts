/** What becomes of the keys of a pairing, and which bonds it may touch (Vol 3, Part C, 10.3.2). */
import { textOf } from "../text.ts";
import { notSavedError } from "./failure.ts";
import { isWeaker } from "./features.ts";
import { isIdentity, isSameIdentity } from "./identities.ts";
import type { Bond, Identity } from "./keys.ts";
import type { Pairing } from "./pairing.ts";
import type { SecuredLink, SecurityPort } from "./port.ts";
import type { Level, PairingResult } from "./state.ts";

/** What is known of whoever claims an identity. */
export interface Claimant {
  /** The bond whose key encrypted the link before the pairing. */
  readonly proven: Bond | undefined;
  /** The bond of the address on the air, which proves nothing. */
  readonly apparent: Bond | undefined;
  /** This side lets it replace one of the bonds that it knew then. */
  readonly isTrusted: boolean;
  /** Those bonds. One that was made since is nobody's to give away. */
  readonly known: readonly Bond[];
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
  const { proven, apparent, known, mustProve } = claimant;
  if (theirs === proven) return false;
  const isTrusted = claimant.isTrusted && known.includes(theirs);
  const isSameKey = irk !== undefined && theirs.irk !== undefined && crypto.isSameSecret(irk, theirs.irk);
  const isAlike = isSameKey || (theirs === apparent && !mustProve);
  return !(level.isAuthenticated ? isTrusted || isAlike : isTrusted && isAlike);
}

/**
 * Whose bond a pairing leaves; undefined when it leaves none: the peer gave no key, or did not say who it is. A peer on the air
 * under this device's own identity has not said it.
 * @param address the peer's on the air
 */
export function bondedIdentity(
  { identity, isBonding, keyAsCentral, keyAsPeripheral }: PairingResult,
  address: Identity,
  ownIdentity: Identity,
): Identity | undefined {
  if (!isBonding || !(keyAsCentral || keyAsPeripheral)) return undefined;
  const isItsOwn = isIdentity(address) && !isSameIdentity(address, ownIdentity);
  return identity ?? (isItsOwn ? address : undefined);
}

/** What somebody on this side has to do with a pairing, as it is when that ends. */
export interface Attendance {
  /** The application wants it, has consented, or its window is open. */
  readonly isAttended: boolean;
  /** The application's window has been open all the time. */
  readonly isInWindow: boolean;
}

/**
 * Keeps the bond that a pairing leaves, if it leaves one. Whether it may has been asked at this very moment
 * (`PairingContext.refusalOf`).
 * @param port `onOutdated`: it is not kept, and the peer has overwritten its key of the bond that stays
 * @returns the bond as it is kept
 * @throws PairingError bond-not-saved
 */
export function keepBond(
  { bonds, log, onOutdated }: Pick<SecurityPort, "bonds" | "log"> & { onOutdated(): void },
  { handle, peerAddress }: SecuredLink,
  { context, occasion }: Pairing,
  result: PairingResult,
  attendance: Attendance,
): Bond | undefined {
  const { window, proven } = occasion;
  const identity = bondedIdentity(result, peerAddress, context.identity);
  if (!identity) {
    log("info", `smp: link ${handle}: no bond, for the peer gave no key, or did not say who it is`);
    return undefined;
  }
  const isFirmwares = window?.isOpenFor(identity) === true;
  const { addressType, address } = identity;
  const former = bonds.find(addressType, address);
  // What was said of the device by whose key it came holds of it.
  const inherited = former !== undefined && former === proven ? former : undefined;
  const { irk, keyAsCentral, keyAsPeripheral, level } = result;
  try {
    const bond: Bond = {
      ...{ identity, ownIdentity: context.identity, irk, keyAsCentral, keyAsPeripheral, ...level },
      isAttended: isFirmwares || attendance.isAttended || inherited?.isAttended === true,
      isFromWindow: isFirmwares || attendance.isInWindow || inherited?.isFromWindow === true,
    };
    bonds.keep(bond, inherited !== undefined);
    if (isFirmwares) window.take(identity);
  } catch (error) {
    log("error", `smp: link ${handle}: the bond was not kept: ${textOf(error)}`);
    if (former) onOutdated();
    throw notSavedError(textOf(error), former !== undefined);
  }
  return bonds.find(addressType, address);
}
