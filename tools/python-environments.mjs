/**
 * The virtual environments of Python, each made of files of pinned packages. Plain JavaScript: set-up makes them before
 * anything else may be there.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientsVenv, isPackage, root, venv } from "./installation.mjs";

/**
 * @typedef {object} PythonEnvironment
 * @property {string} folder
 * @property {string[]} files below the root, in pip's format
 */

/**
 * By the piece of set-up that makes it.
 * @type {Record<string, PythonEnvironment>}
 */
export const pythonEnvironments = {
  // A clone has formatters too.
  python: { folder: venv, files: ["requirements.txt", ...(isPackage ? [] : ["requirements-dev.txt"])] },
  clients: { folder: clientsVenv, files: ["requirements-clients.txt"] },
};

/** @param {PythonEnvironment} environment */
const stampOf = ({ folder }) => join(folder, "requirements.sha256");

/** @param {PythonEnvironment} environment */
const paths = ({ files }) => files.map((name) => join(root, name));

/** @param {PythonEnvironment} environment */
function digest(environment) {
  const hash = createHash("sha256");
  for (const file of paths(environment)) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/**
 * Whether an environment was made of its files as they are.
 * @param {PythonEnvironment} environment
 */
export function pythonEnvironmentMatches(environment) {
  const stamp = stampOf(environment);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === digest(environment);
}

/**
 * The commands that make an environment, or bring it up to date; `stampPythonEnvironment` follows them.
 * @param {PythonEnvironment} environment
 * @returns {[string, string[]][]}
 */
export function pythonCommands(environment) {
  const python = join(environment.folder, "bin", "python");
  const pip = join(environment.folder, "bin", "pip");
  const files = paths(environment).flatMap((file) => ["-r", file]);
  return [
    // Its pip comes last: one that is without was interrupted.
    ...(existsSync(pip) ? [] : [["python3", ["-m", "venv", "--clear", environment.folder]]]),
    [python, ["-m", "pip", "install", "--quiet", ...files]],
  ];
}

/** @param {PythonEnvironment} environment */
export function stampPythonEnvironment(environment) {
  writeFileSync(stampOf(environment), digest(environment));
}

/**
 * Before it changes: one that is left in the middle of that matches nothing.
 * @param {PythonEnvironment} environment
 */
export function unstampPythonEnvironment(environment) {
  rmSync(stampOf(environment), { force: true });
}
