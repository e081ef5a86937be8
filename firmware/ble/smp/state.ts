/** What a pairing knows, hears and asks for: the types of `step` (step.ts). */
import type { Identity, LongTermKey } from "./keys.ts";
import type { Choice, PairingMethod } from "./method.ts";
import type { Ciphers } from "./toolbox.ts";

/** The central of a link initiates, its peripheral responds (Vol 3, Part H, 2.1). */
export type PairingRole = "initiator" | "responder";

/** What a pairing has to show for itself, and what is compared when a bond is to be replaced. */
export interface Level {
  readonly isAuthenticated: boolean;
  readonly isSecureConnections: boolean;
  /** 7 to 16 bytes. */
  readonly keySize: number;
}

/** What this side can do, wants and demands. */
export interface PairingSettings {
  /** IO capability, 0 to 4 (Vol 3, Part H, Table 3.4). */
  readonly io: number;
  /** To keep the keys. */
  readonly bond: boolean;
  /** Demands that the key is authenticated, and asks for a method that does so. */
  readonly mitm: boolean;
  /** Asks for such a method without the demand: what both sides can do together is taken. Left out: only `mitm` asks. */
  readonly asksMitm?: boolean;
  /** LE Secure Connections: not offered, offered, or demanded. */
  readonly secureConnections: "off" | "on" | "only";
  /** Bytes of the shortest key that is taken, 7 to 16. */
  readonly minKeySize: number;
  /** Secure Connections Only mode (Vol 3, Part C, 10.2.4): nothing below security mode 1 level 4. */
  readonly secureOnly: boolean;
  /** Methods that are taken; undefined: all. */
  readonly methods: readonly PairingMethod[] | undefined;
  /** To hear of digits that the peer's user types. */
  readonly keypress: boolean;
  /** Takes the key pair of the Specification, whose private half everybody knows (Vol 3, Part H, 2.3.5.6.1). */
  readonly debugKeys: boolean;
}

/** A P-256 key pair: 32 and 64 bytes. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** What travelled by another way than the link (Vol 3, Part H, 2.3.5.4 and 2.3.5.6.4). All most significant byte first. */
export interface OutOfBand {
  /** The peer's commitment to its next key pair, for LE Secure Connections. */
  readonly peer?: { readonly confirm: Uint8Array; readonly random: Uint8Array } | undefined;
  /** What this side handed out the commitment of. */
  readonly own?: (KeyPair & { readonly random: Uint8Array }) | undefined;
  /** The temporary key of legacy pairing, 16 bytes. */
  readonly temporaryKey?: Uint8Array | undefined;
}

/** What does not change in the course of a pairing. */
export interface PairingContext {
  readonly ciphers: Ciphers;
  random(length: number): Uint8Array;
  readonly settings: PairingSettings;
  readonly outOfBand: OutOfBand;
  /** This device's address on the air when the link was made: type, then six bytes. */
  readonly ownAddress: Uint8Array;
  /** The peer's. */
  readonly peerAddress: Uint8Array;
  /** What this device distributes. */
  readonly identity: Identity;
  ownIrk(): Uint8Array;
  /** Of the bond with this peer that there is. */
  readonly previous: Level | undefined;
  /** The peer has proved that it is the bonded one, or this side's user takes part: a bond may be replaced. */
  readonly isTrusted: boolean;
  /** The application wants to be asked before a peer's pairing goes on. */
  readonly asksConsent: boolean;
  /** Whether this identity belongs to another device, whose bond a pairing of this level may not replace. */
  isTaken(identity: Identity, irk: Uint8Array | undefined, level: Level): boolean;
  /**
   * Why what has come of the pairing may not be, as the bonds, the windows and `config` are now: the reason of Pairing Failed, or
   * 0. What it knew at its beginning is an answer of that time.
   */
  refusalOf(result: PairingResult): number;
}

/** What a peer can do and wants, as its Pairing Request or Response says. */
export interface PeerFeatures {
  readonly ioCapability: number;
  readonly oobDataFlag: number;
  readonly authReq: number;
  readonly maximumEncryptionKeySize: number;
  readonly initiatorKeyDistribution: number;
  readonly responderKeyDistribution: number;
}

export type Phase =
  /** The initiator waits for the Pairing Response. */
  | "features"
  /** This side waits for its application's consent. */
  | "consent"
  /** Public keys, of LE Secure Connections. */
  | "keys"
  /** Commitments and nonces. */
  | "exchange"
  /** DHKey checks, of LE Secure Connections. */
  | "check"
  | "encrypting"
  | "distributing"
  /** What was distributed is on its way. */
  | "sent"
  | "over";

/** Keys that the peer has distributed so far. */
export interface Received {
  readonly longTermKey?: Uint8Array;
  readonly named?: { readonly ediv: number; readonly rand: Uint8Array };
  readonly irk?: Uint8Array;
  readonly identity?: Identity;
}

/** Everything about one pairing, changed by `step` alone. What is undefined is not there yet. */
export interface State {
  readonly role: PairingRole;
  readonly phase: Phase;
  /** The bits of the PDUs that may come (`SmpPdu.bit`). */
  readonly expects: number;
  /** The features PDUs as they were on the air. */
  readonly request: Uint8Array | undefined;
  readonly response: Uint8Array | undefined;
  readonly own: PeerFeatures;
  readonly peer: PeerFeatures;
  readonly isSecureConnections: boolean;
  readonly choice: Choice;
  readonly keySize: number;
  readonly isBonding: boolean;
  readonly usesKeypress: boolean;
  readonly keyPair: KeyPair | undefined;
  readonly peerPublicKey: Uint8Array | undefined;
  /** The x coordinates of both public keys, once both are there. */
  readonly ownX: Uint8Array | undefined;
  readonly peerX: Uint8Array | undefined;
  readonly sharedSecret: Uint8Array | undefined;
  /** From 0. */
  readonly round: number;
  /** Temporary key, or passkey, as 16 bytes. */
  readonly secret: Uint8Array | undefined;
  readonly passkey: number | undefined;
  readonly nonce: Uint8Array | undefined;
  readonly confirm: Uint8Array | undefined;
  readonly peerConfirm: Uint8Array | undefined;
  readonly peerNonce: Uint8Array | undefined;
  /** The user has said that the numbers are equal, or there are none to compare. */
  readonly isCompared: boolean;
  readonly macKey: Uint8Array | undefined;
  readonly isCheckSent: boolean;
  readonly peerCheck: Uint8Array | undefined;
  /** STK or LTK, of which `keySize` bytes count. */
  readonly key: Uint8Array | undefined;
  /** Codes of the key PDUs that the peer has yet to send. */
  readonly awaited: readonly number[];
  readonly received: Received;
  /** It ended because the peer does not know what only its user could have given it: it may be guessing. */
  readonly wasGuess: boolean;
  /** The long term key that this side distributed, in legacy pairing. */
  readonly distributed: LongTermKey | undefined;
}

/** What happens to a pairing. */
export type Input =
  /** A PDU, from its code on. */
  | { readonly is: "pdu"; readonly pdu: Uint8Array }
  | { readonly is: "keyPair"; readonly keyPair: KeyPair }
  /** Undefined: the peer's public key is not on the curve. */
  | { readonly is: "sharedSecret"; readonly sharedSecret: Uint8Array | undefined }
  | { readonly is: "consent"; readonly granted: boolean }
  /** What the user typed, or the number to show instead of the one that was drawn; undefined: the user gave up. */
  | { readonly is: "passkey"; readonly passkey: number | undefined }
  | { readonly is: "compared"; readonly isEqual: boolean }
  /** The peer's link layer asks for the key. */
  | { readonly is: "keyRequest"; readonly ediv: number; readonly rand: Uint8Array }
  /** The link is encrypted with `key`, or the controller's error code says why not. */
  | { readonly is: "encryption"; readonly status: number }
  /** The peer has everything that was sent. */
  | { readonly is: "delivered" }
  /** This side gives up. */
  | { readonly is: "cancel"; readonly reason: number };

/** A question to the user of this side. */
export type Question =
  | { readonly asks: "consent"; readonly method: PairingMethod; readonly level: Level }
  | { readonly asks: "display"; readonly passkey: number }
  | { readonly asks: "input" }
  | { readonly asks: "compare"; readonly number: number };

/** What a pairing has come to. */
export interface PairingResult {
  readonly level: Level;
  readonly method: PairingMethod;
  readonly isBonding: boolean;
  readonly irk: Uint8Array | undefined;
  /** The peer's, where it distributed one. */
  readonly identity: Identity | undefined;
  readonly keyAsPeripheral: LongTermKey | undefined;
  readonly keyAsCentral: LongTermKey | undefined;
}

/** Who found that a pairing cannot go on. */
export type FailureSource = "local" | "peer" | "controller";

/** What a pairing wants done. */
export type Output =
  | { readonly do: "send"; readonly pdu: Uint8Array }
  | { readonly do: "createKeyPair" }
  | { readonly do: "computeSharedSecret"; readonly privateKey: Uint8Array; readonly publicKey: Uint8Array }
  | { readonly do: "ask"; readonly question: Question }
  /** The peer's user typed something (Vol 3, Part H, 3.5.8). */
  | { readonly do: "showKeypress"; readonly kind: number }
  /** The central starts to encrypt with this key. */
  | { readonly do: "encrypt"; readonly key: Uint8Array; readonly level: Level }
  /** The peripheral answers for the key; undefined: there is none to give. */
  | { readonly do: "answerKey"; readonly key: Uint8Array | undefined; readonly level: Level }
  | { readonly do: "awaitDelivery" }
  | { readonly do: "finish"; readonly result: PairingResult }
  /** @param reason of Pairing Failed, or the controller's error code. */
  | { readonly do: "fail"; readonly reason: number; readonly source: FailureSource };

export interface Step {
  readonly state: State;
  readonly outputs: readonly Output[];
}
