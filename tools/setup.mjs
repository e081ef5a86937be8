/**
 * Set-up: brings a machine to the point where the verbs of run.mjs work. Every piece first looks whether it is
 * there already, which takes milliseconds. Output goes to standard error only, so that a verb's standard output
 * stays its own.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Where the Python virtual environment lives. */
export const venv = join(root, "build", "venv");

/** A set-up that cannot go on; the message is one line that says what to do. */
export class SetupError extends Error {}

/** Files whose packages the virtual environment holds. */
const requirementFiles = ["requirements.txt", "requirements-dev.txt"];

/**
 * Debian packages by piece: each is needed unless its probe finds what it brings.
 * @type {Record<string, { package: string, present: () => boolean }[]>}
 */
const debian = {
  native: [
    { package: "build-essential", present: () => onPath("cc") && onPath("make") },
    { package: "cmake", present: () => onPath("cmake") },
    { package: "ninja-build", present: () => onPath("ninja") },
  ],
  "cortex-m": [
    { package: "gcc-arm-none-eabi", present: () => onPath("arm-none-eabi-gcc") },
    { package: "libnewlib-arm-none-eabi", present: hasNewlib },
    { package: "qemu-system-arm", present: () => onPath("qemu-system-arm") },
  ],
  python: [{ package: "python3-venv", present: hasVenvModule }],
  witness: [
    { package: "tshark", present: () => onPath("tshark") },
    { package: "valgrind", present: () => onPath("valgrind") },
  ],
};

/** @param {string} program */
function onPath(program) {
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

/** @param {string} line */
function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

/**
 * Runs a command and shows its output only when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [environment]
 */
function run(command, args, environment = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...environment },
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return {
    succeeded: result.status === 0,
    output: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`,
  };
}

/** @param {string[]} args */
function aptGet(args) {
  return run("apt-get", ["-qq", "-y", ...args], { DEBIAN_FRONTEND: "noninteractive" });
}

/** @param {string[]} pieces */
function debianPackages(pieces) {
  const missing = () =>
    pieces.flatMap((piece) =>
      (debian[piece] ?? []).filter((entry) => !entry.present()).map((e) => e.package),
    );
  const wanted = missing();
  if (wanted.length === 0) return;
  const root = process.getuid?.() === 0;
  if (!root || !onPath("apt-get")) {
    throw new SetupError(
      `set-up: missing ${wanted.join(", ")}; install them with: sudo apt-get install -y --no-install-recommends ${wanted.join(" ")}`,
    );
  }
  say(`installing Debian packages ${wanted.join(" ")}`);
  const install = ["install", "--no-install-recommends", ...wanted];
  let result = aptGet(install);
  if (!result.succeeded) {
    say("refreshing Debian's package lists");
    aptGet(["update"]);
    result = aptGet(install);
  }
  if (!result.succeeded) {
    process.stderr.write(result.output);
    throw new SetupError(`set-up: apt-get could not install ${wanted.join(" ")}; its output is above`);
  }
  const left = missing();
  if (left.length > 0) throw new SetupError(`set-up: ${left.join(", ")} installed, but still not found`);
}

/**
 * Whether node_modules holds what package-lock.json asks for, by the lock file that npm keeps inside it.
 * Packages for other platforms are optional and absent.
 */
function nodeModulesMatch() {
  const hidden = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(hidden, "utf8")).packages;
  delete wanted[""];
  return (
    Object.keys(installed).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, entry]) =>
      path in installed ? installed[path].integrity === entry.integrity : entry.optional === true,
    )
  );
}

function nodeModules() {
  if (nodeModulesMatch()) return;
  say("installing npm packages");
  // Install scripts stay off: the engine's would clone and build a worker that nothing here uses.
  const result = run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  if (result.succeeded) return;
  process.stderr.write(result.output);
  throw new SetupError("set-up: npm ci --ignore-scripts failed; its output is above");
}

function pythonEnvironment() {
  const files = requirementFiles.map((name) => join(root, name)).filter((file) => existsSync(file));
  if (files.length === 0) return;
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  const wanted = hash.digest("hex");
  const stamp = join(venv, "requirements.sha256");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say(`installing Python packages into build/venv`);
  rmSync(stamp, { force: true });
  const steps = [
    ["python3", ["-m", "venv", venv]],
    [
      join(venv, "bin", "python"),
      ["-m", "pip", "install", "--quiet", ...files.flatMap((file) => ["-r", file])],
    ],
  ];
  for (const [command, args] of steps) {
    const result = run(command, args, { PIP_DISABLE_PIP_VERSION_CHECK: "1" });
    if (result.succeeded) continue;
    process.stderr.write(result.output);
    throw new SetupError(`set-up: ${command} ${args.join(" ")} failed; its output is above`);
  }
  writeFileSync(stamp, wanted);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Keeps two set-ups of one clone apart; returns the function that lets the next one in. */
function lock() {
  const file = join(root, "build", "setup.lock");
  mkdirSync(join(root, "build"), { recursive: true });
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (let told = false; ; told = true) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    if (holder > 0 && !isAlive(holder)) rmSync(file, { force: true });
    else if (!told) say("waiting for another set-up of this clone");
    Atomics.wait(sleep, 0, 0, 200);
  }
}

/**
 * Makes sure that these pieces are there: "node" (npm packages), "native" (C compiler, CMake, Ninja), "cortex-m"
 * (cross compiler, QEMU), "python" (virtual environment), "witness" (tools that only tests use).
 * @param {string[]} pieces
 * @throws {SetupError} with one line that says what to install
 */
export function setUp(pieces) {
  const unlock = lock();
  try {
    debianPackages(pieces);
    if (pieces.includes("node")) nodeModules();
    if (pieces.includes("python")) pythonEnvironment();
  } finally {
    unlock();
  }
}
