/** Whether something has to be made again: a digest of everything that it is made of. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { writeWhole } from "../whole-file.ts";

/** SHA-256 over the contents of files and over other words, such as options. */
export function fingerprint(files: readonly string[], words: readonly string[] = []): string {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word.length}:${word}`);
  for (const file of [...files].sort()) {
    const contents = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    hash.update(`${file}:${contents.length}:`).update(contents);
  }
  return hash.digest("hex");
}

/** Whether a file is there and holds that. */
export const holds = (file: string, content: string | Uint8Array): boolean =>
  existsSync(file) && readFileSync(file).equals(Buffer.from(content));

/**
 * Writes a file unless it holds that already, so that Ninja sees a change only where there is one. It is never written in
 * place: a camera that runs as a process of this computer has its application mapped, and reading what was cut off ends it (SIGBUS).
 */
export function writeIfChanged(file: string, content: string | Uint8Array): boolean {
  if (holds(file, content)) return false;
  writeWhole(file, content);
  return true;
}

/**
 * Does `make` unless `product` exists and `stamp` holds `digest`. Returns whether it did.
 * @param digest of everything that the product is made of
 */
export async function unlessFresh(
  product: string,
  stamp: string,
  digest: string,
  make: () => Promise<void>,
): Promise<boolean> {
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return false;
  await make();
  writeFileSync(stamp, digest);
  return true;
}
