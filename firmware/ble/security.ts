/** How a link is protected, as every layer above HCI sees it (Vol 3, Part C, 10.2). */

/** What a link offers at the moment. A new object takes its place whenever something changes. */
export interface LinkSecurity {
  readonly isEncrypted: boolean;
  /** The pairing that its key comes from was authenticated: nobody can stand in the middle. */
  readonly isAuthenticated: boolean;
  /** That pairing was one of LE Secure Connections. */
  readonly isSecureConnections: boolean;
  /** Its key is that of a bond. False while the link is not encrypted: an address alone proves nothing. */
  readonly isBonded: boolean;
  /** Bytes of its key, 7 to 16; 0 while it is not encrypted. */
  readonly keySize: number;
  /** Whether there is a key that it could be encrypted with. */
  readonly hasKey: boolean;
}

/** The security of a link without keys. */
export const UNENCRYPTED: LinkSecurity = Object.freeze({
  isEncrypted: false,
  isAuthenticated: false,
  isSecureConnections: false,
  isBonded: false,
  keySize: 0,
  hasKey: false,
});
