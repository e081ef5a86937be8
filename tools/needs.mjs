/**
 * What of this computer the project uses, in pieces: set-up installs a piece when a command needs it, and `obscura
 * doctor` lists them all. Plain JavaScript: it runs before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { isPackage, nodeRange, venv } from "./installation.mjs";

/**
 * @typedef {object} Need
 * @property {string} piece the part of set-up that brings it
 * @property {string} name for a person
 * @property {string} package Debian's package
 * @property {() => boolean} isPresent quick, for it runs at every start
 * @property {string[]} [version] a command whose first line has the version
 */

/** @type {readonly Need[]} */
export const needs = [
  {
    ...{ piece: "native", name: "C compiler", package: "build-essential" },
    ...{ isPresent: () => onPath("cc"), version: ["cc", "--version"] },
  },
  {
    ...{ piece: "native", name: "CMake", package: "cmake" },
    ...{ isPresent: () => onPath("cmake"), version: ["cmake", "--version"] },
  },
  {
    ...{ piece: "native", name: "Ninja", package: "ninja-build" },
    ...{ isPresent: () => onPath("ninja"), version: ["ninja", "--version"] },
  },
  {
    ...{ piece: "native", name: "Cargo", package: "cargo-web" },
    ...{ isPresent: () => isPackage || onPath("cargo"), version: ["cargo", "--version"] },
  },
  {
    ...{ piece: "cortex-m", name: "cross compiler", package: "gcc-arm-none-eabi" },
    ...{ isPresent: () => onPath("arm-none-eabi-gcc"), version: ["arm-none-eabi-gcc", "--version"] },
  },
  {
    ...{ piece: "cortex-m", name: "newlib", package: "libnewlib-arm-none-eabi", isPresent: hasNewlib },
  },
  {
    ...{ piece: "cortex-m", name: "QEMU", package: "qemu-system-arm" },
    ...{ isPresent: () => onPath("qemu-system-arm"), version: ["qemu-system-arm", "--version"] },
  },
  {
    ...{ piece: "python", name: "Python's venv", package: "python3-venv" },
    ...{ isPresent: hasVenvModule, version: ["python3", "--version"] },
  },
  {
    ...{ piece: "interop", name: "tshark", package: "tshark" },
    ...{ isPresent: () => onPath("tshark"), version: ["tshark", "--version"] },
  },
  {
    ...{ piece: "callgrind", name: "valgrind", package: "valgrind" },
    ...{ isPresent: () => onPath("valgrind"), version: ["valgrind", "--version"] },
  },
];

/**
 * Whether a program is on the path.
 * @param {string} program
 */
export function onPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function hasNewlib() {
  const probe = spawnSync("arm-none-eabi-gcc", ["-print-file-name=nano.specs"], { encoding: "utf8" });
  return probe.status === 0 && probe.stdout.trim() !== "nano.specs";
}

function hasVenvModule() {
  // A virtual environment that works proves the module without the cost of starting Python.
  if (existsSync(join(venv, "bin", "pip"))) return true;
  return spawnSync("python3", ["-c", "import ensurepip, venv"]).status === 0;
}

/** What is wrong with the Node that runs this, in one sentence; undefined when it is new enough. */
export function nodeProblem() {
  const wanted = nodeRange.replace(/^>=/, "");
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor = 0] = wanted.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return `this is Node ${process.versions.node}; Node ${wanted} or newer is needed (https://nodejs.org)`;
}
