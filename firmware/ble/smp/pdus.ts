/** PDUs of the Security Manager (Vol 3, Part H, 3.3 to 3.6). Section numbers are of that part. */
import { address, type Codec, type Fields, type Reader, secret, u8, u16, type Writer } from "../codec.ts";

export interface SmpPdu<F extends Fields = Fields> {
  readonly name: string;
  readonly code: number;
  /** Its bit among the PDUs that a state expects: bit 1 for a Pairing Request. */
  readonly bit: number;
  readonly fields: F;
  /** Bytes of the whole PDU, its code with it: no PDU of the Security Manager has another length. */
  readonly length: number;
}

/* @__NO_SIDE_EFFECTS__ */
function pdu<F extends Fields>(name: string, code: number, length: number, fields: F): SmpPdu<F> {
  return { name, code, bit: 1 << code, length, fields };
}

/** Bytes that are least significant first on the air, and most significant first everywhere else. */
/* @__NO_SIDE_EFFECTS__ */
function reversed(length: number): Codec<Uint8Array> {
  return {
    read: (reader: Reader) => reader.bytes(length).reverse(),
    write: (writer: Writer, value) => writer.bytes(value.slice().reverse()),
  };
}

/** Eight bytes that are compared and passed on, never computed with: in their order on the air. */
const octets8: Codec<Uint8Array> = {
  read: (reader: Reader) => reader.bytes(8),
  write: (writer: Writer, value) => writer.bytes(value),
};

const value16 = reversed(16);
const coordinate = reversed(32);
const secret16 = secret(reversed(16));

const FEATURES = {
  ioCapability: u8,
  oobDataFlag: u8,
  authReq: u8,
  maximumEncryptionKeySize: u8,
  initiatorKeyDistribution: u8,
  responderKeyDistribution: u8,
};

/** 3.5.1 */
export const pairingRequest = pdu("Pairing Request", 0x01, 7, FEATURES);
/** 3.5.2 */
export const pairingResponse = pdu("Pairing Response", 0x02, 7, FEATURES);
/** 3.5.3 */
export const pairingConfirm = pdu("Pairing Confirm", 0x03, 17, { confirmValue: value16 });
/** 3.5.4 */
export const pairingRandom = pdu("Pairing Random", 0x04, 17, { randomValue: value16 });
/** 3.5.5 */
export const pairingFailed = pdu("Pairing Failed", 0x05, 2, { reason: u8 });
/** 3.6.2 */
export const encryptionInformation = pdu("Encryption Information", 0x06, 17, { longTermKey: secret16 });
/** 3.6.3 */
export const centralIdentification = pdu("Central Identification", 0x07, 11, {
  encryptedDiversifier: u16,
  randomNumber: octets8,
});
/** 3.6.4 */
export const identityInformation = pdu("Identity Information", 0x08, 17, { identityResolvingKey: secret16 });
/** 3.6.5 */
export const identityAddressInformation = pdu("Identity Address Information", 0x09, 8, {
  addressType: u8,
  bdAddr: address,
});
/** 3.6.6 */
export const signingInformation = pdu("Signing Information", 0x0a, 17, { signatureKey: secret16 });
/** 3.6.7 */
export const securityRequest = pdu("Security Request", 0x0b, 2, { authReq: u8 });
/** 3.5.6 */
export const pairingPublicKey = pdu("Pairing Public Key", 0x0c, 65, { x: coordinate, y: coordinate });
/** 3.5.7 */
export const pairingDhkeyCheck = pdu("Pairing DHKey Check", 0x0d, 17, { dhkeyCheck: value16 });
/** 3.5.8 */
export const keypressNotification = pdu("Keypress Notification", 0x0e, 2, { notificationType: u8 });

/** All PDUs; a code is one more than its place. */
export const SMP_PDUS: readonly SmpPdu[] = [
  pairingRequest,
  pairingResponse,
  pairingConfirm,
  pairingRandom,
  pairingFailed,
  encryptionInformation,
  centralIdentification,
  identityInformation,
  identityAddressInformation,
  signingInformation,
  securityRequest,
  pairingPublicKey,
  pairingDhkeyCheck,
  keypressNotification,
];

/** Of a PDU of one value of 16 bytes. Without a codec: the rounds of a passkey are 80 such PDUs. */
export function valueIn(pdu: Uint8Array): Uint8Array {
  return pdu.slice(1).reverse();
}

/** A PDU of one value of 16 bytes: what is least significant first on the air, turned round, begins with the value. */
export function encodeValue({ code, length }: SmpPdu, value: Uint8Array): Uint8Array {
  const reversed = new Uint8Array(length);
  reversed.set(value);
  reversed[length - 1] = code;
  return reversed.reverse();
}

/** Bits of AuthReq (3.5.1, Figure 3.3). */
export const AUTH_REQ = { BONDING: 0x01, BONDING_MASK: 0x03, MITM: 0x04, SC: 0x08, KEYPRESS: 0x10 } as const;

/** Bits of the key distribution fields (3.6.1). Signing and link keys are never asked for. */
export const KEY_DISTRIBUTION = { ENC_KEY: 0x01, ID_KEY: 0x02 } as const;

/** Reasons of Pairing Failed (3.5.5, Table 3.7). */
export const PAIRING_FAILURE = {
  PASSKEY_ENTRY_FAILED: 0x01,
  OOB_NOT_AVAILABLE: 0x02,
  AUTHENTICATION_REQUIREMENTS: 0x03,
  CONFIRM_VALUE_FAILED: 0x04,
  PAIRING_NOT_SUPPORTED: 0x05,
  ENCRYPTION_KEY_SIZE: 0x06,
  COMMAND_NOT_SUPPORTED: 0x07,
  UNSPECIFIED: 0x08,
  REPEATED_ATTEMPTS: 0x09,
  INVALID_PARAMETERS: 0x0a,
  DHKEY_CHECK_FAILED: 0x0b,
  NUMERIC_COMPARISON_FAILED: 0x0c,
  KEY_REJECTED: 0x0f,
  BUSY: 0x10,
} as const;

/** MTU of the channel with LE Secure Connections (3.2, Table 3.1). */
export const SMP_MTU = 65;
