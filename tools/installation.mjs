/**
 * Where this Obscura is, what it is, and where it puts what it makes. Plain JavaScript: it runs before anything is
 * installed.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json: a clone of the repository, or the package as npm installed it. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Whether npm installed it as a package. A clone has a lock file, which npm puts into no package. */
export const isPackage = !existsSync(join(root, "package-lock.json"));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The package's name. @type {string} */
export const name = manifest.name;

/** The package's version. @type {string} */
export const version = manifest.version;

/** What the package asks of Node, `>=MAJOR.MINOR`. @type {string} */
export const nodeRange = manifest.engines.node;

/** Packages that building and running needs, with their exact versions. @type {Record<string, string>} */
export const dependencies = manifest.dependencies;

/**
 * Everything that tools make goes in here, and nowhere else. A clone has its own folder. A package may be shared, or
 * read-only, and npm deletes it at will: there it is `build` in the folder of the project where the user stands.
 */
export const buildRoot = join(isPackage ? projectFolder(process.cwd()) : root, "build");

/** The C sources of cryptography (tools/crypto-sources.mjs). The package carries them. */
export const cryptoFolder = isPackage ? join(root, "crypto") : join(buildRoot, "crypto");

/** Where the Python virtual environment lives. */
export const venv = join(buildRoot, "venv");

/** That of the programs which update cameras (requirements-clients.txt). */
export const clientsVenv = join(buildRoot, "venv-clients");

/**
 * The nearest folder above that has a package.json, or the folder itself when there is none.
 * @param {string} start
 */
function projectFolder(start) {
  for (let folder = start; ; folder = dirname(folder)) {
    const isProject =
      existsSync(join(folder, "package.json")) && !folder.includes(`${sep}node_modules${sep}`);
    if (isProject) return folder;
    if (folder === dirname(folder)) return start;
  }
}

const require = createRequire(import.meta.url);

/**
 * The folder of an npm package that this one depends on; npm may have put it beside us or inside us.
 * @param {string} dependency
 * @returns {string | undefined} undefined when it is not installed
 */
export function packageFolder(dependency) {
  for (const folder of require.resolve.paths(dependency) ?? []) {
    if (existsSync(join(folder, dependency, "package.json"))) return join(folder, dependency);
  }
  return undefined;
}

/**
 * The folder that holds the engine's sources in `moddable/xs`, and the package.json that has their version. The
 * package carries them (tools/pack/prepack.mjs); a clone has them from npm.
 * @returns {string | undefined} undefined when they are not there
 */
export function engineFolder() {
  const carried = join(root, "engine");
  return isPackage && existsSync(carried) ? carried : packageFolder("@agoric/xsnap");
}
