/** What a pairing leaves behind, and what it asks of whoever keeps that. */

/** An address that names a device: a public one, or a static random one (Vol 6, Part B, 1.3). */
export interface Identity {
  /** 0 public, 1 random. */
  readonly addressType: number;
  /** Six bytes in printed order. */
  readonly address: Uint8Array;
}

/**
 * A long term key with what names it on the air (Vol 3, Part H, 2.4.1). Under LE Secure Connections `ediv` and `rand` are
 * 0: one key serves both roles.
 */
export interface LongTermKey {
  /** 16 bytes, most significant first; those beyond the key size are 0 (Vol 3, Part H, 2.3.4). */
  readonly key: Uint8Array;
  /** Encrypted Diversifier, 16 bits. */
  readonly ediv: number;
  /** Random Number, 8 bytes, as they are on the air. */
  readonly rand: Uint8Array;
}

/** What two bonded devices know of each other (Vol 3, Part C, 9.4.4). */
export interface Bond {
  /**
   * The peer's Identity Address. Where the peer distributed none, the address that it had on the air when it paired: of
   * use only if that was an identity.
   */
  readonly identity: Identity;
  /** The Identity Address of this device under which the bond was made. */
  readonly ownIdentity: Identity;
  /** The peer's Identity Resolving Key, 16 bytes, most significant first. Undefined when it has none. */
  readonly irk: Uint8Array | undefined;
  /**
   * The key for links on which this device is the peripheral: it distributed this one. Undefined when it did not. Under LE
   * Secure Connections the same object as `keyAsCentral`.
   */
  readonly keyAsPeripheral: LongTermKey | undefined;
  /** The key for links on which this device is the central: the peer distributed this one. Undefined when it did not. */
  readonly keyAsCentral: LongTermKey | undefined;
  /** Bytes of the keys that count, 7 to 16. */
  readonly keySize: number;
  /** The pairing was authenticated: LE Secure Connections with a passkey, a comparison or out of band; legacy out of band. */
  readonly isAuthenticated: boolean;
  readonly isSecureConnections: boolean;
  /**
   * Somebody on this side took part: the application called `pair`, a pairing window was open, or the application
   * consented. A stranger's unasked pairing is unattended, one for an operation that the peer refused too.
   */
  readonly isAttended: boolean;
  /** A pairing window was open from the beginning of the pairing to its end, or of that whose bond the peer has proved. */
  readonly isFromWindow: boolean;
}

/**
 * What the bond of a peer is good for on one link: there is none; its key encrypts; it has no key for this device's role; `config`
 * demands more of keys than it is worth.
 */
export type BondUse = "none" | "usable" | "other-role" | "weak";

/** Whoever keeps bonds: on flash, or for a test in memory. */
export interface BondKeeper {
  /**
   * The bond with the device that has this address on the air: its Identity Address, or a resolvable private one that its
   * IRK resolves.
   */
  find(addressType: number, address: Uint8Array): Bond | undefined;
  /** All that there are. A bond that takes another's place is another object. */
  all(): readonly Bond[];
  /**
   * Whether another bond has a place, by `isAttended` as in `Bond`, with another's given up for it where the rules allow.
   * Asked before a pairing costs anything.
   */
  hasRoom(isAttended: boolean): boolean;
  /**
   * Whether flash bears another bond in place of this one, whose key its peer has shown, by `isAttended` as in `Bond`. Asked before
   * the peer overwrites its own key.
   */
  canRewrite(bond: Bond, isAttended: boolean): boolean;
  /** Strangers' bonds have no room because as many as flash bears have been written of late. */
  readonly areStrangersSpent: boolean;
  /**
   * Keeps this bond, in place of the one with the same Identity Address. On return it survives a power cut.
   * @param isProven its peer has shown the key of that one: what is known of it goes on
   * @throws Error when the flash fails or there is no room: the bonds are as before then.
   */
  keep(bond: Bond, isProven?: boolean): void;
  /** Removes the bond with this Identity Address; returns whether there was one. @throws Error when the flash fails. */
  forget(identity: Identity): boolean;
  /** This device's Identity Resolving Key, 16 bytes, most significant first: drawn once and kept. */
  ownIrk(): Uint8Array;
}

/** Bytes of a peer's name that are kept, UTF-8. */
export const PEER_NAME_MAX = 31;
