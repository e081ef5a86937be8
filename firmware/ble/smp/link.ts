/** The Security Manager of one link: what is to be encrypted or paired next, and what becomes of it for whoever waits. */
import type { Timer } from "../../platform/platform.ts";
import { copyBytes } from "../codec.ts";
import type { SecurityContext } from "./context.ts";
import { isEnough, raisedBy } from "./demands.ts";
import {
  encryptionError,
  ignoredError,
  notAdmittedError,
  pairingFailedError,
  refusedError,
  timeoutError,
  wornError,
} from "./failure.ts";
import { authReqOf } from "./features.ts";
import type { Bond } from "./keys.ts";
import { PairingLink } from "./pairing-link.ts";
import { PAIRING_FAILURE, pairingFailed, pairingRequest, securityRequest } from "./pdus.ts";
import type { PairRequest, SecuredLink, SecurityPort } from "./port.ts";
import { isApplications } from "./requests.ts";
import { encodeSmp } from "./run.ts";
import type { PairingSettings } from "./state.ts";
import { fieldsOf, findPdu, isOfOtherRole } from "./step.ts";

export class SecurityLink extends PairingLink {
  private readonly port: SecurityPort;
  /** AuthReq of Security Requests that came while the link was being encrypted with the bond's key. */
  private postponedAuthReq: number | undefined = undefined;
  /** A Security Request waits for the central's answer. */
  private isRequesting = false;
  /** One was sent on this link. */
  private hasRequested = false;
  /** Somebody waits for the encryption with the bond's key. */
  private isEncryptionWanted = false;
  /** Runs while a bonded central may yet encrypt by itself. */
  private reminder: Timer = undefined;
  /** The timer ran out: the Security Manager says nothing more on this link. */
  private isMute = false;

  constructor(link: SecuredLink, shared: SecurityContext) {
    super(link, shared);
    this.port = shared.port;
    link.channel.receiver = {
      receive: (view, start, length) => this.receive(copyBytes(view, start, length)),
    };
    this.remindLater();
  }

  override close(): void {
    this.link.channel.receiver = undefined;
    this.stopReminder();
    super.close();
  }

  // What the layers above ask for.

  /** See `SecurityManager.pair`. */
  pair(request: PairRequest): () => void {
    this.requests.add(request);
    if (!this.pairing && this.encryption.isChanging) this.encryption.limit();
    this.serve();
    return () => this.withdraw(request);
  }

  private withdraw(request: PairRequest): void {
    if (!this.requests.all.includes(request)) return;
    this.requests.remove(request);
    if (this.pairing?.occasion.request === request) {
      this.pairing.feed({ is: "cancel", reason: PAIRING_FAILURE.UNSPECIFIED });
    } else if (!this.requests.first && !this.isEncryptionWanted) this.stopRequesting();
    this.serve();
  }

  /** See `SecurityManager.encryptWithBond`. */
  encryptWithBond(): void {
    const bond = this.encryption.findUsableBond();
    if (this.link.isCentral && bond && !this.isBusy) this.startWithBond(bond, () => {});
  }

  /** See `SecurityManager.requestEncryption`. */
  requestEncryption(): void {
    const { encryption } = this;
    this.isEncryptionWanted = true;
    if (!this.pairing && encryption.isChanging) encryption.limit();
    // What is under way says how it ends.
    if (this.isInUse) return;
    if (this.isMute) this.unproven(timeoutError());
    else if (this.hasRequested) this.unproven(ignoredError());
    else this.requestSecurity({ settings: this.terms.configured(this.shared.user) });
  }

  private unproven(error: unknown): void {
    if (!this.link.isCentral) this.port.onUnproven(this.link, error);
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
  demandsChanged(): void {
    this.expectNothing(this.encryption.bondUse === "usable");
    this.encryption.demandsChanged();
  }

  /** See `LinkEncryption`. */
  bondsChanged(): void {
    this.expectNothing(this.encryption.findBond() !== undefined);
    this.encryption.bondsChanged();
  }

  /** Unless it may: the central is not to encrypt any more, and nobody wants it to pair. */
  private expectNothing(mayEncrypt: boolean): void {
    if (!mayEncrypt && !this.requests.first) this.stopRequesting();
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
        this.requestSecurity({ settings: this.terms.configured(this.shared.user) });
    }, delayMs);
  }

  private stopReminder(): void {
    if (this.reminder !== undefined) this.port.clock.clearTimer(this.reminder);
    this.reminder = undefined;
  }

  /** Asks the central to encrypt or to pair (2.4.6). */
  private requestSecurity(wish: Parameters<typeof authReqOf>[0]): void {
    this.isRequesting = true;
    this.hasRequested = true;
    this.stopReminder();
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

  /** Why nobody pairs for a request; undefined where it may, or its bond may do. */
  private refusalOf(request: PairRequest): Error | undefined {
    const { encryption } = this;
    const isBondsTurn = !encryption.security.isEncrypted && encryption.findUsableBond() !== undefined;
    if (isBondsTurn) return undefined;
    if (isApplications(request)) {
      const { proven } = encryption;
      const isWorn = request.settings.bond && proven && !this.port.bonds.canRewrite(proven, true);
      return isWorn ? wornError() : undefined;
    }
    const reason = this.terms.admit(this.terms.ofThisSide(request.settings, request));
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

  /** A Security Request has this side pair, where the peer may begin to and this side's user does not put it off. */
  private initiateForPeer(settings: PairingSettings): void {
    if (this.shared.user?.pairsLater) return;
    const reason = this.terms.admit(this.terms.ofThisSide(settings, undefined));
    if (reason === 0) this.initiate(settings, undefined);
    else this.refuse(reason);
  }

  // Encryption.

  /** The peer's link layer asks for a key. */
  keyRequested(ediv: number, rand: Uint8Array): void {
    // The central is who encrypts (Vol 6, Part B, 5.1.3.1): a key that it gave would be of use to nobody but who asks wrongly.
    if (this.link.isCentral) return this.port.answerKeyRequest(this.link, undefined);
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
    if (this.pairing) this.pairing.feed({ is: "encryption", status });
    else if (status !== 0) this.unproven(encryptionError(status));
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
    if (code === pairingRequest.code) {
      // Where this side has asked it to, that is what it pairs for.
      const request = this.isRequesting ? this.requests.first : undefined;
      this.stopRequesting();
      return this.respond(pdu, request);
    }
    if (code === pairingFailed.code) return this.requestRefused(pdu);
    if (code !== securityRequest.code) return; // Belongs to no pairing.
    if (pdu.length !== length) return this.refuse(PAIRING_FAILURE.INVALID_PARAMETERS);
    this.securityRequested(fieldsOf(securityRequest, pdu).authReq);
  }

  private refuse(reason: number): void {
    this.transmit(encodeSmp(pairingFailed, { reason }));
  }

  /** The peripheral asks for encryption (2.4.6). */
  private securityRequested(authReq: number): void {
    const { encryption } = this;
    if (encryption.isChanging) {
      this.postponedAuthReq = (this.postponedAuthReq ?? 0) | authReq;
      return;
    }
    const settings = raisedBy(authReq, this.terms.configured(this.shared.user));
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
    this.unpaired(undefined, pairingFailedError(reason, "peer"));
  }

  private stopRequesting(): void {
    if (!this.isRequesting) return;
    this.isRequesting = false;
    this.timer.stop();
  }

  // Pairing.

  /** What was paired for one serves all who ask no more. A peer that keeps no keys is no failure. */
  protected paired(request: PairRequest | undefined, error: unknown): void {
    const { requests } = this;
    for (const waiting of requests.all) {
      if (waiting === request || isEnough(this.encryption.security, waiting.settings))
        requests.settle(waiting, error);
    }
    this.serve();
  }

  /** A pairing, or the wish for one, has not come about, for this request or else the first. */
  protected unpaired(request: PairRequest | undefined, error: Error): void {
    const { requests } = this;
    requests.settle(request ?? requests.first, error);
    this.unproven(error);
    this.serve();
  }

  /** There was no progress for 30 s. */
  timedOut(): void {
    if (this.pairing) {
      this.isMute = true;
      return this.failed(this.pairing, PAIRING_FAILURE.UNSPECIFIED, "peer", timeoutError());
    }
    // The central ignored a Security Request. It may pair yet: only the wait for it is over.
    this.isRequesting = false;
    this.unpaired(undefined, ignoredError());
  }
}
