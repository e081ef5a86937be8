/**
 * Set-up: brings a machine to the point where the verbs of run.mjs work. Every piece first looks whether it is
 * there already, which takes milliseconds. Output goes to standard error only, so that a verb's standard output
 * stays its own.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cargoArguments, copyCryptoSources, cryptoSourcesMatch } from "./crypto-sources.mjs";
import { buildRoot, dependencies, engineFolder, isPackage, packageFolder, root } from "./installation.mjs";
import { lock } from "./lock.mjs";
import { needs, nodeProblem, onPath } from "./needs.mjs";
import {
  pythonCommands,
  pythonEnvironmentMatches,
  pythonEnvironments,
  stampPythonEnvironment,
  unstampPythonEnvironment,
} from "./python-environments.mjs";
import { SetupError, SetupInterrupted, SetupPrograms } from "./set-up-programs.mjs";
import { storageProblem } from "./storage.mjs";

export { SetupError, SetupInterrupted };

/** @param {string} line */
function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

/**
 * @param {SetupPrograms} programs
 * @param {string[]} args
 */
function aptGet(programs, args) {
  return programs.run("apt-get", ["-qq", "-y", ...args], { DEBIAN_FRONTEND: "noninteractive" });
}

/** @param {string[]} pieces */
function missingDebianPackages(pieces) {
  return needs.filter((need) => pieces.includes(need.piece) && !need.isPresent()).map((need) => need.package);
}

/**
 * @param {SetupPrograms} programs
 * @param {string[]} pieces
 */
async function debianPackages(programs, pieces) {
  const wanted = missingDebianPackages(pieces);
  if (wanted.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !onPath("apt-get")) {
    throw new SetupError(
      `set-up: missing ${wanted.join(", ")}; install them with: sudo apt-get install -y --no-install-recommends ${wanted.join(" ")}`,
    );
  }
  say(`installing Debian packages ${wanted.join(" ")}`);
  const install = ["install", "--no-install-recommends", ...wanted];
  let result = await aptGet(programs, install);
  if (!result.succeeded) {
    say("refreshing Debian's package lists");
    // An installation that was interrupted is finished first: apt-get refuses any other before.
    await programs.run("dpkg", ["--configure", "-a"], { DEBIAN_FRONTEND: "noninteractive" });
    await aptGet(programs, ["update"]);
    result = await aptGet(programs, install);
  }
  if (!result.succeeded) {
    process.stderr.write(result.output);
    throw new SetupError(`set-up: apt-get could not install ${wanted.join(" ")}; its output is above`);
  }
  const left = missingDebianPackages(pieces);
  if (left.length > 0) throw new SetupError(`set-up: ${left.join(", ")} installed, but still not found`);
}

/** What of the npm packages is missing that building and running needs; a package's own are npm's to install. */
function missingDependencies() {
  const missing = Object.keys(dependencies).filter((name) => packageFolder(name) === undefined);
  return engineFolder() === undefined ? [...missing, "@agoric/xsnap"] : missing;
}

/**
 * Whether the npm packages are there: those that a package depends on; in a clone, whether node_modules holds what
 * package-lock.json asks for, by the lock file that npm keeps inside it. Packages for other platforms are optional
 * and absent.
 */
export function nodeModulesMatch() {
  if (isPackage) return missingDependencies().length === 0;
  const hidden = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = packagesIn(hidden);
  if (installed === undefined) return false;
  delete wanted[""];
  return (
    Object.keys(installed).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, entry]) =>
      path in installed ? installed[path].integrity === entry.integrity : entry.optional === true,
    )
  );
}

/**
 * What npm says that it has installed; undefined where it could not write that to its end.
 * @param {string} hidden
 */
function packagesIn(hidden) {
  try {
    return JSON.parse(readFileSync(hidden, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** @throws {SetupError} when Node is too old for what package.json says. */
function nodeItself() {
  const problem = nodeProblem();
  if (problem !== undefined) throw new SetupError(`set-up: ${problem}`);
}

/** @param {SetupPrograms} programs */
async function nodeModules(programs) {
  if (nodeModulesMatch()) return;
  if (isPackage) {
    const missing = missingDependencies().join(", ");
    throw new SetupError(
      `set-up: npm packages are missing: ${missing}; run npm install where ${root} is installed`,
    );
  }
  say("installing npm packages");
  // Install scripts stay off: the engine's would clone and build a worker that nothing here uses.
  const result = await programs.run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  // npm warns of files that it could not write, and ends well.
  const isWhole = !/TAR_ENTRY_ERROR|ENOSPC/.test(result.output) && nodeModulesMatch();
  if (result.succeeded && isWhole) return;
  process.stderr.write(result.output);
  const folder = join(root, "node_modules");
  // The next set-up is not to take it for whole.
  rmSync(join(folder, ".package-lock.json"), { force: true });
  if (/ENOSPC/.test(result.output))
    throw new SetupError(`set-up: no space is left for ${folder}: free some, and run this again`);
  if (result.succeeded)
    throw new SetupError(`set-up: npm ci left ${folder} incomplete; its output is above: run this again`);
  throw new SetupError("set-up: npm ci --ignore-scripts failed; its output is above");
}

/**
 * The package carries them.
 * @param {SetupPrograms} programs
 */
async function fetchedCryptoSources(programs) {
  if (isPackage || cryptoSourcesMatch()) return;
  say("fetching the C sources of cryptography");
  const result = await programs.run("cargo", cargoArguments);
  if (!result.succeeded) {
    process.stderr.write(result.output);
    throw new SetupError("set-up: cargo could not fetch the sources of cryptography; its output is above");
  }
  try {
    copyCryptoSources(result.stdout);
  } catch (error) {
    throw new SetupError(
      `set-up: the sources of cryptography cannot be copied: ${/** @type {Error} */ (error).message}`,
    );
  }
}

/**
 * @param {SetupPrograms} programs
 * @param {string} piece
 */
async function pythonEnvironment(programs, piece) {
  const environment = pythonEnvironments[piece];
  if (pythonEnvironmentMatches(environment)) return;
  say(`installing Python packages into ${environment.folder}`);
  unstampPythonEnvironment(environment);
  for (const [command, args] of pythonCommands(environment)) {
    const result = await programs.run(command, args, { PIP_DISABLE_PIP_VERSION_CHECK: "1" });
    if (result.succeeded) continue;
    process.stderr.write(result.output);
    throw new SetupError(`set-up: ${command} ${args.join(" ")} failed; its output is above`);
  }
  stampPythonEnvironment(environment);
}

/**
 * What each verb of run.mjs needs before it starts. Those that take a board or a radio ask for the rest themselves.
 * @type {Record<string, string[]>}
 */
export const verbPieces = {
  start: ["node"],
  test: ["node", "native", "cortex-m", "python", "clients", "interop", "callgrind"],
  check: ["node", "python"],
  format: ["node", "python"],
  size: ["node", "native", "cortex-m"],
  bench: ["node", "native", "cortex-m", "callgrind"],
  soak: ["node", "native", "cortex-m", "python"],
};

/**
 * What a session or a build needs.
 * @param {string} board
 * @param {string} [radio] its kind
 */
export function piecesFor(board, radio) {
  const isCrossCompiled = existsSync(join(root, "boards", board, "toolchain.cmake"));
  return [
    "native",
    ...(isCrossCompiled ? ["cortex-m"] : []),
    ...(radio === "bumble" || radio === "bridge" ? ["python"] : []),
  ];
}

/** @param {string[]} pieces */
function isSetUp(pieces) {
  return (
    missingDebianPackages(pieces).length === 0 &&
    (!pieces.includes("node") || nodeModulesMatch()) &&
    (!pieces.includes("native") || isPackage || cryptoSourcesMatch()) &&
    pieces.every(
      (piece) => !(piece in pythonEnvironments) || pythonEnvironmentMatches(pythonEnvironments[piece]),
    )
  );
}

/**
 * Makes sure that these pieces are there: "node" (npm packages), those of `needs` in needs.mjs, and those of
 * `pythonEnvironments`.
 * @param {string[]} pieces
 * @throws {SetupError} with one line that says what to install; a {SetupInterrupted} after Ctrl-C and signals that end a process
 */
export async function setUp(pieces) {
  if (pieces.includes("node")) nodeItself();
  if (isSetUp(pieces)) return;
  const programs = new SetupPrograms();
  try {
    const unlock = await lock(join(buildRoot, "setup.lock"), {
      onWait: () => say(`waiting for another set-up of ${buildRoot}`),
      signal: programs.signal,
    });
    try {
      await debianPackages(programs, pieces);
      if (pieces.includes("node")) await nodeModules(programs);
      if (pieces.includes("native")) await fetchedCryptoSources(programs);
      for (const piece of pieces) if (piece in pythonEnvironments) await pythonEnvironment(programs, piece);
    } finally {
      unlock();
    }
  } catch (error) {
    const problem = storageProblem(error);
    throw problem === undefined ? error : new SetupError(`set-up: ${problem}`);
  } finally {
    programs.release();
  }
}
