/**
 * The file that clients of MCUmgr upload: MCUboot's image format. All integers are little-endian.
 *
 *   header, 32 bytes | body | TLV area
 *
 * Protected TLVs stay empty, because one of the common clients does not parse them; a camera accepts MCUboot's security
 * counter there (`imgtool sign --security-counter`) beside the manifest's.
 */
import { createHash, sign, verify } from "node:crypto";
import { ToolError, UsageError } from "../events.ts";
import type { PublicKey, SigningKey } from "./keys.ts";

export const HEADER_BYTES = 32;
const HEADER_MAGIC = 0x96f3b83d;
const TLV_MAGIC = 0x6907;
const PROTECTED_MAGIC = 0x6908;
const TLV_INFO_BYTES = 4;

/** Types of TLV entries. */
const tlv = { keyHash: 0x01, sha256: 0x10, ecdsa: 0x22, ed25519: 0x24 } as const;

/** What a camera reports as `1.2.3.4`, and people write as `1.2.3+4`. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
  readonly build: number;
}

/** Leading zeros are none of a version (Semantic Versioning 2.0.0, 2). */
const pattern = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,4})(?:\+(0|[1-9]\d{0,9}))?$/;

/** @throws UsageError for what is no version, or too large for its field. */
export function parseVersion(text: string): Version {
  const [major, minor, revision, build = 0] =
    pattern
      .exec(text)
      ?.slice(1)
      .map((part) => Number(part ?? 0)) ?? [];
  if (
    major === undefined ||
    minor === undefined ||
    revision === undefined ||
    major > 0xff ||
    minor > 0xff ||
    revision > 0xffff ||
    build > 0xffffffff
  )
    throw new UsageError(
      `"${text}" is no version: MAJOR.MINOR.REVISION or MAJOR.MINOR.REVISION+BUILD, at most 255.255.65535+4294967295, without leading zeros.`,
    );
  return { major, minor, revision, build };
}

/** As it was written. */
export const formatVersion = ({ major, minor, revision, build }: Version): string =>
  `${major}.${minor}.${revision}${build === 0 ? "" : `+${build}`}`;

function header(bodyBytes: number, { major, minor, revision, build }: Version): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32LE(HEADER_MAGIC, 0);
  bytes.writeUInt16LE(HEADER_BYTES, 8);
  bytes.writeUInt32LE(bodyBytes, 12);
  bytes.writeUInt8(major, 20);
  bytes.writeUInt8(minor, 21);
  bytes.writeUInt16LE(revision, 22);
  bytes.writeUInt32LE(build, 24);
  return bytes;
}

function entry(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(type, 0);
  bytes.writeUInt16LE(value.length, 2);
  return Buffer.concat([bytes, value]);
}

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** The signed file. Its signature is over the SHA-256 of header and body: ECDSA's own hash, Ed25519's message. */
export function signBody(body: Uint8Array, version: Version, { privateKey, publicKey }: SigningKey): Buffer {
  const signed = Buffer.concat([header(body.length, version), body]);
  const digest = sha256(signed);
  const isEd25519 = publicKey.algorithm === "ed25519";
  const signature = isEd25519 ? sign(null, digest, privateKey) : sign("sha256", signed, privateKey);
  const entries = Buffer.concat([
    entry(tlv.sha256, digest),
    entry(tlv.keyHash, publicKey.hash),
    entry(isEd25519 ? tlv.ed25519 : tlv.ecdsa, signature),
  ]);
  const info = Buffer.alloc(TLV_INFO_BYTES);
  info.writeUInt16LE(TLV_MAGIC, 0);
  info.writeUInt16LE(TLV_INFO_BYTES + entries.length, 2);
  return Buffer.concat([signed, info, entries]);
}

/** A signed file, taken apart. */
export interface SignedFile {
  readonly version: Version;
  readonly body: Buffer;
  /** Header, body and protected TLVs. */
  readonly signed: Buffer;
  /** SHA-256 of what is signed, by which clients name the bundle. */
  readonly digest: Buffer;
  readonly keyHash: Buffer;
  readonly signature: Buffer;
}

/** @throws ToolError when the file is no such bundle, or damaged. */
export function readSigned(file: Uint8Array): SignedFile {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== HEADER_MAGIC)
    throw new ToolError("It is no signed bundle: obscura sign makes one");
  if (bytes.readUInt16LE(8) !== HEADER_BYTES)
    throw new ToolError("The bundle has a header of another size: give imgtool --header-size 32");
  const bodyEnd = HEADER_BYTES + bytes.readUInt32LE(12);
  const end = bodyEnd + bytes.readUInt16LE(10);
  const entries = readArea(bytes, end, TLV_MAGIC);
  if (end > bodyEnd) readArea(bytes.subarray(0, end), bodyEnd, PROTECTED_MAGIC);
  const digest = entries.get(tlv.sha256);
  const keyHash = entries.get(tlv.keyHash);
  const signature = entries.get(tlv.ed25519) ?? entries.get(tlv.ecdsa);
  if (!digest || !keyHash || !signature) throw new ToolError("The bundle is not signed");
  const signed = bytes.subarray(0, end);
  if (!sha256(signed).equals(digest))
    throw new ToolError("The bundle is damaged: its SHA-256 is another one");
  const version = {
    major: bytes.readUInt8(20),
    minor: bytes.readUInt8(21),
    revision: bytes.readUInt16LE(22),
    build: bytes.readUInt32LE(24),
  };
  return { version, body: bytes.subarray(HEADER_BYTES, bodyEnd), signed, digest, keyHash, signature };
}

/** The body of a signed file; undefined for what is none, or damaged. */
export function signedBody(file: Uint8Array): Buffer | undefined {
  try {
    return readSigned(file).body;
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

/** The entries of the TLV area that begins at `start` and ends the file. */
function readArea(bytes: Buffer, start: number, magic: number): Map<number, Buffer> {
  if (start + TLV_INFO_BYTES > bytes.length || bytes.readUInt16LE(start) !== magic)
    throw new ToolError("The bundle is truncated: no TLV area follows its body");
  if (start + bytes.readUInt16LE(start + 2) !== bytes.length)
    throw new ToolError("The bundle is truncated, or more follows it");
  const entries = new Map<number, Buffer>();
  for (let at = start + TLV_INFO_BYTES; at < bytes.length; ) {
    const value = at + 4;
    const end = value <= bytes.length ? value + bytes.readUInt16LE(at + 2) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new ToolError("The bundle's TLV area is malformed");
    entries.set(bytes.readUInt16LE(at), bytes.subarray(value, end));
    at = end;
  }
  return entries;
}

/** Whether `key` made the signature of a file that `readSigned` found whole. */
export function isSignedBy(file: SignedFile, { algorithm, hash, key }: PublicKey): boolean {
  if (!file.keyHash.equals(hash)) return false;
  return algorithm === "ed25519"
    ? verify(null, file.digest, key, file.signature)
    : verify("sha256", file.signed, key, file.signature);
}
