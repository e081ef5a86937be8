/** Comparisons of identities, and of what they belong to. */
import type { Bond, Identity } from "./keys.ts";

/** Whether this is the identity with this address. */
export function isAt(identity: Identity, addressType: number, address: Uint8Array): boolean {
  return identity.addressType === addressType && isEqual(identity.address, address);
}

/** Whether both are the same identity. */
export function isSame(one: Identity, other: Identity): boolean {
  return isAt(one, other.addressType, other.address);
}

/** Whether this is the bond of these two devices. */
export function isOf(bond: Bond, identity: Identity, own: Identity): boolean {
  return isSame(bond.identity, identity) && isSame(bond.ownIdentity, own);
}

export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
