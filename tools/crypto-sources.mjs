/**
 * The C sources of AES and P-256 (docs/decisions/0005-cryptography.md): Cargo fetches the crate that holds them and checks
 * it against Cargo.lock; what is compiled is copied. Plain JavaScript: it runs before anything is installed.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cryptoFolder, root } from "./installation.mjs";

const manifest = join(root, "firmware/native/crypto/Cargo.toml");
const lockFile = join(root, "firmware/native/crypto/Cargo.lock");
const stamp = join(cryptoFolder, "Cargo.lock");

/** What is compiled, below the crate's folder `vendor`. */
const sources = [
  "LICENSE",
  "include",
  "3rdparty/p256-m/p256-m",
  ...["aes.c", "platform_util.c", "common.h", "alignment.h"].map((file) => `library/${file}`),
];

const lock = () => readFileSync(lockFile, "utf8");

/** Whether the sources are there that Cargo.lock pins. */
export function cryptoSourcesMatch() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === lock();
}

/** What makes Cargo fetch the crate, but none that only other systems need, and say where it is. */
export const cargoArguments = [
  ...["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"],
  ...["--manifest-path", manifest],
];

/** @param {string} output what Cargo said */
export function copyCryptoSources(output) {
  const { packages } = JSON.parse(output.slice(output.indexOf("{")));
  const crate = packages.find(({ name }) => name === "psa-crypto-sys");
  rmSync(cryptoFolder, { recursive: true, force: true });
  for (const source of sources) {
    const from = join(crate.manifest_path, "..", "vendor", source);
    cpSync(from, join(cryptoFolder, source), { recursive: true });
  }
  writeFileSync(stamp, lock());
}
