/** What this side demands of a link, and whom it pairs with. */

import type { SecurityContext } from "./context.ts";
import type { Bond } from "./keys.ts";
import { PAIRING_FAILURE } from "./pdus.ts";
import type { PairRequest, SecuritySettings } from "./port.ts";
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

/** Whether a link, or the key of a bond, is worth what is demanded. */
export function isEnough(level: Level, settings: PairingSettings): boolean {
  const { mitm, minKeySize, secureConnections, secureOnly } = settings;
  return (
    (level.isAuthenticated || !(mitm || secureOnly)) &&
    (level.isSecureConnections || !(secureConnections === "only" || secureOnly)) &&
    level.keySize >= (secureOnly ? 16 : minKeySize)
  );
}

/** Whom a pairing is about to begin with. */
export interface Candidate {
  /** Its address, as it stands in tables and in the log. */
  readonly peer: string;
  /** Of this address; it proves nothing yet. */
  readonly bond: Bond | undefined;
  /** This side called `pair`. */
  readonly request: PairRequest | undefined;
  readonly wantsBond: boolean;
  readonly asksConsent: boolean;
}

/** 0, or the reason why a peer may not pair now. It costs no computation, and at most a line in the log. */
export function admit(shared: SecurityContext, candidate: Candidate): number {
  const { peer, bond, request, wantsBond, asksConsent } = candidate;
  const { bonds, log, settings } = shared.port;
  const isExpected = bond !== undefined || shared.isWindowOpen;
  if (shared.attempts.mustWait(peer, isExpected) && !request) {
    log("debug", `smp: ${peer} may not pair so soon after pairings that failed`);
    return PAIRING_FAILURE.REPEATED_ATTEMPTS;
  }
  if (settings.pairing === "never") return refuse(shared, peer, 'config says pairing: "never"');
  const isOpen = settings.pairing === "always" || shared.isWindowOpen;
  if (!request && !bond && !isOpen) {
    return refuse(
      shared,
      peer,
      "it is not bonded, and no pairing window is open: call security.openPairing()",
    );
  }
  const isAttended = request !== undefined || shared.isWindowOpen || asksConsent;
  if (wantsBond && !bond && !bonds.hasRoom(isAttended)) {
    return refuse(shared, peer, "there is no room for another bond: delete one, or raise maxBonds");
  }
  return 0;
}

function refuse({ peerLog }: SecurityContext, peer: string, why: string): number {
  peerLog.write("warning", `smp: ${peer} wants to pair and may not: ${why}`);
  return PAIRING_FAILURE.PAIRING_NOT_SUPPORTED;
}
