/**
 * Keys that sign bundles: Ed25519, or ECDSA on P-256. A private key is a PEM file of PKCS #8, a public one of
 * SubjectPublicKeyInfo, as openssl and imgtool write and read them.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { lstatSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Operation, ToolError, UsageError } from "../events.ts";
import { readInput, TEXT_BYTES_MAX } from "../input-file.ts";
import { displayPath } from "../paths.ts";
import { whyNot, writeWhole } from "../whole-file.ts";

/** Kinds of signature that a camera verifies. */
export const algorithms = ["ed25519", "ecdsa-p256"] as const;
export type Algorithm = (typeof algorithms)[number];

/** A public key. */
export interface PublicKey {
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo, DER: what KEYHASH is the SHA-256 of. */
  readonly der: Buffer;
  /** SHA-256 of `der`, which names the key in a bundle. */
  readonly hash: Buffer;
  /** What the camera computes with: 32 bytes of Ed25519, or x and y of P-256. */
  readonly raw: Buffer;
}

/** A key that signs. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  readonly privateKey: KeyObject;
}

/**
 * The key of development, which everybody has who has Obscura: it signs wherever no key is named. An image for release
 * (`obscura build --release`) does not take it.
 */
export const developmentKeyFile = join(import.meta.dirname, "development.pem");

/** Bytes of a raw key at the end of its DER. */
const rawBytes: Readonly<Record<Algorithm, number>> = { ed25519: 32, "ecdsa-p256": 64 };

function algorithmOf(key: KeyObject): Algorithm | undefined {
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return isP256 ? "ecdsa-p256" : undefined;
}

function publicKeyOf(key: KeyObject, file: string): PublicKey {
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) {
    const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
    throw new ToolError(
      `${displayPath(file)} is a key of ${kind}; a camera verifies ${algorithms.join(" and ")} (obscura keygen makes both)`,
    );
  }
  const der = key.export({ type: "spki", format: "der" });
  const hash = createHash("sha256").update(der).digest();
  return { algorithm, key, der, hash, raw: der.subarray(-rawBytes[algorithm]) };
}

/** A key's block of a PEM file; parameters and certificates have others. */
const KEY_BLOCK = /^-----BEGIN [A-Z0-9 ]*KEY-----/gm;

function readPem(file: string): Buffer {
  const pem = readInput(file, { what: "key", bytesMax: TEXT_BYTES_MAX });
  const { length } = pem.toString("latin1").match(KEY_BLOCK) ?? [];
  // The first alone would be taken, and the others seem to be as well.
  if (length > 1) throw new ToolError(`${displayPath(file)} has ${length} keys: name a file with one`);
  return pem;
}

/**
 * @throws UsageError when there is no such file; ToolError when it is no private key, is encrypted, is of another kind, or has several.
 */
export function readSigningKey(file: string): SigningKey {
  const pem = readPem(file);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    const why = pem.includes("ENCRYPTED")
      ? "is encrypted: decrypt it first (openssl pkey -in FILE -out FILE)"
      : "is no private key in PEM; obscura keygen makes one";
    throw new ToolError(`${displayPath(file)} ${why}`);
  }
  return { privateKey, publicKey: publicKeyOf(createPublicKey(privateKey), file) };
}

/**
 * The public key in a file, which may hold the private one.
 * @throws as `readSigningKey`.
 */
export function readPublicKey(file: string): PublicKey {
  const pem = readPem(file);
  try {
    return publicKeyOf(createPublicKey(pem), file);
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw new ToolError(`${displayPath(file)} is no public key in PEM; obscura keygen makes one`);
  }
}

/** Whether this is the key that everybody has. */
export const isDevelopmentKey = ({ hash }: PublicKey): boolean =>
  hash.equals(readPublicKey(developmentKeyFile).hash);

/** Where `obscura keygen FILE` puts the public key. */
export const publicFileOf = (file: string): string => `${file.replace(/\.pem$/, "")}.pub.pem`;

/** Whether something has the name, a link to nothing among it. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Nothing can be written there either: who tries says why.
    return false;
  }
}

/**
 * `obscura keygen`: makes a key, and writes both halves of it.
 * @throws UsageError when one of the files exists: a key that cameras trust is not overwritten.
 */
export async function* generateKey(file: string, algorithm: Algorithm): Operation<SigningKey> {
  const publicFile = publicFileOf(file);
  if (file === "") throw new UsageError("The name of the file to write is empty.");
  if (file.endsWith(".pub.pem"))
    throw new UsageError(
      `${displayPath(file)} is what a public key is called: name the private one, ${displayPath(file.replace(/\.pub\.pem$/, ".pem"))}.`,
    );
  for (const path of [file, publicFile]) {
    if (isThere(path))
      throw new UsageError(`${displayPath(path)} exists, and is not overwritten: name another file.`);
  }
  const { privateKey } =
    algorithm === "ed25519"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const publicKey = publicKeyOf(createPublicKey(privateKey), file);
  const made: string[] = [];
  const put = (path: string, pem: string | Buffer, mode: number): void => {
    writeWhole(path, pem, { isNew: true, mode });
    made.push(path);
  };
  try {
    mkdirSync(dirname(file), { recursive: true });
    put(file, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
    put(publicFile, publicKey.key.export({ type: "spki", format: "pem" }), 0o666);
  } catch (error) {
    // Half a key would be refused as one that exists.
    for (const path of made) rmSync(path, { force: true });
    throw new ToolError(`The key cannot be written: ${whyNot(error)}`);
  }
  const facts = [
    ["private key", `${displayPath(file)}: keep it secret, and a copy of it safe`],
    ["public key", `${displayPath(publicFile)}: goes into the image`],
    ["kind", algorithm],
    ["key hash", publicKey.hash.toString("hex")],
  ] as const;
  for (const [name, value] of facts) yield { type: "text", text: `${name.padEnd(14)}${value}` };
  return { privateKey, publicKey };
}
