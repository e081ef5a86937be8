/** The Security Manager of one link: who may pair, what is to be encrypted, and the timer. */
import type { Timer } from "../../platform/platform.ts";
import { copyBytes, formatAddress } from "../codec.ts";
import { textOf } from "../text.ts";
import { bondOf, type Claimant, isTaken } from "./bonding.ts";
import type { SecurityContext } from "./context.ts";
import { admit, configuredSettings, isEnough, mayBegin } from "./demands.ts";
import {
  givenUpError,
  ignoredError,
  notAdmittedError,
  notSavedError,
  pairingFailedError,
  refusedError,
  timeoutError,
} from "./failure.ts";
import { authReqOf } from "./features.ts";
import { FIRMWARE_SETTINGS } from "./firmware-window.ts";
import { isSameIdentity } from "./identities.ts";
import type { Bond, Identity } from "./keys.ts";
import { LinkEncryption, UNSPECIFIED_ERROR } from "./link-encryption.ts";
import { IO_CAPABILITY } from "./method.ts";
import { type Occasion, Pairing, type PairingHandlers } from "./pairing.ts";
import { AUTH_REQ, PAIRING_FAILURE, pairingFailed, pairingRequest, securityRequest } from "./pdus.ts";
import type { PairingUser, PairRequest, SecuredLink, SecurityPort } from "./port.ts";
import { isApplications, PairRequests } from "./requests.ts";
import { encodeSmp } from "./run.ts";
import type { FailureSource, Level, PairingContext, PairingResult, PairingSettings, Step } from "./state.ts";
import { fieldsOf, findPdu, initiate, isOfOtherRole, respondTo } from "./step.ts";
import { join } from "./toolbox.ts";

/** The Security Manager's timer (Vol 3, Part H, 3.4). */
export const SMP_TIMEOUT_MS = 30_000;

/** Failures found here after which a peer has to wait: it, or somebody in its place, may have learned something, or wanted to. */
const SUSPICIOUS: readonly number[] = [
  PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS,
  PAIRING_FAILURE.CONFIRM_VALUE_FAILED,
  PAIRING_FAILURE.COMMAND_NOT_SUPPORTED,
  PAIRING_FAILURE.ENCRYPTION_KEY_SIZE,
  PAIRING_FAILURE.UNSPECIFIED,
  PAIRING_FAILURE.INVALID_PARAMETERS,
  PAIRING_FAILURE.DHKEY_CHECK_FAILED,
  PAIRING_FAILURE.NUMERIC_COMPARISON_FAILED,
  PAIRING_FAILURE.KEY_REJECTED,
];

/** How a pairing is to be, and for whom. */
type Attempt = Pick<Occasion, "isFirmwares" | "request" | "user" | "window"> & {
  readonly settings: PairingSettings;
};

/** Outside the firmware's own window. */
const APPLICATIONS = { request: undefined, window: undefined, isFirmwares: false } as const;

export class SecurityLink implements PairingHandlers {
  private readonly link: SecuredLink;
  private readonly shared: SecurityContext;
  private readonly port: SecurityPort;
  /** Its address as it stands in the log. */
  private readonly peer: string;
  private readonly encryption: LinkEncryption;
  private pairing: Pairing | undefined = undefined;
  private readonly requests = new PairRequests();
  /** AuthReq of Security Requests that came while the link was being encrypted with the bond's key. */
  private postponedAuthReq: number | undefined = undefined;
  /** A Security Request waits for the central's answer. */
  private isRequesting = false;
  private timer: Timer = undefined;
  /** When the time of the Security Manager is up. */
  private dueMs = 0;
  /** Runs while a bonded central may yet encrypt by itself. */
  private reminder: Timer = undefined;
  /** The timer ran out: the Security Manager says nothing more on this link. */
  private isMute = false;
  private isClosed = false;

  constructor(link: SecuredLink, shared: SecurityContext) {
    this.link = link;
    this.shared = shared;
    this.port = shared.port;
    this.peer = formatAddress(link.peerAddress.address);
    link.channel.receiver = {
      receive: (view, start, length) => this.receive(copyBytes(view, start, length)),
    };
    this.encryption = new LinkEncryption(link, shared, this.peer, (status) => this.encryptionChanged(status));
    this.remindLater();
  }

  /** The link has ended, with all that was under way. Whoever waits ends with the link. */
  close(): void {
    this.isClosed = true;
    this.link.channel.receiver = undefined;
    this.requests.clear();
    this.encryption.abandon();
    this.stopReminder();
    if (this.pairing) noteFailure(this.pairing);
    this.dropPairing();
  }

  // What the layers above ask for.

  /** See `SecurityManager.pair`. */
  pair(request: PairRequest): () => void {
    this.requests.add(request);
    this.serve();
    return () => this.withdraw(request);
  }

  private withdraw(request: PairRequest): void {
    if (!this.requests.all.includes(request)) return;
    this.requests.remove(request);
    if (this.pairing?.occasion.request === request) {
      this.pairing.feed({ is: "cancel", reason: PAIRING_FAILURE.UNSPECIFIED });
    } else if (!this.requests.first) this.stopRequesting();
    this.serve();
  }

  /** See `SecurityManager.encryptWithBond`. */
  encryptWithBond(): void {
    const bond = this.encryption.findUsableBond();
    if (this.link.isCentral && bond && !this.isBusy) this.startWithBond(bond, () => {});
  }

  /** What ends without success ends so for all who wait, but where the bond was deleted meanwhile: they pair then. */
  private startWithBond(bond: Bond, onEncrypted: () => void): void {
    const { encryption, requests } = this;
    encryption.startWithBond(bond, (error) => {
      if (error === undefined) return onEncrypted();
      if (!encryption.findBond()) return;
      for (const request of requests.all) requests.settle(request, error);
    });
  }

  /** See `LinkEncryption`. */
  get bondUse(): LinkEncryption["bondUse"] {
    return this.encryption.bondUse;
  }

  /** See `LinkEncryption`. */
  demandsChanged(): void {
    this.encryption.demandsChanged();
  }

  /** A bond was deleted; perhaps this one. */
  bondForgotten(): void {
    if (!this.encryption.findBond()) this.encryption.forgotten();
  }

  private get isBusy(): boolean {
    return this.pairing !== undefined || this.encryption.isChanging;
  }

  /** Something is under way that will end by itself, at the latest by the timer. */
  get isInUse(): boolean {
    return this.isBusy || this.isRequesting;
  }

  /** A central with a bond has a moment to encrypt by itself, as most do; then it is asked to (Vol 3, Part C, 10.3.2). */
  private remindLater(): void {
    const { clock, settings } = this.port;
    const delayMs = settings.securityRequestMs;
    if (this.link.isCentral || delayMs === 0 || !this.encryption.findUsableBond()) return;
    this.reminder = clock.setTimer(() => {
      this.reminder = undefined;
      const isPlain = !this.encryption.security.isEncrypted;
      // The bond may be gone by now.
      if (isPlain && !this.isInUse && !this.isMute && this.encryption.findUsableBond())
        this.requestSecurity({ settings: this.configured(this.shared.user) });
    }, delayMs);
  }

  private stopReminder(): void {
    if (this.reminder !== undefined) this.port.clock.clearTimer(this.reminder);
    this.reminder = undefined;
  }

  /** Asks the central to encrypt or to pair (2.4.6). */
  private requestSecurity(wish: Parameters<typeof authReqOf>[0]): void {
    this.isRequesting = true;
    this.send(encodeSmp(securityRequest, { authReq: authReqOf(wish) }));
  }

  /** Serves the requests that wait, one at a time, when nothing is under way. */
  private serve(): void {
    const { requests } = this;
    for (let request = requests.first; request; request = requests.first) {
      if (this.isBusy || this.isRequesting || this.isClosed) return;
      if (this.isSatisfied(request.settings)) requests.settle(request, undefined);
      else if (this.isMute) requests.settle(request, timeoutError());
      else if (this.port.settings.pairing === "never") requests.settle(request, refusedError());
      else {
        const refusal = this.refusalOf(request);
        if (!refusal) return this.begin(request);
        requests.settle(request, refusal);
      }
    }
  }

  /** Why nobody pairs for a request that a peer has brought about; undefined where it may, or its bond may do. */
  private refusalOf(request: PairRequest): Error | undefined {
    const { encryption } = this;
    const isBondsTurn = !encryption.security.isEncrypted && encryption.findUsableBond() !== undefined;
    if (isApplications(request) || isBondsTurn) return undefined;
    const { settings, user } = request;
    const reason = this.admit({ ...APPLICATIONS, settings, user, request });
    return reason === 0 ? undefined : notAdmittedError(reason);
  }

  /** Whether the link is protected as these settings demand. */
  private isSatisfied(settings: PairingSettings): boolean {
    const { security } = this.encryption;
    const { isEncrypted, isBonded } = security;
    return isEncrypted && (isBonded || !settings.bond) && isEnough(security, settings);
  }

  private begin(request: PairRequest): void {
    if (this.link.isCentral) return this.encryptOrPair(request.settings, request);
    this.requestSecurity(request);
  }

  /** The central encrypts with the bond's key first, even when that is not enough: it knows its peer then. */
  private encryptOrPair(settings: PairingSettings, request: PairRequest | undefined): void {
    const bond = this.encryption.findUsableBond();
    if (!bond || this.encryption.security.isEncrypted) return this.initiate(settings, request);
    this.startWithBond(bond, () => {
      // A request that is not satisfied yet pairs when it is served again.
      if (!request && !isEnough(bond, settings)) this.initiateForPeer(settings);
    });
  }

  /** A Security Request has this side pair, where the peer may begin to. */
  private initiateForPeer(settings: PairingSettings): void {
    const reason = this.admit({ ...APPLICATIONS, settings, user: this.shared.user });
    if (reason === 0) this.initiate(settings, undefined);
    else this.refuse(reason);
  }

  // Encryption.

  /** The peer's link layer asks for a key. */
  keyRequested(ediv: number, rand: Uint8Array): void {
    if (this.pairing) return this.pairing.feed({ is: "keyRequest", ediv, rand });
    this.encryption.answerWithBond(ediv, rand);
  }

  /** The link is encrypted, or the controller's error code says why not. */
  encryptionChanged(status: number): void {
    const isExpected = this.encryption.isChanging;
    const notify = this.encryption.changed(status);
    const { proven } = this.encryption;
    if (status === 0 && proven) this.shared.firmwareWindow?.used(proven.identity);
    if (status === 0 && isExpected) this.stopRequesting();
    this.port.onSecurity(this.link, status, this.pairing !== undefined);
    if (this.isClosed) return;
    this.pairing?.feed({ is: "encryption", status });
    notify();
    this.serve();
    this.servePostponed(status);
  }

  /** The peer asked to be encrypted with while that had begun: it may be for more than the bond is worth. */
  private servePostponed(status: number): void {
    const authReq = this.postponedAuthReq;
    this.postponedAuthReq = undefined;
    const { isEncrypted } = this.encryption.security;
    if (authReq !== undefined && status === 0 && isEncrypted && !this.isBusy) this.securityRequested(authReq);
  }

  // PDUs.

  private receive(pdu: Uint8Array): void {
    const declared = findPdu(pdu);
    if (this.isMute || !declared) return;
    if (this.pairing) return this.pairing.feed({ is: "pdu", pdu });
    const { code, length } = declared;
    if (isOfOtherRole({ isInitiator: this.link.isCentral }, code)) {
      return this.refuse(PAIRING_FAILURE.COMMAND_NOT_SUPPORTED);
    }
    if (code === pairingRequest.code) return this.respond(pdu);
    if (code === pairingFailed.code) return this.requestRefused(pdu);
    if (code !== securityRequest.code) return; // Belongs to no pairing.
    if (pdu.length !== length) return this.refuse(PAIRING_FAILURE.INVALID_PARAMETERS);
    this.securityRequested(fieldsOf(securityRequest, pdu).authReq);
  }

  private refuse(reason: number): void {
    this.transmit(encodeSmp(pairingFailed, { reason }));
  }

  /** The peripheral asks for encryption (2.4.6). It can raise what this side asks for, and never lower it. */
  private securityRequested(authReq: number): void {
    const { encryption } = this;
    if (encryption.isChanging) {
      this.postponedAuthReq = (this.postponedAuthReq ?? 0) | authReq;
      return;
    }
    const { user } = this.shared;
    const own = this.configured(user);
    const canAuthenticate = own.io !== IO_CAPABILITY.NO_INPUT_NO_OUTPUT;
    const mitm = own.mitm || ((authReq & AUTH_REQ.MITM) !== 0 && canAuthenticate);
    const settings: PairingSettings = { ...own, mitm };
    if (encryption.findUsableBond()) {
      // It asks for what it has just refused: whether to go on is the application's to say.
      if (encryption.isKeyLost) return;
      if (!encryption.security.isEncrypted) return this.encryptOrPair(settings, undefined);
      if (isEnough(encryption.security, settings)) return;
    }
    this.initiateForPeer(settings);
  }

  /** The central does not want to be asked. */
  private requestRefused(pdu: Uint8Array): void {
    if (!this.isRequesting) return;
    this.stopRequesting();
    const reason = pdu[1] ?? PAIRING_FAILURE.UNSPECIFIED;
    this.requests.settle(this.requests.first, pairingFailedError(reason, "peer"));
    this.serve();
  }

  private stopRequesting(): void {
    if (!this.isRequesting) return;
    this.isRequesting = false;
    this.stopTimer();
  }

  // Pairing.

  private configured(user: PairingUser | undefined): PairingSettings {
    return configuredSettings(this.port.settings, user?.io ?? IO_CAPABILITY.NO_INPUT_NO_OUTPUT);
  }

  private admit({ settings, user, request, window, isFirmwares }: Attempt): number {
    return admit(this.shared, {
      ...{ peer: this.peer, bond: this.encryption.findBond(), request, isFirmwares },
      wantsBond: settings.bond,
      asksConsent: user?.asksConsent ?? false,
      isInFirmwareWindow: window !== undefined,
    });
  }

  private initiate(settings: PairingSettings, request: PairRequest | undefined): void {
    this.start({ ...APPLICATIONS, settings, user: request?.user ?? this.shared.user, request }, initiate);
  }

  /** The peer begins; where this side has asked it to, that is what it pairs for. */
  private respond(pdu: Uint8Array): void {
    const attempt = this.attempted();
    this.stopRequesting();
    const isBusy = this.shared.isBusy(attempt.user, this.link);
    const refusal = isBusy ? PAIRING_FAILURE.BUSY : this.admit(attempt);
    this.start(attempt, (context) => respondTo(context, pdu, refusal));
  }

  /**
   * How the pairing that the peer begins is to be. In the firmware's own window it is the application's only while that can do
   * more than the firmware, and lets anybody be bonded: a camera is to have its owner whatever the application does.
   */
  private attempted(): Attempt {
    const { link, shared } = this;
    const request = this.isRequesting ? this.requests.first : undefined;
    const user = request?.user ?? shared.user;
    const settings = request?.settings ?? this.configured(user);
    const bond = this.encryption.findBond();
    const window = shared.firmwareWindow?.isFor(bond) ? shared.firmwareWindow : undefined;
    const own: Attempt = { settings, user, request, window, isFirmwares: false };
    if (!window) return own;
    const isAble =
      user !== undefined && settings.bond && mayBegin(shared, bond) && !shared.isBusy(user, link);
    if (isAble && !window.hasApplicationFailed) return own;
    return { window, isFirmwares: true, settings: FIRMWARE_SETTINGS, user: undefined, request: undefined };
  }

  private start(attempt: Attempt, first: (context: PairingContext) => Step): void {
    const { encryption, link, port, shared } = this;
    const { settings, user, request, window, isFirmwares } = attempt;
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
    const occasion: Occasion = { user, request, window, isFirmwares, ...how };
    this.pairing = new Pairing(link, shared, context, occasion, this);
    this.pairing.begin(first);
  }

  private isTaken(
    claimant: Claimant,
    identity: Identity,
    irk: Uint8Array | undefined,
    level: Level,
  ): boolean {
    const { peer, port, shared } = this;
    if (!isTaken(port, claimant, identity, irk, level)) return false;
    if (claimant.mustProve)
      shared.peerLog.write(
        "warning",
        `smp: ${peer} pairs as a device that is bonded, and shows neither the key nor the IRK of that bond, which stays`,
      );
    return true;
  }

  private dropPairing(): void {
    const { pairing } = this;
    this.pairing = undefined;
    this.stopTimer();
    this.shared.spend(pairing?.usedOutOfBand);
    pairing?.drop();
  }

  encrypt(key: Uint8Array, level: Level): void {
    this.encryption.startWithPairing(key, level);
  }

  answerKey(key: Uint8Array | undefined, level: Level): void {
    this.encryption.answerWithPairing(key, level);
  }

  finished(pairing: Pairing, result: PairingResult): void {
    const { link, peer, port, requests, shared } = this;
    const { countsForWindow, request } = pairing.occasion;
    this.dropPairing();
    shared.pairingSucceeded(peer, countsForWindow);
    port.log("info", `smp: link ${link.handle} is paired: ${result.method}`);
    const error = result.isBonding ? this.keep(pairing, result) : undefined;
    // `config` may demand more by now than when it began.
    if (!pairing.occasion.isFirmwares) this.demandsChanged();
    port.onSecurity(link, 0, false);
    // What was paired for one serves all who ask no more. A peer that keeps no keys is no failure.
    for (const waiting of requests.all) {
      if (waiting === request || isEnough(this.encryption.security, waiting.settings))
        requests.settle(waiting, error);
    }
    this.serve();
  }

  /** The application wants no more than what the link has now, and has decided so for this device. */
  private get isWanted(): boolean {
    const { security } = this.encryption;
    return this.requests.all.some(
      (request) => isApplications(request) && isEnough(security, request.settings),
    );
  }

  /** Keeps the bond; returns why that failed. */
  private keep({ context, occasion }: Pairing, result: PairingResult): unknown {
    const { link, port } = this;
    const { isFirmwares, window } = occasion;
    const isAttended = occasion.isAttended || context.asksConsent || this.isWanted;
    const made = bondOf(result, link.peerAddress, context.identity, isAttended);
    const isWindows = made !== undefined && window?.isOpenFor(made.identity) === true;
    const bond = made && withWindow(made, occasion, isWindows);
    // Whoever says who it is has been looked at when it did.
    const isUnproven =
      isWindows && !result.identity && context.isTaken(made.identity, made.irk, result.level);
    if (!bond) {
      port.log(
        "info",
        `smp: link ${link.handle}: no bond, for the peer gave no key, or did not say who it is`,
      );
      return undefined;
    }
    try {
      if (isFirmwares && !isWindows) throw new Error("another device has paired meanwhile");
      if (isUnproven)
        throw new Error("a device of this address is bonded, and this one has not shown to be it");
      port.bonds.keep(bond);
      if (isWindows) window.take(bond.identity);
    } catch (error) {
      port.log("error", `smp: link ${link.handle}: the bond was not kept: ${textOf(error)}`);
      return notSavedError(textOf(error));
    }
    this.encryption.bonded(port.bonds.find(bond.identity.addressType, bond.identity.address));
    return undefined;
  }

  failed(pairing: Pairing, reason: number, source: FailureSource, cause?: Error): void {
    const { link, peer, port, requests, shared } = this;
    this.dropPairing();
    const { request } = pairing.occasion;
    const isGivenUp = source === "local" && request !== undefined && !requests.all.includes(request);
    const error = cause ?? (isGivenUp ? givenUpError() : pairingFailedError(reason, source));
    const isPeers =
      source === "peer" || (source === "local" && SUSPICIOUS.includes(reason) && !cause && !isGivenUp);
    noteFailure(pairing);
    if (!isApplications(request) && isPeers) shared.peerFailed(peer, pairing.wasGuess);
    shared.failedPairings++;
    shared.peerLog.write("warning", `smp: link ${link.handle}: pairing failed: ${error.message}`);
    port.onSecurity(link, reason || UNSPECIFIED_ERROR, false);
    if (this.isClosed) return;
    requests.settle(request ?? requests.first, error);
    this.serve();
  }

  // The channel, and the timer.

  private transmit(pdu: Uint8Array): void {
    this.link.channel.send(0, pdu, 0, pdu.length);
  }

  send(pdu: Uint8Array): void {
    this.transmit(pdu);
    this.prolong();
  }

  /** The timer starts anew with each PDU that is queued, and with each digit that the peer's user types. */
  prolong(): void {
    const { clock } = this.port;
    this.dueMs = clock.now() + SMP_TIMEOUT_MS;
    this.timer ??= clock.setTimer(() => this.checkTime(), SMP_TIMEOUT_MS);
  }

  /** The timer stays as the first PDU set it, for setting it anew takes as long as a PDU: here it goes on for the last one. */
  private checkTime(): void {
    const { clock } = this.port;
    const restMs = this.dueMs - clock.now();
    this.timer = restMs > 0 ? clock.setTimer(() => this.checkTime(), restMs) : undefined;
    if (restMs <= 0) this.timedOut();
  }

  private stopTimer(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  private timedOut(): void {
    const { pairing, requests } = this;
    if (pairing) {
      this.isMute = true;
      return this.failed(pairing, PAIRING_FAILURE.UNSPECIFIED, "peer", timeoutError());
    }
    // The central ignored a Security Request. It may pair yet: only the wait for it is over.
    this.isRequesting = false;
    requests.settle(requests.first, ignoredError());
    this.serve();
  }
}

/** A bond with what windows have to do with it: the firmware's, when that takes it, or the application's. */
function withWindow(bond: Bond, { isInWindow, proven }: Occasion, isFirmwares: boolean): Bond {
  if (isFirmwares) return { ...bond, isAttended: true, isFromWindow: true };
  const isProven = proven !== undefined && isSameIdentity(proven.identity, bond.identity);
  return { ...bond, isFromWindow: isInWindow || (isProven && proven.isFromWindow) };
}

/** What the application has not brought about in the firmware's own window, the firmware does. */
function noteFailure({ occasion: { isFirmwares, window } }: Pairing): void {
  if (window && !isFirmwares) window.hasApplicationFailed = true;
}

/** An address as the toolbox takes it. */
function onAir({ addressType, address }: Identity): Uint8Array {
  return join(Uint8Array.of(addressType), address);
}
