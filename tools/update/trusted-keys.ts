/** The public keys of an image, as the C source that firmware/native/trusted_keys.c includes. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { holds, writeIfChanged } from "../build/fingerprint.ts";
import { UsageError } from "../events.ts";
import { type Algorithm, isDevelopmentKey, type PublicKey, readPublicKey } from "./keys.ts";

/** TRUSTED_KEYS_MAX of firmware/native/trusted_keys.h. */
export const MAX_TRUSTED_KEYS = 4;

const names: Readonly<Record<Algorithm, string>> = {
  ed25519: "SIGNED_ED25519",
  "ecdsa-p256": "SIGNED_ECDSA_P256",
};

const PER_LINE = 12;

function bytesOf(bytes: Uint8Array): string {
  const words = [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`);
  const lines: string[] = [];
  for (let at = 0; at < words.length; at += PER_LINE) lines.push(words.slice(at, at + PER_LINE).join(", "));
  return `{${lines.join(", \\\n     ")}}`;
}

const entryOf = ({ algorithm, hash, raw }: PublicKey): string =>
  `    {${names[algorithm]}, \\\n     ${bytesOf(hash)}, \\\n     ${bytesOf(raw)}}`;

/**
 * @param about what the file's first line says
 * @param root the key that revokes the others
 */
export function trustedKeysSource(keys: readonly PublicKey[], about: string, root?: PublicKey): string {
  const rootLines = root ? `#define TRUSTED_ROOT \\\n${entryOf(root)}\n` : "";
  return `/* ${about} */\n/* clang-format off */
#define TRUSTED_DEVELOPMENT ${keys.some(isDevelopmentKey) ? 1 : 0}
#define TRUSTED_KEYS \\
${keys.map(entryOf).join(", \\\n")}
${rootLines}`;
}

/** What firmware/native/development_keys.h says of itself. */
export const DEVELOPMENT_ABOUT =
  "development_keys.h: the public key of tools/update/development.pem, whose private key everybody has.";

/**
 * The public keys that an image is to trust.
 * @param files of the keys; the development key without any
 * @param release whether the image must not trust the development key
 * @throws UsageError for too many, for two that are the same, and for a release that anybody could sign for.
 */
export function readTrustedKeys(files: readonly string[], release: boolean): PublicKey[] {
  if (files.length > MAX_TRUSTED_KEYS)
    throw new UsageError(`An image trusts at most ${MAX_TRUSTED_KEYS} keys, and these are ${files.length}.`);
  const keys = files.map(readPublicKey);
  if (new Set(keys.map(({ hash }) => hash.toString("hex"))).size < keys.length)
    throw new UsageError("Two of these keys are the same.");
  if (release && keys.length === 0)
    throw new UsageError(
      "An image for release trusts keys of yours: name them with --trust. obscura keygen makes one.",
    );
  if (release && keys.some(isDevelopmentKey))
    throw new UsageError("An image for release does not trust the development key, which everybody has.");
  return keys;
}

/**
 * The public key that revokes the others of an image.
 * @throws UsageError for one of those, and for the development key.
 */
export function readRootKey(file: string, keys: readonly PublicKey[]): PublicKey {
  const root = readPublicKey(file);
  if (isDevelopmentKey(root)) throw new UsageError("The development key is no root key: everybody has it.");
  if (keys.length === 0)
    throw new UsageError("A root key revokes keys that --trust names, and there are none.");
  if (keys.some(({ hash }) => hash.equals(root.hash)))
    throw new UsageError("The root key revokes the keys that sign: it is none of them. Make one of its own.");
  return root;
}

/**
 * Writes the source for an image that is built in `folder`, and removes the image that is there with other keys, and what it can be
 * linked anew from: a build that ends midway is not to leave it in the place of its own. Returns the path of the source.
 */
export function writeTrustedKeys(keys: readonly PublicKey[], folder: string, root?: PublicKey): string {
  const file = join(folder, "trusted_keys.inc.h");
  const source = trustedKeysSource(keys, "The public keys that this image trusts.", root);
  if (!holds(file, source))
    for (const made of ["firmware", "relink"]) rmSync(join(folder, made), { recursive: true, force: true });
  writeIfChanged(file, source);
  return file;
}
