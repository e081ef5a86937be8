/** What the links of a host share of its Security Manager (Vol 3, Part H): who may pair, who is asked, what is computed. */
import type { Timer } from "../../platform/platform.ts";
import { PeerLog } from "../peer-log.ts";
import { Attempts } from "./attempts.ts";
import { FirmwareWindow } from "./firmware-window.ts";
import type { PairingUser, SecuredLink, SecurityPort } from "./port.ts";
import type { KeyPair, OutOfBand } from "./state.ts";
import { f4, xOf } from "./toolbox.ts";

/** So many failed authentications close a pairing window. */
export const WINDOW_FAILURES = 3;

/** Draws of a private key that are not in its range, after which the random numbers are none. */
const DRAWS_MAX = 8;

/** An open pairing window of the application. */
export interface PairingWindow {
  timer: Timer;
  /** Pairings that it is still good for. */
  left: number;
  /** Authentications that have failed. */
  failures: number;
}

/** What this side hands out out of band for its next pairing (Vol 3, Part H, 2.3.5.6.4). */
export interface LocalOutOfBand {
  readonly random: Uint8Array;
  readonly confirm: Uint8Array;
}

export abstract class SecurityContext {
  readonly port: SecurityPort;
  readonly attempts: Attempts;
  /** For every line that a peer can cause, as often as it likes. */
  readonly peerLog: PeerLog;
  /** Asks this side's user where a call of `pair` brings nobody of its own: the application's agent, and after it */
  agent: PairingUser | undefined = undefined;
  /** the handler of events by numbers. */
  handler: PairingUser | undefined = undefined;
  /** Pairings that have failed since the start, whoever began them. */
  failedPairings = 0;
  /** Users that have been asked on a link, and have not answered. */
  private readonly asking = new Map<SecuredLink, PairingUser>();
  private window: PairingWindow | undefined = undefined;
  private ownWindow: FirmwareWindow | undefined = undefined;
  /** Handed out out of band, for one pairing. */
  private handedOut: OutOfBand["own"] = undefined;
  /** Computations on P-256, one a turn of the event loop. */
  private readonly computations: (() => void)[] = [];

  constructor(port: SecurityPort) {
    this.port = port;
    this.attempts = new Attempts(port.clock);
    this.peerLog = new PeerLog(port);
  }

  get user(): PairingUser | undefined {
    return this.agent ?? this.handler;
  }

  /** A window has closed: pairings that nothing else lets in are to end. */
  protected abstract endUnadmitted(): void;

  /**
   * Opens the window in which peers may pair. One that is open goes on with this duration and count, for pairings under way too.
   * Three failed authentications close it.
   * @param count pairings after which it closes
   */
  openWindow(durationMs: number | undefined, count: number): void {
    const { clock } = this.port;
    if (this.window?.timer !== undefined) clock.clearTimer(this.window.timer);
    const timer = durationMs === undefined ? undefined : clock.setTimer(() => this.closeWindow(), durationMs);
    this.window = Object.assign(this.window ?? {}, { timer, left: count, failures: 0 });
    if (this.isWindowOpen) this.port.log("info", "smp: the pairing window is open");
    else {
      this.port.log("warning", 'smp: the pairing window lets nobody pair while config says pairing: "never"');
    }
  }

  closeWindow(): void {
    if (!this.window) return;
    const { timer } = this.window;
    if (timer !== undefined) this.port.clock.clearTimer(timer);
    this.window = undefined;
    this.port.log("info", "smp: the pairing window is closed");
    this.endUnadmitted();
  }

  /** The window that lets peers pair. None does while `config` says that nobody does. */
  get openedWindow(): PairingWindow | undefined {
    return this.port.settings.pairing === "never" ? undefined : this.window;
  }

  get isWindowOpen(): boolean {
    return this.openedWindow !== undefined;
  }

  /**
   * Opens the firmware's own window, beside that of the application, which can neither close nor replace it.
   * It lasts `durationMs`, and takes one device.
   * @param onTaken it has taken that one
   * @param replaces that one may take the place of a bonded device, and need not show that it is that one
   */
  openFirmwareWindow(durationMs: number, onTaken: () => void, replaces = false): void {
    const { clock, log } = this.port;
    const window = new FirmwareWindow(replaces, () => {
      log("info", "smp: the firmware's pairing window has its device, and is closed for others");
      onTaken();
      this.endUnadmitted();
    });
    this.ownWindow?.close();
    this.ownWindow = window;
    log("info", "smp: the firmware's pairing window is open, for one device");
    clock.setTimer(() => {
      if (this.ownWindow !== window) return;
      this.ownWindow = undefined;
      window.close();
      log("info", "smp: the firmware's pairing window is closed");
      this.endUnadmitted();
    }, durationMs);
  }

  /** The firmware's own window, while it is open. */
  get firmwareWindow(): FirmwareWindow | undefined {
    return this.ownWindow;
  }

  /** A pairing has come about. @param window of the application, which was open for it. */
  pairingSucceeded(peer: string, window: PairingWindow | undefined): void {
    this.attempts.succeeded(peer);
    if (!window || window !== this.window) return;
    window.left--;
    if (window.left === 0) this.closeWindow();
  }

  /**
   * A pairing that a peer began has failed by its doing: the peer has to wait before it may try again.
   * @param wasGuess authentication failed. Only that counts for an open window: what guesses nothing costs a stranger
   *   nothing, and would take the window from its owner.
   */
  peerFailed(peer: string, wasGuess: boolean): void {
    this.attempts.failed(peer);
    if (!this.window || !wasGuess) return;
    this.window.failures++;
    if (this.window.failures === WINDOW_FAILURES) {
      this.port.log("warning", "smp: three authentications failed; the pairing window closes");
      this.closeWindow();
    }
  }

  /** A user has been asked on this link; undefined: no longer. */
  asks(link: SecuredLink, user: PairingUser | undefined): void {
    if (user) this.asking.set(link, user);
    else this.asking.delete(link);
  }

  /** Whether another link waits for this user. */
  isBusy(user: PairingUser | undefined, besides: SecuredLink): boolean {
    for (const [link, asked] of this.asking) if (link !== besides && asked === user) return true;
    return false;
  }

  /** A computation on P-256 takes millions of instructions: each has a turn of its own, after what waits to be sent. */
  compute(computation: () => void): void {
    this.computations.push(computation);
    if (this.computations.length === 1) this.scheduleComputation();
  }

  private scheduleComputation(): void {
    this.port.clock.setTimer(() => {
      const computation = this.computations.shift();
      if (this.computations.length > 0) this.scheduleComputation();
      computation?.();
    }, 0);
  }

  /** @throws Error when the platform has no entropy. */
  createKeyPair(): KeyPair {
    const { crypto } = this.port;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const privateKey = this.port.random(32);
      const publicKey = crypto.p256PublicKey(privateKey);
      if (publicKey) return { privateKey, publicKey };
    }
    throw new Error(`no private key among ${DRAWS_MAX} draws: the platform's random numbers are none`);
  }

  /** What to hand to the peer by another way, for the next pairing. Each call takes the place of what was handed out before. */
  createOutOfBand(): LocalOutOfBand {
    const { crypto } = this.port;
    const keyPair = this.createKeyPair();
    const random = this.port.random(16);
    this.handedOut = { ...keyPair, random };
    const x = xOf(keyPair.publicKey);
    return { random: random.slice(), confirm: f4(crypto, x, x, random, 0) };
  }

  /** What was handed out out of band. */
  get outOfBand(): OutOfBand["own"] {
    return this.handedOut;
  }

  /** A pairing used this, which was handed out: it serves no other. */
  spend(own: OutOfBand["own"]): void {
    if (!own || this.handedOut !== own) return;
    this.handedOut?.privateKey.fill(0);
    this.handedOut = undefined;
  }
}
