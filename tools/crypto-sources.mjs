/**
 * The C sources of cryptography (docs/decisions/0005-cryptography.md): Cargo fetches the crates that hold them and checks
 * them against Cargo.lock; what is compiled is copied. Plain JavaScript: it runs before anything is installed.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cryptoFolder, root } from "./installation.mjs";

const manifest = join(root, "firmware/native/crypto/Cargo.toml");
const lockFile = join(root, "firmware/native/crypto/Cargo.lock");
const stamp = join(cryptoFolder, "Cargo.lock");

/** What is compiled, by crate: where its sources are, the folder that they go to, and which they are. */
const crates = [
  {
    ...{ name: "psa-crypto-sys", from: "vendor", to: "." },
    sources: [
      "LICENSE",
      "include",
      "3rdparty/p256-m/p256-m",
      ...[...["aes.c", "asn1parse.c", "sha256.c", "platform_util.c"], ...["common.h", "alignment.h"]].map(
        (file) => `library/${file}`,
      ),
    ],
  },
  {
    ...{ name: "monocypher-sys", from: "Monocypher", to: "monocypher" },
    sources: ["LICENCE.md"],
  },
  {
    ...{ name: "monocypher-sys", from: "Monocypher/src", to: "monocypher" },
    sources: ["monocypher.c", "monocypher.h", "optional"],
  },
];

const lock = () => readFileSync(lockFile, "utf8");

/** Whether the sources are there that Cargo.lock pins. */
export function cryptoSourcesMatch() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === lock();
}

/** What makes Cargo fetch the crates, but none that only other systems need, and say where they are. */
export const cargoArguments = [
  ...["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"],
  ...["--manifest-path", manifest],
];

/** @param {string} metadata what Cargo wrote to its standard output */
export function copyCryptoSources(metadata) {
  const { packages } = JSON.parse(metadata);
  // First: a copy that is left in the middle matches nothing.
  rmSync(stamp, { force: true });
  rmSync(cryptoFolder, { recursive: true, force: true });
  for (const { name, from, to, sources } of crates) {
    const crate = join(packages.find((each) => each.name === name).manifest_path, "..", from);
    for (const source of sources)
      cpSync(join(crate, source), join(cryptoFolder, to, source), { recursive: true });
  }
  writeFileSync(stamp, lock());
}
