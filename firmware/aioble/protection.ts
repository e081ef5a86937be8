/** What a characteristic or descriptor demands of whoever uses it, as applications say it. */
import type { Access, Requirement, Requirements } from "../ble/gatt/access.ts";
import { checkFunction, checkInteger } from "../ble/option-keys.ts";
import { shown } from "../ble/text.ts";
import type { DeviceConnection } from "./device-connection.ts";

/**
 * What the link must be, each level with what is in those before it (Vol 3, Part C, 10.2.1): nothing; encrypted; encrypted
 * with a key whose pairing was authenticated, so that nobody stood between; and that by LE Secure Connections, with a key
 * of 16 bytes.
 */
export type SecurityLevel = "none" | "encrypted" | "authenticated" | "secure";

/** What is demanded of who uses a value. Nothing is, unless it says so. */
export interface ProtectionOptions {
  /**
   * What the link must be: one level for all, or one for each way of using it. `subscribe` (a characteristic's) is as
   * `read` where it is left out, or as `write` where the value cannot be read. A level for a way in which the value cannot be
   * used is a mistake, other than "none".
   */
  readonly security?: SecurityLevel | { readonly [each in Access]?: SecurityLevel };
  /** Bytes of the link's key, a whole number from 7 to 16, for each way of using it for which `security` demands a key. */
  readonly minKeySize?: number;
  /**
   * Asked before each read and write, when the client subscribes, and at no other time; once for a value that is read or
   * written in parts. Anything but true refuses with Insufficient Authorization (0x08). A promise has 29 s.
   */
  readonly authorize?: (connection: DeviceConnection, access: Access) => boolean | Promise<boolean>;
}

const LEVELS: Readonly<Record<SecurityLevel, Requirement>> = {
  none: {},
  encrypted: { encryption: true },
  authenticated: { authentication: true },
  secure: { authentication: true, secureConnections: true, minKeySize: 16 },
};

/** Ways in which a value can be used at all. */
export type Uses = { readonly [each in Access]: boolean };

/**
 * @throws TypeError for a level or an access that there is not, for a level that demands something of a use that there is not,
 * and for a key size without a level that demands a key; RangeError for a key size out of range.
 */
export function requirementsOf(options: ProtectionOptions, uses: Uses): Requirements | undefined {
  const { authorize, minKeySize, security = "none" } = options;
  if (authorize !== undefined) checkFunction("authorize", authorize);
  checkKeySize(minKeySize);
  const levels = levelsOf(security, uses);
  const isDemanding = Object.values(levels).some((level) => level !== "none");
  if (minKeySize !== undefined && !isDemanding) {
    throw new TypeError('minKeySize needs a level that demands a key: give security, "encrypted" at least');
  }
  if (!isDemanding && !authorize) return undefined;
  const demand = (level: SecurityLevel): Requirement => {
    const requirement = LEVELS[level];
    const size = level === "none" ? 0 : Math.max(minKeySize ?? 0, requirement.minKeySize ?? 0);
    return {
      ...requirement,
      ...(size > 0 ? { minKeySize: size } : {}),
      ...(authorize ? { authorization: true } : {}),
    };
  };
  const { read = "none", write = "none", subscribe } = levels;
  return {
    read: demand(read),
    write: demand(write),
    ...(subscribe === undefined ? {} : { subscribe: demand(subscribe) }),
  };
}

function checkKeySize(minKeySize: number | undefined): void {
  if (minKeySize !== undefined) checkInteger("minKeySize", minKeySize, 7, 16);
}

type Levels = Exclude<ProtectionOptions["security"], string | undefined>;

function levelsOf(security: SecurityLevel | Levels, uses: Uses): Levels {
  if (typeof security === "string") {
    checkLevel(security);
    return { read: security, write: security, subscribe: security };
  }
  const isObject = typeof security === "object" && security !== null && !Array.isArray(security);
  const given = Object.entries(isObject ? security : {}).filter(([, level]) => level !== undefined);
  if (given.length === 0) {
    throw new TypeError(
      `security is a level, or an object with a level for read, write or subscribe, not ${shown(security)}`,
    );
  }
  for (const [access, level] of given) {
    if (!Object.hasOwn(uses, access))
      throw new TypeError(`security has no ${shown(access)}, only read, write and subscribe`);
    checkLevel(level);
    if (level !== "none" && !uses[access as Access])
      throw new TypeError(`security: ${access} is "${level}", but the value has no ${access}`);
  }
  return Object.fromEntries(given);
}

function checkLevel(level: unknown): void {
  const known = Object.keys(LEVELS);
  if (typeof level !== "string" || !known.includes(level))
    throw new TypeError(`security ${shown(level)} is none of ${known.join(", ")}`);
}
