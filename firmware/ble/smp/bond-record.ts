/**
 * How bonds are kept in records. All numbers are little-endian; keys are as `Bond` has them. A record of another version
 * is some other firmware's: it is left as it is, and not used. Bonds of version 1, which had no flag 64, are read as if it were 0.
 *
 * `bond.N`, N from 0 to 31: what a pairing left behind. Written when a pairing ends, and at no other time.
 *
 * | bytes | content                                                                                            |
 * |-------|----------------------------------------------------------------------------------------------------|
 * | 1     | version: 2                                                                                         |
 * | 1     | flags: 1 LE Secure Connections, 2 authenticated, 4 IRK, 8 key as peripheral, 16 key as central, 32 attended, 64 from a pairing window |
 * | 1     | key size, 7 to 16                                                                                  |
 * | 4     | number of the bond: names the record beside it                                                     |
 * | 7     | identity of the peer: type, address                                                                |
 * | 7     | identity of this device under which it was made: type, address                                     |
 * | 16    | IRK, if flagged                                                                                    |
 * | 26    | key as peripheral, if flagged: LTK 16, EDIV 2, Rand 8                                              |
 * | 26    | key as central, if flagged and not the same key, which it is under LE Secure Connections           |
 *
 * `peer.H`, H the number in hexadecimal: what changes often, so that no client's write ever rewrites a key.
 *
 * | bytes | content                                                         |
 * |-------|-----------------------------------------------------------------|
 * | 1     | version: 1                                                      |
 * | 4     | counts up over all bonds with each use: the highest was last    |
 * | 1     | n: bytes of the name, 0 to 31                                   |
 * | n     | the peer's name in UTF-8                                        |
 * | rest  | what the GATT server knows of the peer, as it gave it           |
 */
import { Reader, u8, u16, u32, viewOf, Writer } from "../codec.ts";
import { type Bond, type Identity, type LongTermKey, PEER_NAME_MAX } from "./keys.ts";

/** Of bonds; 1 is read as well. */
const VERSION = 2;
/** Of what is beside them. */
const PEER_VERSION = 1;

const FLAG = {
  SECURE_CONNECTIONS: 1,
  AUTHENTICATED: 2,
  IRK: 4,
  KEY_AS_PERIPHERAL: 8,
  KEY_AS_CENTRAL: 16,
  ATTENDED: 32,
  FROM_WINDOW: 64,
} as const;

/** A bond and the number that names the record beside it. */
export interface NumberedBond {
  readonly number: number;
  readonly bond: Bond;
}

/** What is kept beside a bond. */
export interface PeerRecord {
  /** Order of use: the highest was used last. */
  readonly lastUse: number;
  /** At most `PEER_NAME_MAX` bytes of UTF-8; empty where the name is not known. */
  readonly name: Uint8Array;
  readonly client: Uint8Array;
}

/** What a record that cannot be used is: of another version, or none of ours. */
export type Unusable = "foreign" | "damaged";

export function encodeBond({ number, bond }: NumberedBond): Uint8Array {
  const { irk, isSecureConnections, keyAsCentral, keyAsPeripheral } = bond;
  const writer = new Writer(96);
  writer.u8(VERSION);
  writer.u8(
    (isSecureConnections ? FLAG.SECURE_CONNECTIONS : 0) |
      (bond.isAuthenticated ? FLAG.AUTHENTICATED : 0) |
      (irk ? FLAG.IRK : 0) |
      (keyAsPeripheral ? FLAG.KEY_AS_PERIPHERAL : 0) |
      (keyAsCentral ? FLAG.KEY_AS_CENTRAL : 0) |
      (bond.isAttended ? FLAG.ATTENDED : 0) |
      (bond.isFromWindow ? FLAG.FROM_WINDOW : 0),
  );
  writer.u8(bond.keySize);
  writer.u32(number);
  writeIdentity(writer, bond.identity);
  writeIdentity(writer, bond.ownIdentity);
  if (irk) writer.bytes(irk);
  if (keyAsPeripheral) writeKey(writer, keyAsPeripheral);
  if (keyAsCentral && !(isSecureConnections && keyAsPeripheral)) writeKey(writer, keyAsCentral);
  return writer.finish();
}

/** Reads what `encodeBond` wrote, whatever the bytes are. */
export function decodeBond(bytes: Uint8Array): NumberedBond | Unusable {
  const version = bytes[0] ?? 0;
  if (version < 1 || version > VERSION) return bytes.length > 0 ? "foreign" : "damaged";
  const reader = new Reader(viewOf(bytes), 1, bytes.length);
  const flags = u8.read(reader);
  const keySize = u8.read(reader);
  const number = u32.read(reader);
  const identity = readIdentity(reader);
  const ownIdentity = readIdentity(reader);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const isSecureConnections = has(FLAG.SECURE_CONNECTIONS);
  const irk = has(FLAG.IRK) ? reader.bytes(16) : undefined;
  const keyAsPeripheral = has(FLAG.KEY_AS_PERIPHERAL) ? readKey(reader) : undefined;
  const isShared = isSecureConnections && keyAsPeripheral !== undefined;
  let keyAsCentral: LongTermKey | undefined;
  if (has(FLAG.KEY_AS_CENTRAL)) keyAsCentral = isShared ? keyAsPeripheral : readKey(reader);
  const isSound =
    !reader.failed &&
    reader.remaining === 0 &&
    flags < (version === 1 ? FLAG.FROM_WINDOW : 2 * FLAG.FROM_WINDOW) &&
    isSize(keySize) &&
    identity.addressType <= 1 &&
    ownIdentity.addressType <= 1;
  if (!isSound) return "damaged";
  return {
    number,
    bond: {
      identity,
      ownIdentity,
      irk,
      keyAsPeripheral,
      keyAsCentral,
      keySize,
      isAuthenticated: has(FLAG.AUTHENTICATED),
      isSecureConnections,
      isAttended: has(FLAG.ATTENDED),
      isFromWindow: has(FLAG.FROM_WINDOW),
    },
  };
}

export function encodePeer({ lastUse, name, client }: PeerRecord): Uint8Array {
  const writer = new Writer(6 + name.length + client.length);
  writer.u8(PEER_VERSION);
  writer.u32(lastUse);
  writer.u8(name.length);
  writer.bytes(name);
  writer.bytes(client);
  return writer.finish();
}

/** Reads what `encodePeer` wrote, whatever the bytes are. */
export function decodePeer(bytes: Uint8Array): PeerRecord | Unusable {
  if (bytes[0] !== PEER_VERSION) return bytes.length > 0 ? "foreign" : "damaged";
  const reader = new Reader(viewOf(bytes), 1, bytes.length);
  const lastUse = u32.read(reader);
  const nameLength = u8.read(reader);
  const name = reader.bytes(nameLength);
  if (reader.failed || nameLength > PEER_NAME_MAX) return "damaged";
  return { lastUse, name, client: reader.bytes(reader.remaining) };
}

function isSize(keySize: number): boolean {
  return keySize >= 7 && keySize <= 16;
}

function writeIdentity(writer: Writer, { addressType, address }: Identity): void {
  writer.u8(addressType);
  writer.bytes(address);
}

function readIdentity(reader: Reader): Identity {
  return { addressType: u8.read(reader), address: reader.bytes(6) };
}

function writeKey(writer: Writer, { key, ediv, rand }: LongTermKey): void {
  writer.bytes(key);
  writer.u16(ediv);
  writer.bytes(rand);
}

function readKey(reader: Reader): LongTermKey {
  return { key: reader.bytes(16), ediv: u16.read(reader), rand: reader.bytes(8) };
}
