/** What of this computer is there, what is missing for which purpose, and how to get it. Installs nothing. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isPackage, root } from "../installation.mjs";
import { needs, nodeProblem } from "../needs.mjs";
import { pythonEnvironmentMatches, pythonEnvironments } from "../python-environments.mjs";
import { nodeModulesMatch } from "../setup.mjs";

/**
 * @typedef {object} Finding
 * @property {"need"} type
 * @property {string} purpose what it is needed for, one of `purposes`
 * @property {string} name
 * @property {string} [found] its version; absent when it is missing
 * @property {string} [remedy] how to get it; present when it is missing
 */

const inPackage = [
  { purpose: "obscura run", pieces: ["node", "native"] },
  { purpose: "obscura run --board mps2-an500", pieces: ["cortex-m"] },
  { purpose: "obscura run --radio bumble, serial:…, usb:…, hci-socket:…", pieces: ["python"] },
];

const inClone = [
  { purpose: "npm start", pieces: ["node", "native"] },
  { purpose: "npm start -- --board mps2-an500", pieces: ["cortex-m"] },
  {
    purpose: "npm start -- --radio bumble, serial:…, usb:…, hci-socket:…; npm run check",
    pieces: ["python"],
  },
  { purpose: "npm run bench", pieces: ["callgrind"] },
  { purpose: "npm test: all of these, and", pieces: ["interop", "clients"] },
];

/** Commands that need something, and the pieces of set-up; the first is the default. */
export const purposes = isPackage ? inPackage : inClone;

/**
 * Looks for everything.
 * @returns {AsyncGenerator<Finding, boolean, void>} at the end, whether the default has all that it needs
 */
export async function* doctor() {
  let isDefaultReady = true;
  for (const { purpose, pieces } of purposes) {
    for (const { name, found, remedy } of look(pieces)) {
      if (purpose === purposes[0].purpose && found === undefined) isDefaultReady = false;
      yield { type: "need", purpose, name, ...(found === undefined ? { remedy } : { found }) };
    }
  }
  return isDefaultReady;
}

/** @param {string[]} pieces */
function look(pieces) {
  return [
    ...(pieces.includes("node") ? [nodeItself(), nodeModules()] : []),
    ...needs
      .filter(({ piece }) => pieces.includes(piece))
      .map((need) => ({
        name: need.name,
        found: need.isPresent() ? (versionOf(need.version) ?? "present") : undefined,
        remedy: `apt-get install --no-install-recommends ${need.package}`,
      })),
    ...pieces.filter((piece) => piece in pythonEnvironments).map(pythonEnvironment),
  ];
}

function nodeItself() {
  const problem = nodeProblem();
  return { name: "Node", found: problem === undefined ? process.version : undefined, remedy: problem };
}

function nodeModules() {
  const found = isPackage ? "present" : "as package-lock.json asks";
  const npmCi = "npm ci --ignore-scripts, or the command itself does it";
  const isOther = existsSync(join(root, "node_modules"));
  return {
    name: "npm packages",
    found: nodeModulesMatch() ? found : undefined,
    remedy: isPackage ? "npm install" : isOther ? `not those of package-lock.json: ${npmCi}` : npmCi,
  };
}

/** @param {string} piece */
function pythonEnvironment(piece) {
  const environment = pythonEnvironments[piece];
  const { folder } = environment;
  return {
    name: piece === "python" ? "Python packages" : "Python packages of updates",
    found: pythonEnvironmentMatches(environment) ? `in ${folder}` : undefined,
    remedy: `the command itself installs them into ${folder}`,
  };
}

/** @param {string[] | undefined} command */
function versionOf(command) {
  if (command === undefined) return undefined;
  const [program, ...args] = command;
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? stdout.trim().split("\n")[0] : undefined;
}
