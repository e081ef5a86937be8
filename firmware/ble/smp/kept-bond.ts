/**
 * A bond as it is kept, and which one gives way: a full store gives up the bond that was used longest ago, of those that are
 * not connected: strangers' before unauthenticated before others. A stranger's bond is one that nobody here attended and that
 * is not authenticated: those take at most half of the places, and only each other's.
 */
import type { Allowance } from "../allowance.ts";
import { isSameIdentity } from "./identities.ts";
import type { Bond, Identity } from "./keys.ts";

/** Writes to flash that one bonded peer may cause at once; those that strangers share; and one more of each so often. */
export const PEER_WRITES_MAX = 32;
export const STRANGER_WRITES_MAX = 64;
export const WRITE_REFILL_MS = 10_000;

/** A bond as it is looked at from outside. It holds no key. */
export interface BondInfo {
  readonly identity: Identity;
  readonly isAuthenticated: boolean;
  readonly isSecureConnections: boolean;
  readonly keySize: number;
  /** Whether it may have private addresses, which its Identity Resolving Key resolves. */
  readonly hasIrk: boolean;
  /** Whether its key encrypts a link at the moment. */
  readonly isConnected: boolean;
  /** The peer's name, where it was read. */
  readonly name: Uint8Array;
}

/** A bond with what is known of its peer. */
export interface KeptBond {
  readonly slot: number;
  readonly number: number;
  readonly bond: Bond;
  /** The resolvable private address that was resolved last. */
  lastAddress: Uint8Array | undefined;
  /** Links that its key encrypts now. */
  links: number;
  lastUse: number;
  name: Uint8Array;
  /** What the GATT server gave last. */
  client: Uint8Array;
  /** Something of what is beside the bond is not on flash. */
  isDirty: boolean;
  /** Writes to flash that its peer may cause. */
  readonly wear: Allowance;
}

/**
 * The bonds that resolve private addresses to one identity of this device, and their keys in the same order. Those that are
 * worth more come first: a peer chooses its key, so that a stranger's may resolve an address that the owner's does.
 */
export interface KeyedBonds {
  readonly own: Identity;
  readonly entries: readonly KeptBond[];
  readonly irks: readonly Uint8Array[];
  /** Those of them that have resolved an address. */
  readonly seen: KeptBond[];
}

/** What of a bond another part of the host keeps while it is in use. */
export interface PeerMemory {
  /** Whether the bond is still there. */
  readonly isKept: boolean;
  /** What `save` kept last; empty at first. */
  readonly client: Uint8Array;
  /**
   * Keeps these bytes. With `isUrgent` they survive a power cut on return; else they are written with the next that is, or
   * when the link ends, unless the peer has had much written. False, and nothing has changed, when the peer has had too much written, or the flash fails.
   */
  save(client: Uint8Array, isUrgent: boolean): boolean;
  /** The link has ended. */
  close(): void;
}

/** Places that strangers' bonds may take. */
export function strangersMax(maxBonds: number): number {
  return Math.max(1, Math.floor(maxBonds / 2));
}

export function isStranger(bond: Bond): boolean {
  return !bond.isAttended && !bond.isAuthenticated;
}

/** The key of a device that has none is 0, and resolves nothing (Vol 3, Part H, 3.6.4). */
export function keyedOf(all: readonly KeptBond[], own: Identity): KeyedBonds {
  const entries = all.filter(({ bond }) => hasIrk(bond) && isSameIdentity(bond.ownIdentity, own));
  entries.sort((one, other) => rankOf(other.bond) - rankOf(one.bond));
  // Whose address it was may be another's by now.
  for (const entry of entries) entry.lastAddress = undefined;
  return { own, entries, irks: entries.map(({ bond }) => bond.irk!), seen: [] };
}

function hasIrk({ irk }: Bond): boolean {
  return irk?.some((byte) => byte !== 0) === true;
}

/** The higher, the more a bond is worth: the later it is given up, and the earlier an address is its peer's. */
function rankOf(bond: Bond): number {
  if (isStranger(bond)) return 0;
  return bond.isAuthenticated ? 2 : 1;
}

/** The bond to give up; undefined when all are in use. */
export function victimOf(entries: readonly KeptBond[]): KeptBond | undefined {
  let victim: KeptBond | undefined;
  for (const entry of entries) {
    if (entry.links > 0) continue;
    const rank = rankOf(entry.bond);
    const best = victim ? rankOf(victim.bond) : Number.POSITIVE_INFINITY;
    if (rank < best || (rank === best && entry.lastUse < victim!.lastUse)) victim = entry;
  }
  return victim;
}

export function infoOf({ bond, links, name }: KeptBond): BondInfo {
  const { identity, isAuthenticated, isSecureConnections, keySize } = bond;
  return {
    identity,
    hasIrk: hasIrk(bond),
    isAuthenticated,
    isSecureConnections,
    keySize,
    isConnected: links > 0,
    name,
  };
}
