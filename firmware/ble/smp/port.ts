/** What the Security Manager is handed, and what it is asked by the layers above it. */
import type { Clock, Crypto, LogLevel } from "../../platform/platform.ts";
import type { Channel } from "../l2cap/channel.ts";
import type { LinkSecurity } from "../security.ts";
import type { Bond, BondKeeper, Identity, LongTermKey } from "./keys.ts";
import type { OutOfBand, PairingSettings, Question } from "./state.ts";

/** A link as the Security Manager sees it. */
export interface SecuredLink {
  readonly handle: number;
  /** Of this device: the central initiates. */
  readonly isCentral: boolean;
  /** This device's address on the air when the link was made. */
  readonly ownAddress: Identity;
  /** The peer's. */
  readonly peerAddress: Identity;
  readonly channel: Channel;
  /** What is known of its protection has changed. @param bond whose key encrypts it. */
  secured(security: LinkSecurity, bond: Bond | undefined): void;
}

/** When peers may begin to pair. */
export type PairingPolicy =
  /** Always. */
  | "always"
  /** While a pairing window is open. */
  | "window"
  /** Those that are bonded already. */
  | "bonded"
  /** Never, and this side does not either. */
  | "never";

/** What a client does by itself: as a central that has connected to a bonded peer, and when a peer demands protection. */
export type AutoPairing =
  /** Encrypts with the bond that there is, before anything is asked of the peer. Pairs when the peer demands it. */
  | "pair"
  /** Encrypts with the bond that there is. */
  | "encrypt"
  /** Nothing: an operation that the peer refuses ends with the peer's error. */
  | "never";

/** What `config` says about pairing. */
export interface SecuritySettings {
  readonly pairing: PairingPolicy;
  readonly bond: boolean;
  readonly mitm: boolean;
  readonly io: number;
  readonly leSecure: boolean;
  readonly minKeySize: number;
  readonly secureOnly: boolean;
  /** Milliseconds in which a bonded central may encrypt by itself before it is asked to; 0: it is not asked. */
  readonly securityRequestMs: number;
}

/** What the Security Manager of a host is made of. */
export interface SecurityPort {
  readonly clock: Clock;
  readonly crypto: Crypto;
  random(length: number): Uint8Array;
  readonly settings: SecuritySettings;
  readonly bonds: BondKeeper;
  /** The Identity Address of this device. */
  ownIdentity(): Identity;
  /** The central starts to encrypt; rejects when the controller refuses. */
  encrypt(link: SecuredLink, key: LongTermKey): Promise<unknown>;
  /** The peripheral answers for a key; undefined: there is none. */
  answerKeyRequest(link: SecuredLink, key: Uint8Array | undefined): void;
  /** Calls back when the peer has everything that was sent on this link. Returns what withdraws the wait. */
  whenDelivered(link: SecuredLink, callback: () => void): () => void;
  /** The central of this link was to encrypt it, and has not, for this reason. It may yet. */
  onUnproven(link: SecuredLink, error: unknown): void;
  /** The peer does not go on with what has begun: its link is to end. */
  endLink(link: SecuredLink): void;
  /**
   * The protection of a link has changed, or with another status than 0 it could not be encrypted. In the middle of a pairing
   * (`isPairing`) another report follows, when the keys are exchanged, or it has failed.
   */
  onSecurity(link: SecuredLink, status: number, isPairing: boolean): void;
  /** The bond whose key encrypts this link is deleted, or another has taken its place: what is kept of it is not this link's any more. */
  onBondLost(link: SecuredLink): void;
  log(level: LogLevel, message: string, error?: unknown): void;
}

/** What this side's user is asked or told. */
export interface Dialog {
  readonly link: SecuredLink;
  readonly question: Question;
  /** Whether the peer is bonded already: its pairing replaces that bond. */
  readonly isBonded: boolean;
  /**
   * The user's answer: to "input" the number, to "display" the number that is shown in place of the one in the question or
   * undefined to keep that, to "compare" and "consent" whether it is so. `undefined` to "input" gives up. Only the first
   * answer counts, and none after the pairing is over.
   */
  answer(value: number | boolean | undefined): void;
}

/** Whoever asks this side's user. */
export interface PairingUser {
  /** IO capability that it amounts to (Vol 3, Part H, Table 3.4). */
  readonly io: number;
  /** It wants to be asked before a peer's pairing goes on. */
  readonly asksConsent: boolean;
  /**
   * A peripheral's wish for security waits until `pair` is called here: this side does not pair by itself. The bond that there is
   * encrypts at once all the same.
   */
  readonly pairsLater?: boolean;
  /** It wants to hear of digits that the peer's user types. */
  readonly hearsKeypresses: boolean;
  /** What it knows of a peer by another way, for pairings that peers begin. */
  readonly outOfBand: OutOfBand;
  ask(dialog: Dialog): void;
  /**
   * The pairing is over, well or not: nothing of what was asked or told is of use any more. Called once for each dialog, answered or
   * not, and nothing is kept of it afterwards.
   */
  withdraw(dialog: Dialog): void;
  keypress(link: SecuredLink, kind: number): void;
}

/**
 * Who wants a pairing that this side asks for. Only the application decides about a device: what a peer brings about is held to
 * what `config` says of peers that begin to pair, in whichever way it does.
 */
export type PairingOrigin =
  /** The application has called `pair` for this connection. */
  | "application"
  /** The peer has refused an operation for want of protection. */
  | "refusal";

/** What `pair` asks for. */
export interface PairRequest {
  readonly origin: PairingOrigin;
  readonly settings: PairingSettings;
  readonly user: PairingUser | undefined;
  readonly outOfBand: OutOfBand;
  /** Exactly one of the two is called, once, unless the request is withdrawn. */
  onPaired(): void;
  onFailed(error: unknown): void;
}
