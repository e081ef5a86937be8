/** What becomes of the keys of a pairing, and which bonds it may touch (Vol 3, Part C, 10.3.2). */
import { isWeaker } from "./features.ts";
import { isSameIdentity } from "./identities.ts";
import type { Bond, Identity } from "./keys.ts";
import type { SecurityPort } from "./port.ts";
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
