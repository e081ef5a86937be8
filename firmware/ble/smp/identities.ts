/** Comparisons of identities, and of what they belong to. */
import { sameBytes } from "../codec.ts";
import type { Bond, Identity } from "./keys.ts";

/** Whether this is the identity with this address. */
export function isAt(identity: Identity, addressType: number, address: Uint8Array): boolean {
  return identity.addressType === addressType && sameBytes(identity.address, address);
}

/** Whether both are the same identity. */
export function isSameIdentity(one: Identity, other: Identity): boolean {
  return isAt(one, other.addressType, other.address);
}

/** Whether a device can be known by this: a public address, or a static random one; neither all 0 nor all 1. */
export function isIdentity({ addressType, address }: Identity): boolean {
  if (addressType > 1 || address.every((byte) => byte === 0) || address.every((byte) => byte === 0xff)) {
    return false;
  }
  return addressType === 0 || (address[0]! & 0xc0) === 0xc0;
}

/** Whether this is the bond of these two devices. */
export function isOf(bond: Bond, identity: Identity, own: Identity): boolean {
  return isSameIdentity(bond.identity, identity) && isSameIdentity(bond.ownIdentity, own);
}
