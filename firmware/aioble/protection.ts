/** What a characteristic or descriptor demands of whoever uses it, as applications say it. */
import type { Access, Requirement, Requirements } from "../ble/gatt/access.ts";
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
   * `read` where it is left out, or as `write` where the value cannot be read.
   */
  readonly security?: SecurityLevel | { readonly [each in Access]?: SecurityLevel };
  /** Bytes of the link's key, 7 to 16, where `security` demands one. */
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

/** @throws TypeError for a level or an access that there is not, RangeError for a key size out of range. */
export function requirementsOf(options: ProtectionOptions): Requirements | undefined {
  const { authorize, minKeySize, security = "none" } = options;
  if (authorize !== undefined && typeof authorize !== "function")
    throw new TypeError("authorize is a function");
  if (minKeySize !== undefined && !(minKeySize >= 7 && minKeySize <= 16)) {
    throw new RangeError(`minKeySize ${minKeySize} is out of range: 7 to 16`);
  }
  if (security === "none" && !authorize) return undefined;
  const demand = (level: SecurityLevel): Requirement => {
    const known = Object.keys(LEVELS);
    if (!known.includes(level)) throw new TypeError(`security "${level}" is none of ${known.join(", ")}`);
    const requirement = LEVELS[level];
    const size = level === "none" ? 0 : Math.max(minKeySize ?? 0, requirement.minKeySize ?? 0);
    return {
      ...requirement,
      ...(size > 0 ? { minKeySize: size } : {}),
      ...(authorize ? { authorization: true } : {}),
    };
  };
  if (typeof security === "string") {
    const all = demand(security);
    return { read: all, write: all, subscribe: all };
  }
  const { read = "none", write = "none", subscribe, ...others } = security;
  for (const key of Object.keys(others)) {
    throw new TypeError(`security has no "${key}", only read, write and subscribe`);
  }
  return {
    read: demand(read),
    write: demand(write),
    ...(subscribe === undefined ? {} : { subscribe: demand(subscribe) }),
  };
}
