/**
 * The phone's Security Manager (Vol 3, Part H; section numbers are of that part): the initiator, as phones are, with a
 * display and keys (KeyboardDisplay), and a user who may be asked. It is written down as a conversation, and shares nothing
 * with the camera's but the table of PDUs.
 */
import { decode, encode, type Fields, type Values, viewOf, Writer } from "../../firmware/ble/codec.ts";
import {
  centralIdentification,
  encryptionInformation,
  identityAddressInformation,
  identityInformation,
  pairingConfirm,
  pairingDhkeyCheck,
  pairingFailed,
  pairingPublicKey,
  pairingRandom,
  pairingRequest,
  pairingResponse,
  type SmpPdu,
  securityRequest,
  signingInformation,
} from "../../firmware/ble/smp/pdus.ts";
import type { Clock } from "../../firmware/platform/platform.ts";
import { Deferred } from "./deadline.ts";
import { PairingFailedError, PhoneError } from "./errors.ts";
import type { Party, PhoneBond, PhoneSecurity } from "./security.ts";

/** The Security Manager's timer (3.4). */
const TIMEOUT_MS = 30_000;
const KEYBOARD_DISPLAY = 4;
const KEY_SIZE = 16;
/** 3.6.1 */
const KEYS = { ENCRYPTION: 1, IDENTITY: 2, SIGNING: 4 } as const;
const AUTH = { BONDING: 1, MITM: 4, SECURE_CONNECTIONS: 8 } as const;
const PASSKEY_BITS = 20;

/** Reasons of Pairing Failed (3.5.5, Table 3.7), as far as this phone gives them. */
const REASON = {
  PASSKEY_ENTRY_FAILED: 0x01,
  OOB_NOT_AVAILABLE: 0x02,
  AUTHENTICATION_REQUIREMENTS: 0x03,
  CONFIRM_VALUE_FAILED: 0x04,
  ENCRYPTION_KEY_SIZE: 0x06,
  DHKEY_CHECK_FAILED: 0x0b,
  NUMERIC_COMPARISON_FAILED: 0x0c,
} as const;

/** The phone's user. */
export interface PhoneUser {
  /** The six digits that the camera shows; undefined gives up. */
  type?(): Promise<number | undefined>;
  /** The phone shows this number, for the camera's user to type. */
  show?(passkey: number): void;
  /** Whether the camera shows the same number. */
  compare?(number: number): boolean;
}

export interface PairOptions {
  /** Legacy pairing, as a phone before Bluetooth 4.2 has it. */
  readonly legacy?: boolean;
  readonly user?: PhoneUser;
  /** What the phone shows where the camera's user types; drawn when left out. */
  readonly passkey?: number;
}

/** How a pairing went. */
export interface Paired {
  readonly bond: PhoneBond | undefined;
  readonly isAuthenticated: boolean;
  readonly isSecureConnections: boolean;
}

/** The link that pairs. */
export interface PairingLink {
  readonly clock: Clock;
  readonly own: Party;
  readonly peer: Party;
  readonly isEncrypted: boolean;
  send(pdu: Uint8Array): void;
  /** Resolves when the camera has everything that was sent. */
  delivered(): Promise<void>;
  encrypt(longTermKey: Uint8Array, randomNumber?: Uint8Array, encryptedDiversifier?: number): Promise<void>;
}

type Method = "justWorks" | "compare" | "type" | "show";

/** What this phone and a camera with this IO capability do (2.3.5.1, Table 2.8, the column of a KeyboardDisplay). */
function methodFor(ioCapability: number, secureConnections: boolean): Method {
  if (ioCapability === 0) return "type";
  if (ioCapability === 1) return secureConnections ? "compare" : "type";
  if (ioCapability === 2) return "show";
  if (ioCapability === KEYBOARD_DISPLAY) return secureConnections ? "compare" : "show";
  return "justWorks";
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Type and address, seven bytes. */
function onAir({ addressType, address }: Party): Uint8Array {
  return Uint8Array.of(addressType & 1, ...address);
}

function bytesOf<F extends Fields>(pdu: SmpPdu<F>, values: Values<F>): Uint8Array {
  const writer = new Writer(pdu.length);
  writer.u8(pdu.code);
  writer.bytes(encode(pdu.fields, values));
  return writer.finish();
}

interface Agreement {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly method: Method;
  readonly secureConnections: boolean;
  readonly keySize: number;
  /** What each side sends in phase 3. */
  readonly ownKeys: number;
  readonly cameraKeys: number;
}

export class PhonePairing {
  private readonly security: PhoneSecurity;
  private readonly link: PairingLink;
  /** PDUs that nobody has waited for yet. */
  private readonly received: Uint8Array[] = [];
  private waiting: Deferred<void> | undefined = undefined;
  private isPairing = false;
  private ended: PhoneError | undefined = undefined;
  /** The camera has asked for security (2.4.6). */
  isAsked = false;

  constructor(security: PhoneSecurity, link: PairingLink) {
    this.security = security;
    this.link = link;
  }

  /** One PDU of the camera. */
  receive(pdu: Uint8Array): void {
    if (pdu[0] === securityRequest.code) {
      this.isAsked = true;
      // As phones do with a camera that they know; whether to pair is the user's to say.
      if (!this.isPairing && !this.link.isEncrypted) this.encryptWithBond().catch(() => {});
      return;
    }
    if (!this.isPairing) return;
    this.received.push(pdu);
    this.waiting?.resolve();
  }

  /** The link is gone. */
  close(error: PhoneError): void {
    this.ended = error;
    this.waiting?.reject(error);
  }

  /** Encrypts with the key of the bond; false when there is none. @throws PhoneError when it does not come about. */
  async encryptWithBond(): Promise<boolean> {
    const bond = this.security.find(this.link.peer);
    if (!bond) return false;
    const { encryptedDiversifier, longTermKey, randomNumber } = bond;
    await this.link.encrypt(longTermKey.slice().reverse(), randomNumber, encryptedDiversifier);
    return true;
  }

  /** Pairs, and bonds. @throws PairingFailedError, or PhoneError when the camera does not answer or the link ends. */
  async pair(options: PairOptions = {}): Promise<Paired> {
    if (this.isPairing) throw new PhoneError("the phone pairs already");
    this.isPairing = true;
    this.received.length = 0;
    try {
      const agreement = await this.agree(options);
      const { secureConnections } = agreement;
      const key = secureConnections
        ? await this.agreeOnSecureKey(agreement, options)
        : await this.agreeOnLegacyKey(agreement, options);
      await this.link.encrypt(key.slice().reverse());
      const isAuthenticated = secureConnections && agreement.method !== "justWorks";
      const bond = await this.exchangeKeys(agreement, key, isAuthenticated);
      await this.link.delivered();
      if (bond) this.security.keep(bond);
      return { bond, isAuthenticated, isSecureConnections: secureConnections };
    } finally {
      this.isPairing = false;
    }
  }

  private send<F extends Fields>(pdu: SmpPdu<F>, values: Values<F>): Uint8Array {
    const bytes = bytesOf(pdu, values);
    this.link.send(bytes);
    return bytes;
  }

  /** The next PDU, which is this one. */
  private async next<F extends Fields>(pdu: SmpPdu<F>): Promise<{ bytes: Uint8Array; values: Values<F> }> {
    for (;;) {
      const bytes = this.received.shift();
      if (!bytes) {
        if (this.ended) throw this.ended;
        this.waiting = new Deferred<void>(this.link.clock, TIMEOUT_MS, `the camera's ${pdu.name}`);
        await this.waiting.promise;
        continue;
      }
      if (bytes[0] === pairingFailed.code) throw new PairingFailedError(bytes[1] ?? 0, "camera");
      const values =
        bytes[0] === pdu.code && bytes.length === pdu.length
          ? decode(pdu.fields, viewOf(bytes), 1, bytes.length, true)
          : undefined;
      if (!values)
        throw new PhoneError(`the camera sent SMP code 0x${bytes[0]?.toString(16)}, not ${pdu.name}`);
      return { bytes, values };
    }
  }

  private end(reason: number): never {
    this.send(pairingFailed, { reason });
    throw new PairingFailedError(reason, "phone");
  }

  private async agree({ legacy = false }: PairOptions): Promise<Agreement> {
    const keys = KEYS.ENCRYPTION | (this.security.givesIdentity ? KEYS.IDENTITY : 0);
    const request = this.send(pairingRequest, {
      ioCapability: KEYBOARD_DISPLAY,
      oobDataFlag: 0,
      authReq: AUTH.BONDING | AUTH.MITM | (legacy ? 0 : AUTH.SECURE_CONNECTIONS),
      maximumEncryptionKeySize: KEY_SIZE,
      initiatorKeyDistribution: keys,
      responderKeyDistribution: keys,
    });
    const { bytes: response, values } = await this.next(pairingResponse);
    const { authReq, initiatorKeyDistribution, ioCapability, oobDataFlag } = values;
    const secureConnections = !legacy && (authReq & AUTH.SECURE_CONNECTIONS) !== 0;
    if (secureConnections && oobDataFlag !== 0) this.end(REASON.OOB_NOT_AVAILABLE);
    if (values.maximumEncryptionKeySize < KEY_SIZE) this.end(REASON.ENCRYPTION_KEY_SIZE);
    return {
      ...{ request, response, secureConnections },
      method: methodFor(ioCapability, secureConnections),
      keySize: KEY_SIZE,
      ownKeys: initiatorKeyDistribution & keys,
      cameraKeys: values.responderKeyDistribution & (keys | KEYS.SIGNING),
    };
  }

  private draw(): number {
    return this.security.random(4).reduce((number, byte) => number * 256 + byte, 0) % 1_000_000;
  }

  /** The passkey that both sides have, by this method; 0 where there is none. */
  private async passkeyOf(method: Method, { passkey, user }: PairOptions): Promise<number> {
    if (method === "show") {
      const shown = passkey ?? this.draw();
      user?.show?.(shown);
      return shown;
    }
    if (method !== "type") return 0;
    return (await user?.type?.()) ?? this.end(REASON.PASSKEY_ENTRY_FAILED);
  }

  /** 2.3.5.6 */
  private async agreeOnSecureKey(agreement: Agreement, options: PairOptions): Promise<Uint8Array> {
    const { link } = this;
    const { crypto, functions, random } = this.security;
    const { method, request, response } = agreement;
    const { privateKey, publicKey } = this.createKeyPair();
    const x = publicKey.slice(0, 32);
    this.send(pairingPublicKey, { x, y: publicKey.slice(32) });
    const camera = (await this.next(pairingPublicKey)).values;
    const secret =
      isSame(camera.x, x) || crypto.p256SharedSecret(privateKey, Uint8Array.of(...camera.x, ...camera.y));
    if (secret === true || secret === undefined) this.end(REASON.DHKEY_CHECK_FAILED);
    const passkey = await this.passkeyOf(method, options);
    const isPasskey = method === "type" || method === "show";
    let own: Uint8Array = random(16);
    let theirs: Uint8Array = own;
    for (let round = 0; round < (isPasskey ? PASSKEY_BITS : 1); round++) {
      own = random(16);
      const z = isPasskey ? 0x80 | ((passkey >> round) & 1) : 0;
      if (isPasskey) this.send(pairingConfirm, { confirmValue: functions.f4(x, camera.x, own, z) });
      const { confirmValue } = (await this.next(pairingConfirm)).values;
      this.send(pairingRandom, { randomValue: own });
      theirs = (await this.next(pairingRandom)).values.randomValue;
      if (!isSame(confirmValue, functions.f4(camera.x, x, theirs, z))) this.end(REASON.CONFIRM_VALUE_FAILED);
    }
    if (method === "compare") {
      const number = functions.g2(x, camera.x, own, theirs);
      if (!(options.user?.compare?.(number) ?? true)) this.end(REASON.NUMERIC_COMPARISON_FAILED);
    }
    const initiator = onAir(link.own);
    const responder = onAir(link.peer);
    const [macKey, longTermKey] = functions.f5(secret as Uint8Array, own, theirs, initiator, responder);
    const r = new Uint8Array(16);
    if (isPasskey) r.set([passkey >> 16, (passkey >> 8) & 0xff, passkey & 0xff], 13);
    const ioCap = (pdu: Uint8Array): Uint8Array => Uint8Array.of(pdu[3]!, pdu[2]!, pdu[1]!);
    const check = functions.f6(macKey, own, theirs, r, ioCap(request), initiator, responder);
    this.send(pairingDhkeyCheck, { dhkeyCheck: check });
    const { dhkeyCheck } = (await this.next(pairingDhkeyCheck)).values;
    const expected = functions.f6(macKey, theirs, own, r, ioCap(response), responder, initiator);
    if (!isSame(dhkeyCheck, expected)) this.end(REASON.DHKEY_CHECK_FAILED);
    return longTermKey;
  }

  private createKeyPair(): { privateKey: Uint8Array; publicKey: Uint8Array } {
    const { crypto, random } = this.security;
    for (;;) {
      const privateKey = random(32);
      const publicKey = crypto.p256PublicKey(privateKey);
      if (publicKey) return { privateKey, publicKey };
    }
  }

  /** 2.3.5.5: the short term key. */
  private async agreeOnLegacyKey(agreement: Agreement, options: PairOptions): Promise<Uint8Array> {
    const { functions, random } = this.security;
    const { method, request, response } = agreement;
    const passkey = await this.passkeyOf(method, options);
    const temporaryKey = new Uint8Array(16);
    temporaryKey.set([passkey >> 16, (passkey >> 8) & 0xff, passkey & 0xff], 13);
    const confirm = (of: Uint8Array): Uint8Array =>
      functions.c1(temporaryKey, of, request, response, onAir(this.link.own), onAir(this.link.peer));
    const own = random(16);
    const ownConfirm = confirm(own);
    this.send(pairingConfirm, { confirmValue: ownConfirm });
    const { confirmValue } = (await this.next(pairingConfirm)).values;
    this.send(pairingRandom, { randomValue: own });
    const { randomValue } = (await this.next(pairingRandom)).values;
    if (isSame(confirmValue, ownConfirm) || !isSame(confirmValue, confirm(randomValue))) {
      this.end(REASON.CONFIRM_VALUE_FAILED);
    }
    return functions.s1(temporaryKey, randomValue, own);
  }

  /** Phase 3 (2.4.3): the camera's keys first. */
  private async exchangeKeys(
    { cameraKeys, ownKeys, secureConnections }: Agreement,
    agreedKey: Uint8Array,
    isAuthenticated: boolean,
  ): Promise<PhoneBond | undefined> {
    const { link, security } = this;
    let longTermKey = secureConnections ? agreedKey : undefined;
    let encryptedDiversifier = 0;
    let randomNumber: Uint8Array = new Uint8Array(8);
    let irk: Uint8Array | undefined;
    let camera: Party = { addressType: link.peer.addressType & 1, address: link.peer.address };
    if (!secureConnections && (cameraKeys & KEYS.ENCRYPTION) !== 0) {
      ({ longTermKey } = (await this.next(encryptionInformation)).values);
      ({ encryptedDiversifier, randomNumber } = (await this.next(centralIdentification)).values);
    }
    if ((cameraKeys & KEYS.IDENTITY) !== 0) {
      const { identityResolvingKey } = (await this.next(identityInformation)).values;
      if (identityResolvingKey.some((byte) => byte !== 0)) irk = identityResolvingKey;
      const { addressType, bdAddr } = (await this.next(identityAddressInformation)).values;
      camera = { addressType, address: bdAddr };
    }
    if ((cameraKeys & KEYS.SIGNING) !== 0) await this.next(signingInformation);
    if (!secureConnections && (ownKeys & KEYS.ENCRYPTION) !== 0) {
      this.send(encryptionInformation, { longTermKey: security.random(16) });
      const diversifier = security.random(2);
      this.send(centralIdentification, {
        encryptedDiversifier: diversifier[0]! | (diversifier[1]! << 8),
        randomNumber: security.random(8),
      });
    }
    if ((ownKeys & KEYS.IDENTITY) !== 0) {
      this.send(identityInformation, { identityResolvingKey: security.irk });
      this.send(identityAddressInformation, { addressType: link.own.addressType, bdAddr: link.own.address });
    }
    if (!longTermKey || (cameraKeys | ownKeys) === 0) return undefined;
    return {
      ...{ camera, irk, longTermKey, encryptedDiversifier, randomNumber, isAuthenticated },
      isSecureConnections: secureConnections,
    };
  }
}
