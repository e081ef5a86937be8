/** Every permission check: what a peer may do with an attribute (Vol 3, Part C, 10.3.1; Vol 3, Part F, 4). */
import { ATT_ERROR } from "../att/errors.ts";
import type { LinkSecurity } from "../security.ts";

/** What a link must offer before an attribute is read, written or subscribed. Nothing is required unless it says so. */
export interface Requirement {
  /** The link is encrypted. */
  readonly encryption?: boolean;
  /** It is encrypted with a key whose pairing was authenticated. */
  readonly authentication?: boolean;
  /** It is encrypted with a key of LE Secure Connections. */
  readonly secureConnections?: boolean;
  /** It is encrypted with a key of at least so many bytes, 7 to 16. */
  readonly minKeySize?: number;
  /** The application grants each access, over an encrypted link or not. */
  readonly authorization?: boolean;
}

/** What each kind of access requires. */
export interface Requirements {
  readonly read?: Requirement;
  readonly write?: Requirement;
  /** Of a characteristic's value: to be notified or indicated of it. Left out: what reading requires, or else writing. */
  readonly subscribe?: Requirement;
}

/** What a peer may want to do with a value. */
export type Access = "read" | "write" | "subscribe";

/** What is checked of an attribute. */
export interface Protected {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly writableWithoutResponse: boolean;
  readonly requirements: Requirements | undefined;
}

/** 0, or the ATT error code that refuses to read. */
export function mayRead(security: LinkSecurity, attribute: Protected): number {
  if (!attribute.readable) return ATT_ERROR.READ_NOT_PERMITTED;
  const { requirements } = attribute;
  return requirements === undefined ? 0 : check(security, requirements.read);
}

/** 0, or the ATT error code that refuses a Write Request or Prepare Write Request. */
export function mayWrite(security: LinkSecurity, attribute: Protected): number {
  if (!attribute.writable) return ATT_ERROR.WRITE_NOT_PERMITTED;
  const { requirements } = attribute;
  return requirements === undefined ? 0 : check(security, requirements.write);
}

/** As `mayWrite`, of a Write Command: what it returns is for the log, for a command is never answered. */
export function mayCommand(security: LinkSecurity, attribute: Protected): number {
  if (!attribute.writableWithoutResponse) return ATT_ERROR.WRITE_NOT_PERMITTED;
  const { requirements } = attribute;
  return requirements === undefined ? 0 : check(security, requirements.write);
}

/** 0, or the ATT error code that refuses to write the CCCD of `value`, or to send it to who has subscribed. */
export function maySubscribe(security: LinkSecurity, value: Protected): number {
  const { requirements } = value;
  return requirements === undefined ? 0 : check(security, requirementOf(value, "subscribe"));
}

/**
 * Whether the application has to grant this access, once the link offers what it must. It is asked at each read and write
 * and when a client subscribes; what is sent afterwards is granted with that.
 */
export function needsAuthorization(attribute: Protected, access: Access): boolean {
  return requirementOf(attribute, access)?.authorization === true;
}

function requirementOf({ readable, requirements }: Protected, access: Access): Requirement | undefined {
  if (requirements === undefined) return undefined;
  if (access !== "subscribe") return requirements[access];
  const implied = readable ? requirements.read : requirements.write;
  return requirements.subscribe ?? implied;
}

/**
 * The order is the specification's (Vol 3, Part C, 10.3.1): a link without the encryption that it needs is asked to pair
 * when it has no key, to encrypt when it has one; then the key's size, then how its pairing was done. What the
 * application grants comes after all of it.
 */
function check(security: LinkSecurity, requirement: Requirement | undefined): number {
  if (requirement === undefined) return 0;
  const { authentication = false, secureConnections = false, minKeySize = 0 } = requirement;
  const encryption = requirement.encryption || authentication || secureConnections || minKeySize > 0;
  if (encryption && !security.isEncrypted) {
    return security.hasKey ? ATT_ERROR.INSUFFICIENT_ENCRYPTION : ATT_ERROR.INSUFFICIENT_AUTHENTICATION;
  }
  if (security.keySize < minKeySize) return ATT_ERROR.ENCRYPTION_KEY_SIZE_TOO_SHORT;
  if (authentication && !security.isAuthenticated) return ATT_ERROR.INSUFFICIENT_AUTHENTICATION;
  if (secureConnections && !security.isSecureConnections) return ATT_ERROR.INSUFFICIENT_AUTHENTICATION;
  return 0;
}
