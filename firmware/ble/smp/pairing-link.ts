/** The pairing that is under way on one link, and what comes of it for the link, its bond and the windows. */
import { formatAddress } from "../codec.ts";
import { isSuspicious } from "./attempts.ts";
import { keepBond } from "./bonding.ts";
import type { SecurityContext } from "./context.ts";
import { isEnough } from "./demands.ts";
import { givenUpError, pairingFailedError } from "./failure.ts";
import type { Bond } from "./keys.ts";
import { LinkEncryption, UNSPECIFIED_ERROR } from "./link-encryption.ts";
import { Pairing, type PairingHandlers } from "./pairing.ts";
import { PAIRING_FAILURE } from "./pdus.ts";
import type { PairRequest, SecuredLink } from "./port.ts";
import { isApplications, PairRequests } from "./requests.ts";
import type { FailureSource, Level, PairingContext, PairingResult, PairingSettings, Step } from "./state.ts";
import { initiate, respondTo } from "./step.ts";
import { LinkTerms, type Terms } from "./terms.ts";
import { ProgressTimer, type TimerOwner } from "./timer.ts";

/** So long a peer has to take in why its pairing has failed. */
const FAREWELL_MS = 1000;

/** How a link pairs, once `SecurityLink` has said that it is to. */
export abstract class PairingLink implements PairingHandlers, TimerOwner {
  protected readonly link: SecuredLink;
  protected readonly shared: SecurityContext;
  /** Its address as it stands in the log. */
  private readonly peer: string;
  readonly encryption: LinkEncryption;
  protected readonly terms: LinkTerms;
  protected readonly timer: ProgressTimer;
  protected readonly requests = new PairRequests();
  protected pairing: Pairing | undefined = undefined;
  protected isClosed = false;

  constructor(link: SecuredLink, shared: SecurityContext) {
    this.link = link;
    this.shared = shared;
    this.peer = formatAddress(link.peerAddress.address);
    this.encryption = new LinkEncryption(link, shared, this.peer, (status) => this.encryptionChanged(status));
    this.terms = new LinkTerms(link, shared, this.encryption, this.peer);
    this.timer = new ProgressTimer(shared.port.clock, this);
  }

  /** The link is encrypted, or the controller's error code says why not. */
  abstract encryptionChanged(status: number): void;

  /** There was no progress for 30 s. */
  abstract timedOut(): void;

  /**
   * A pairing is over, and its key encrypts the link.
   * @param request what it was for; undefined: the peer began
   * @param error why its bond was not kept; undefined: nothing is wrong with that
   */
  protected abstract paired(request: PairRequest | undefined, error: unknown): void;

  /** A pairing is over, and has not come about. @param request what it was for; undefined: the peer began */
  protected abstract unpaired(request: PairRequest | undefined, error: Error): void;

  /** The link has ended, with all that was under way. Whoever waits ends with the link. */
  close(): void {
    this.isClosed = true;
    this.requests.clear();
    this.encryption.abandon();
    if (this.pairing) noteFailure(this.pairing);
    this.drop();
  }

  /** This side begins. @param request what for; undefined: its peer has asked for security */
  protected initiate(settings: PairingSettings, request: PairRequest | undefined): void {
    this.start(this.terms.ofThisSide(settings, request), initiate);
  }

  /** The peer begins. @param request for which this side has asked it to: that is what it pairs for */
  protected respond(pdu: Uint8Array, request: PairRequest | undefined): void {
    const terms = this.terms.ofPeer(request);
    const isBusy = this.shared.isBusy(terms.user, this.link);
    const refusal = isBusy ? PAIRING_FAILURE.BUSY : this.terms.admit(terms);
    this.start(terms, (context) => respondTo(context, pdu, refusal));
  }

  private start(terms: Terms, first: (context: PairingContext) => Step): void {
    const { context, occasion } = this.terms.begin(terms);
    this.pairing = new Pairing(this.link, this.shared, context, occasion, this);
    // The time runs from the Pairing Request on, in the responder too (3.4): it may send nothing until its user consents.
    this.prolong();
    this.pairing.begin(first);
  }

  /** A window has closed: its pairing ends if nothing else lets it in. */
  endUnadmitted(): void {
    const { pairing } = this;
    if (!pairing || this.terms.mayGoOn(pairing.occasion)) return;
    pairing.feed({ is: "cancel", reason: PAIRING_FAILURE.PAIRING_NOT_SUPPORTED });
  }

  private drop(): void {
    const { pairing } = this;
    this.pairing = undefined;
    this.timer.stop();
    this.shared.spend(pairing?.usedOutOfBand);
    pairing?.drop();
  }

  // What the pairing asks for.

  protected transmit(pdu: Uint8Array): void {
    this.link.channel.send(0, pdu, 0, pdu.length);
  }

  send(pdu: Uint8Array): void {
    this.transmit(pdu);
    this.prolong();
  }

  /** The time is up anew after the Pairing Request, each PDU that is queued, and each digit that the peer's user types. */
  prolong(): void {
    this.timer.prolong();
  }

  encrypt(key: Uint8Array, level: Level): void {
    this.encryption.startWithPairing(key, level);
  }

  answerKey(key: Uint8Array | undefined, level: Level): void {
    this.encryption.answerWithPairing(key, level);
  }

  finished(pairing: Pairing, result: PairingResult): void {
    const { encryption, link, peer, shared } = this;
    const { port } = shared;
    const { applicationWindow, isFirmwares, request } = pairing.occasion;
    this.drop();
    port.log("info", `smp: link ${link.handle} is paired: ${result.method}`);
    const error = result.isBonding ? this.keep(pairing, result) : undefined;
    // After the bond, which has a right to the window that this may close.
    shared.pairingSucceeded(peer, isApplications(request) ? undefined : applicationWindow);
    // `config` may demand more by now than when it began.
    if (!isFirmwares) encryption.demandsChanged();
    port.onSecurity(link, 0, false);
    this.paired(request, error);
  }

  /** The application wants no more than what the link has now, and has decided so for this device. */
  private get isWanted(): boolean {
    const { security } = this.encryption;
    return this.requests.all.some(
      (request) => isApplications(request) && isEnough(security, request.settings),
    );
  }

  /** Keeps the bond; returns why that failed. */
  private keep(pairing: Pairing, result: PairingResult): unknown {
    const { peerLog, port } = this.shared;
    let bond: Bond | undefined;
    try {
      const attendance = this.terms.attendanceOf(pairing, this.isWanted);
      bond = keepBond(
        { bonds: port.bonds, log: peerLog.write, onOutdated: () => this.endUnkept() },
        this.link,
        pairing,
        result,
        attendance,
      );
    } catch (error) {
      return error;
    }
    if (bond) this.encryption.bonded(bond);
    return undefined;
  }

  failed(pairing: Pairing, reason: number, source: FailureSource, cause?: Error): void {
    const { link, peer, requests, shared } = this;
    this.drop();
    const { request } = pairing.occasion;
    const isGivenUp = source === "local" && request !== undefined && !requests.all.includes(request);
    const error = cause ?? (isGivenUp ? givenUpError() : pairingFailedError(reason, source));
    const isPeers = source === "peer" || (source === "local" && isSuspicious(reason) && !cause && !isGivenUp);
    noteFailure(pairing);
    if (!isApplications(request) && isPeers) shared.peerFailed(peer, pairing.wasGuess);
    shared.failedPairings++;
    shared.peerLog.write("warning", `smp: link ${link.handle}: pairing failed: ${error.message}`);
    shared.port.onSecurity(link, reason || UNSPECIFIED_ERROR, false);
    if (this.isClosed) return;
    if (pairing.hasGivenKey) this.endUnkept();
    this.unpaired(request, error);
  }

  /**
   * The key of a pairing that did not come about, or whose bond is not kept in place of another, encrypts the link, or is about to,
   * and nobody answers for it: the link ends, once the peer has been told why or does not listen.
   */
  private endUnkept(): void {
    const { link, shared } = this;
    const { port } = shared;
    let isOver = false;
    const end = (): void => {
      if (!isOver && !this.isClosed) port.endLink(link);
      isOver = true;
    };
    port.clock.setTimer(end, FAREWELL_MS);
    port.whenDelivered(link, end);
  }
}

/** What the application has not brought about in the firmware's own window, the firmware does. */
function noteFailure({ occasion: { isFirmwares, window } }: Pairing): void {
  if (window && !isFirmwares) window.hasApplicationFailed = true;
}
