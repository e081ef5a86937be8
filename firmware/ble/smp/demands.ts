/** What this side demands of a link, and whom it pairs with. */

import type { SecurityContext } from "./context.ts";
import type { Bond } from "./keys.ts";
import { IO_CAPABILITY } from "./method.ts";
import { AUTH_REQ, PAIRING_FAILURE } from "./pdus.ts";
import type { PairRequest, SecuritySettings } from "./port.ts";
import { isApplications } from "./requests.ts";
import type { Level, PairingSettings } from "./state.ts";

/** What `config` says, for a pairing that a peer begins. @param io what the user of this side can do. */
export function configuredSettings(settings: SecuritySettings, io: number): PairingSettings {
  return {
    io,
    bond: settings.bond,
    mitm: settings.mitm,
    secureConnections: settings.leSecure ? "on" : "off",
    minKeySize: settings.minKeySize,
    secureOnly: settings.secureOnly,
    methods: undefined,
    keypress: false,
    debugKeys: false,
  };
}

/** What a peripheral's Security Request makes of what this side asks for (Vol 3, Part H, 2.4.6): never less. */
export function raisedBy(authReq: number, own: PairingSettings): PairingSettings {
  const canAuthenticate = own.io !== IO_CAPABILITY.NO_INPUT_NO_OUTPUT;
  return { ...own, mitm: own.mitm || ((authReq & AUTH_REQ.MITM) !== 0 && canAuthenticate) };
}

/** What of the settings is about the worth of a key. */
type Demands = Pick<PairingSettings, "mitm" | "minKeySize" | "secureConnections" | "secureOnly">;

/** Whether a link, or the key of a bond, is worth what is demanded. */
export function isEnough(level: Level, settings: Demands): boolean {
  const { mitm, minKeySize, secureConnections, secureOnly } = settings;
  return (
    (level.isAuthenticated || !(mitm || secureOnly)) &&
    (level.isSecureConnections || !(secureConnections === "only" || secureOnly)) &&
    level.keySize >= (secureOnly ? 16 : minKeySize)
  );
}

/**
 * Whether a key that is worth so much may encrypt a link at all, as `config` is now: those of bonds that are older than the setting
 * too (Vol 3, Part C, 10.2.4). `mitm` of `config` is about pairings that begin, and not about keys that there are.
 */
export function isAllowed(level: Level, { minKeySize, secureOnly }: SecuritySettings): boolean {
  return isEnough(level, { mitm: false, minKeySize, secureConnections: "on", secureOnly });
}

/** Whom a pairing is about to begin with. */
export interface Candidate {
  /** Its address, as it stands in tables and in the log. */
  readonly peer: string;
  /** Of this address; it proves nothing yet. */
  readonly bond: Bond | undefined;
  /** The bond whose key encrypts the link. */
  readonly proven: Bond | undefined;
  /** This side asks for it; undefined: the peer began. */
  readonly request: PairRequest | undefined;
  readonly wantsBond: boolean;
  readonly asksConsent: boolean;
  /** The firmware's own window is open for it. */
  readonly isInFirmwareWindow: boolean;
  /** It pairs as the firmware says, and not as the application does. */
  readonly isFirmwares: boolean;
}

/** Whether `config` lets a peer with this bond, or with none, begin to pair now. */
export function mayBegin(
  { isWindowOpen, port: { settings } }: SecurityContext,
  bond: Bond | undefined,
): boolean {
  const { pairing } = settings;
  return pairing !== "never" && (pairing === "always" || isWindowOpen || bond !== undefined);
}

/** 0, or the reason why no pairing with a peer may begin now. It costs no computation, and at most a line in the log. */
export function admit(shared: SecurityContext, candidate: Candidate): number {
  const { bond, proven, request, wantsBond, asksConsent, isFirmwares, isInFirmwareWindow } = candidate;
  const { bonds, log, settings } = shared.port;
  const isWanted = isApplications(request);
  const isExpected = bond !== undefined || shared.isWindowOpen || isInFirmwareWindow;
  if (shared.attempts.mustWait(candidate.peer, isExpected) && !isWanted) {
    log("debug", `smp: ${candidate.peer} may not pair so soon after pairings that failed`);
    return PAIRING_FAILURE.REPEATED_ATTEMPTS;
  }
  if (settings.pairing === "never" && !isFirmwares) {
    return refuse(shared, candidate, 'config says pairing: "never"');
  }
  if (!isWanted && !isFirmwares && !mayBegin(shared, bond)) {
    return refuse(
      shared,
      candidate,
      "it is not bonded, and no pairing window is open: call security.openPairing()",
    );
  }
  const isAttended = isWanted || shared.isWindowOpen || asksConsent || isInFirmwareWindow;
  if (wantsBond && !bond && !bonds.hasRoom(isAttended)) {
    const why =
      !isAttended && bonds.areStrangersSpent
        ? "strangers have had too many written; wait"
        : "delete one, or raise maxBonds";
    return refuse(shared, candidate, `there is no room for another bond: ${why}`);
  }
  if (wantsBond && proven && !bonds.canRewrite(proven, isAttended)) {
    refuse(shared, candidate, "its bond was written so often of late that flash would wear out: wait");
    return PAIRING_FAILURE.REPEATED_ATTEMPTS;
  }
  return 0;
}

function refuse({ peerLog }: SecurityContext, { peer, request }: Candidate, why: string): number {
  const line = request
    ? `smp: ${peer} refuses what is asked of it without pairing, and may not pair: ${why}`
    : `smp: ${peer} wants to pair and may not: ${why}`;
  peerLog.write("warning", line);
  return PAIRING_FAILURE.PAIRING_NOT_SUPPORTED;
}
