/** On which terms one link pairs: how, for whom, in whose window, and in place of which bonds. */
import { type Claimant, isTaken } from "./bonding.ts";
import type { SecurityContext } from "./context.ts";
import { admit, configuredSettings, mayBegin } from "./demands.ts";
import { FIRMWARE_SETTINGS } from "./firmware-window.ts";
import type { Identity } from "./keys.ts";
import type { LinkEncryption } from "./link-encryption.ts";
import { IO_CAPABILITY } from "./method.ts";
import type { Occasion } from "./pairing.ts";
import type { PairingUser, PairRequest, SecuredLink } from "./port.ts";
import { isApplications } from "./requests.ts";
import type { Level, PairingContext, PairingSettings } from "./state.ts";
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
      ...{ peer: this.peer, bond: this.encryption.findBond(), request, isFirmwares },
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
    const isWanted = isApplications(request);
    const isInWindow = shared.isWindowOpen;
    const isAttended = isWanted || isInWindow;
    const apparent = encryption.findBond();
    const isTrusted = isAttended || window !== undefined || encryption.security.isBonded;
    const { proven } = encryption;
    const asksConsent = !isWanted && (user?.asksConsent ?? false);
    // By the time that an identity is claimed consent has been given.
    const claimant = { proven, apparent, isTrusted: isTrusted || asksConsent };
    // Nobody but the firmware lets it pair.
    const byWindow = isAttended || user?.asksConsent ? undefined : window;
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
      previous: apparent,
      isTrusted,
      asksConsent,
      isTaken: (identity, irk, level) =>
        this.isTaken(
          { ...claimant, mustProve: byWindow?.asksProof(identity) ?? false },
          identity,
          irk,
          level,
        ) ||
        (isFirmwares && !window?.isOpenFor(identity)),
    };
    const countsForWindow = !isWanted && isInWindow;
    const how = { isAttended, isInWindow, countsForWindow, proven };
    return { context, occasion: { user, request, window, isFirmwares, ...how } };
  }

  private isTaken(
    claimant: Claimant,
    identity: Identity,
    irk: Uint8Array | undefined,
    level: Level,
  ): boolean {
    const { peer, shared } = this;
    if (!isTaken(shared.port, claimant, identity, irk, level)) return false;
    if (claimant.mustProve)
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
