/**
 * Run by npm before it packs. Puts into the folder what a package has and a clone has not, until postpack.mjs takes it
 * away again:
 *
 * - `npm-shrinkwrap.json`: the exact versions and checksums of package-lock.json, without what only developers need.
 * - `engine/`: the engine's sources of the npm package @agoric/xsnap. That package cannot be a dependency: it installs
 *   50 others, and a script of its own then clones and builds a program that nothing here uses.
 * - `crypto/`: the C sources of cryptography, so that who installs the package needs no Cargo.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cryptoFolder, packageFolder, root } from "../installation.mjs";
import { setUp } from "../setup.mjs";

/** What only a package has. */
export const packedOnly = ["npm-shrinkwrap.json", "engine", "crypto"];

/**
 * A lock file for those who install the package.
 * @param {{ packages: Record<string, { dev?: boolean, devDependencies?: object }> }} lock package-lock.json
 */
export function shrinkwrapOf(lock) {
  const packages = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true);
  const { devDependencies: _, ...self } = lock.packages[""];
  return { ...lock, packages: { ...Object.fromEntries(packages), "": self } };
}

/** Where Debian's base-files has the texts that go with the engine's sources. */
const licences = "/usr/share/common-licenses";

/** @param {string} target */
function copyEngine(target) {
  const source = packageFolder("@agoric/xsnap");
  if (source === undefined) throw new Error("The npm package @agoric/xsnap is not installed");
  for (const folder of ["includes", "platforms", "sources"]) {
    cpSync(join(source, "moddable/xs", folder), join(target, "moddable/xs", folder), { recursive: true });
  }
  for (const text of ["GPL-3", "LGPL-3"]) cpSync(join(licences, text), join(target, text));
  const { name, version } = readJson(join(source, "package.json"));
  writeJson(join(target, "package.json"), { name, version, license: "LGPL-3.0-or-later", private: true });
}

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** @param {string} file @param {unknown} value */
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setUp(["node", "native"]);
  for (const path of packedOnly) rmSync(join(root, path), { recursive: true, force: true });
  copyEngine(join(root, "engine"));
  cpSync(cryptoFolder, join(root, "crypto"), { recursive: true });
  writeJson(join(root, "npm-shrinkwrap.json"), shrinkwrapOf(readJson(join(root, "package-lock.json"))));
}
