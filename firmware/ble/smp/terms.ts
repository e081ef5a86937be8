/** On which terms one link pairs: how, for whom, in whose window, and in place of which bonds. */
import { type Attendance, bondedIdentity, isTaken } from "./bonding.ts";
import type { SecurityContext } from "./context.ts";
import { admit, configuredSettings, mayBegin } from "./demands.ts";
import { FIRMWARE_SETTINGS } from "./firmware-window.ts";
import type { Identity } from "./keys.ts";
import type { LinkEncryption } from "./link-encryption.ts";
import { IO_CAPABILITY } from "./method.ts";
import type { Occasion, Pairing } from "./pairing.ts";
import { PAIRING_FAILURE } from "./pdus.ts";
import type { PairingUser, PairRequest, SecuredLink } from "./port.ts";
import { isApplications } from "./requests.ts";
import type { Level, PairingContext, PairingResult, PairingSettings } from "./state.ts";
import { join } from "./toolbox.ts";

/** How a pairing is to be, and for whom. */
export type Terms = Pick<Occasion, "isFirmwares" | "request" | "user" | "window"> & {
  readonly settings: PairingSettings;
};

export class LinkTerms {
  private readonly link: SecuredLink;
  private readonly shared: SecurityContext;
  private readonly encryption: LinkEncryption;
  /** Its address as it stands in the log. */
  private readonly peer: string;

  constructor(link: SecuredLink, shared: SecurityContext, encryption: LinkEncryption, peer: string) {
    this.link = link;
    this.shared = shared;
    this.encryption = encryption;
    this.peer = peer;
  }

  /** What `config` says. */
  configured(user: PairingUser | undefined): PairingSettings {
    return configuredSettings(this.shared.port.settings, user?.io ?? IO_CAPABILITY.NO_INPUT_NO_OUTPUT);
  }

  /** Of a pairing that this side begins. @param request what for; undefined: its peer has asked for security */
  ofThisSide(settings: PairingSettings, request: PairRequest | undefined): Terms {
    const user = request?.user ?? this.shared.user;
    return { settings, user, request, window: undefined, isFirmwares: false };
  }

  /**
   * Of a pairing that the peer begins. In the firmware's own window it is the application's only while that can do more than the
   * firmware, and lets anybody be bonded: a camera is to have its owner whatever the application does.
   * @param request for which this side has asked it to
   */
  ofPeer(request: PairRequest | undefined): Terms {
    const { link, shared } = this;
    const user = request?.user ?? shared.user;
    const settings = request?.settings ?? this.configured(user);
    const bond = this.encryption.findBond();
    const window = shared.firmwareWindow?.isFor(bond) ? shared.firmwareWindow : undefined;
    const own: Terms = { settings, user, request, window, isFirmwares: false };
    if (!window) return own;
    const isAble =
      user !== undefined && settings.bond && mayBegin(shared, bond) && !shared.isBusy(user, link);
    if (isAble && !window.hasApplicationFailed) return own;
    return { window, isFirmwares: true, settings: FIRMWARE_SETTINGS, user: undefined, request: undefined };
  }

  /** 0, or the reason why no pairing on these terms may begin now (see `admit`). */
  admit({ settings, user, request, window, isFirmwares }: Terms): number {
    return admit(this.shared, {
      ...{ peer: this.peer, bond: this.encryption.findBond(), proven: this.encryption.proven },
      ...{ request, isFirmwares },
      wantsBond: settings.bond,
      asksConsent: user?.asksConsent ?? false,
      isInFirmwareWindow: window !== undefined,
    });
  }

  /** How a pairing on these terms comes about, and what it knows from the beginning. */
  begin({ settings, user, request, window, isFirmwares }: Terms): {
    readonly context: PairingContext;
    readonly occasion: Occasion;
  } {
    const { encryption, link, shared } = this;
    const { port } = shared;
    const applicationWindow = shared.openedWindow;
    const isWanted = isApplications(request);
    const { proven } = encryption;
    const known = port.bonds.all();
    const occasion = { user, request, applicationWindow, window, proven, known, isFirmwares };
    const keypress = settings.keypress || (user?.hearsKeypresses ?? false);
    const context: PairingContext = {
      ciphers: port.crypto,
      random: (length) => port.random(length),
      settings: { ...settings, keypress },
      outOfBand: { own: shared.outOfBand, ...(request?.outOfBand ?? user?.outOfBand) },
      ownAddress: onAir(link.ownAddress),
      peerAddress: onAir(link.peerAddress),
      identity: port.ownIdentity(),
      ownIrk: () => port.bonds.ownIrk(),
      previous: encryption.findBond(),
      isTrusted: isWanted || (applicationWindow ?? window) !== undefined || encryption.security.isBonded,
      asksConsent: !isWanted && (user?.asksConsent ?? false),
      isTaken: (identity, irk, level) => this.isTaken(occasion, identity, irk, level),
      refusalOf: (result) => this.refusalOf(occasion, result),
    };
    return { context, occasion };
  }

  /** Whether something lets a pairing in that has begun, as the windows, the bonds and `config` are now. */
  mayGoOn({ known, request, window, isFirmwares }: Occasion): boolean {
    const { encryption, shared } = this;
    const bond = encryption.findBond();
    if (isFirmwares) return window?.isFor(bond) === true;
    const { settings } = shared.port;
    if (isApplications(request)) return settings.pairing !== "never";
    // A bond that was made since is another device's, or was not there to let this one in.
    return mayBegin(shared, bond && known.includes(bond) ? bond : undefined);
  }

  /** What somebody on this side has to do with a pairing now. @param isWanted the application has come to want it */
  attendanceOf({ context, occasion }: Pairing, isWanted: boolean): Attendance {
    const isInWindow = this.isInWindow(occasion);
    const isAttended = isWanted || isInWindow || isApplications(occasion.request) || context.asksConsent;
    return { isAttended, isInWindow };
  }

  private isInWindow({ applicationWindow }: Occasion): boolean {
    return applicationWindow !== undefined && applicationWindow === this.shared.openedWindow;
  }

  /** See `PairingContext.refusalOf`. */
  private refusalOf(occasion: Occasion, result: PairingResult): number {
    if (!this.mayGoOn(occasion)) return PAIRING_FAILURE.PAIRING_NOT_SUPPORTED;
    const { link, shared } = this;
    const identity = bondedIdentity(result, link.peerAddress, shared.port.ownIdentity());
    const isRefused = identity !== undefined && this.isTaken(occasion, identity, result.irk, result.level);
    return isRefused ? PAIRING_FAILURE.KEY_REJECTED : 0;
  }

  /** By the bonds and the windows as they are now. */
  private isTaken(
    occasion: Occasion,
    identity: Identity,
    irk: Uint8Array | undefined,
    level: Level,
  ): boolean {
    const { encryption, peer, shared } = this;
    const { isFirmwares, known, proven, request, user, window } = occasion;
    const isWindows = window?.isOpenFor(identity) === true;
    if (isFirmwares && !isWindows) return true;
    // By the time that an identity is claimed consent has been given.
    const isAllowed = isApplications(request) || this.isInWindow(occasion) || user?.asksConsent === true;
    // Nobody but the firmware lets it pair.
    const mustProve = !isAllowed && isWindows && window.asksProof(identity);
    const apparent = encryption.findBond();
    const claimant = { proven, apparent, known, isTrusted: isAllowed || isWindows, mustProve };
    if (!isTaken(shared.port, claimant, identity, irk, level)) return false;
    if (mustProve)
      shared.peerLog.write(
        "warning",
        `smp: ${peer} pairs as a device that is bonded, and shows neither the key nor the IRK of that bond, which stays`,
      );
    return true;
  }
}

/** An address as the toolbox takes it. */
function onAir({ addressType, address }: Identity): Uint8Array {
  return join(Uint8Array.of(addressType), address);
}
