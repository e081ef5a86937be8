/** Set-up on a machine where nothing is there yet, in a folder of its own, with a Cargo that the test plays. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, it } from "mocha";
import { cryptoFolder } from "../../../tools/installation.mjs";
import { root } from "../../../tools/paths.ts";

describe("set-up: sources of cryptography", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura set-up "));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A clone that has what set-up reads, and crates as Cargo unpacks them. */
  function clone(): void {
    for (const name of readdirSync(join(root, "tools")).filter((each) => each.endsWith(".mjs")))
      cpSync(join(root, "tools", name), join(folder, "tools", name));
    for (const name of ["package.json", "package-lock.json", "firmware/native/crypto"])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    cpSync(cryptoFolder, join(folder, "crates/psa/vendor"), { recursive: true });
    for (const place of ["Monocypher", "Monocypher/src"]) {
      cpSync(join(cryptoFolder, "monocypher"), join(folder, "crates/monocypher", place), { recursive: true });
    }
  }

  /** A Cargo that says on its standard error what it does, as it does where its cache is empty. */
  function playCargo(script: string): void {
    const bin = join(folder, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "cargo"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  function setUp() {
    const module = pathToFileURL(join(folder, "tools/setup.mjs")).href;
    const program = `const { setUp } = await import(${JSON.stringify(module)}); await setUp(["native"]);`;
    return spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
      env: { ...process.env, PATH: [join(folder, "bin"), process.env.PATH].join(delimiter) },
    });
  }

  it("are found in what Cargo writes, whatever it says of its work", () => {
    clone();
    const crate = (name: string, at: string) => ({
      name,
      manifest_path: join(folder, "crates", at, "Cargo.toml"),
    });
    const packages = [crate("psa-crypto-sys", "psa"), crate("monocypher-sys", "monocypher")];
    writeFileSync(join(folder, "metadata.json"), JSON.stringify({ packages }));
    playCargo(`echo "    Updating crates.io index" >&2\ncat '${join(folder, "metadata.json")}'`);
    const { status, stderr, stdout } = setUp();
    assert.equal(status, 0, stderr);
    assert.equal(stdout, "");
    for (const file of ["library/aes.c", "3rdparty/p256-m/p256-m/p256-m.c", "monocypher/monocypher.c"])
      assert.ok(existsSync(join(folder, "build/crypto", file)), file);
  });

  it("are asked for again after Cargo has failed, whose words are shown", () => {
    clone();
    playCargo('echo "error: no network" >&2\nexit 101');
    for (let time = 0; time < 2; time++) {
      const { status, stderr } = setUp();
      assert.notEqual(status, 0);
      assert.match(stderr, /error: no network/);
      assert.match(stderr, /cargo could not fetch the sources of cryptography/);
    }
  });
});

/** A folder with what set-up needs of a clone before anything is installed, and an empty bin/. */
function newClone(): string {
  const folder = mkdtempSync(join(tmpdir(), "obscura set-up "));
  for (const name of readdirSync(join(root, "tools")).filter((each) => each.endsWith(".mjs")))
    cpSync(join(root, "tools", name), join(folder, "tools", name));
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(root, name), join(folder, name));
  mkdirSync(join(folder, "bin"));
  return folder;
}

describe("set-up, interrupted", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = newClone();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A program that set-up runs, in the place of the real one. It says in a file with which processes it has begun. */
  function play(name: string, script: string): void {
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** One that never ends, and has a child; both end by SIGKILL alone where they are stubborn. */
  const endless = (isStubborn: boolean): string =>
    `${isStubborn ? "trap '' TERM INT HUP" : ""}
sleep 3600 &
echo "$$ $!" > '${join(folder, "begun.tmp")}'
mv '${join(folder, "begun.tmp")}' '${join(folder, "begun")}'
${isStubborn ? "while :; do wait; done" : "wait"}`;

  /** Begins a set-up with `npm start`'s own entry; the processes of the program that it runs. */
  async function begin(environment: NodeJS.ProcessEnv = {}) {
    const PATH = [join(folder, "bin"), process.env.PATH].join(delimiter);
    const child = spawn(process.execPath, [join(folder, "tools/run.mjs"), "start"], {
      cwd: folder,
      env: { ...process.env, npm_lifecycle_event: undefined, ...environment, PATH },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    const begun = join(folder, "begun");
    await Promise.race([waitForFile(begun), ended.then(() => assert.fail(`it has ended: ${output}`))]);
    const pids = readFileSync(begun, "utf8").trim().split(" ").map(Number);
    return { child, ended, pids, output: () => output };
  }

  /** Waits for what another process writes: by the folder's events, not by the clock. */
  function waitForFile(path: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!existsSync(path)) return;
        watcher.close();
        resolve();
      };
      const watcher = watch(folder, look);
      look();
    });
  }

  /**
   * A process that was ended has closed its files, which is what set-up waits for, a moment before it is gone. One that was not
   * goes on for ever, and this with it.
   */
  async function gone(pids: readonly number[]): Promise<void> {
    while (pids.some(isAlive)) await setImmediate();
  }

  /** A zombie has ended: only its parent has not asked how. */
  function isAlive(pid: number): boolean {
    try {
      return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return false;
    }
  }

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    it(`by ${signal}: ends with ${status}, and npm with all that it has started`, async () => {
      play("npm", endless(false));
      const { child, ended, output, pids } = await begin();
      child.kill(signal);
      assert.deepEqual(await ended, [status, null]);
      await gone(pids);
      assert.match(output(), /set-up: interrupted; the next one does what it has not finished/);
    });
  }

  it("programs that take no signal are killed", async () => {
    play("npm", endless(true));
    const { child, ended, pids } = await begin();
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [143, null]);
    await gone(pids);
  });

  it("the next one begins anew, and waits for nobody", async () => {
    play("npm", endless(false));
    for (let time = 0; time < 2; time++) {
      const { child, ended, output } = await begin();
      rmSync(join(folder, "begun"));
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [143, null]);
      assert.match(output(), /installing npm packages/);
      assert.doesNotMatch(output(), /waiting for another set-up/);
    }
  });

  it("while it waits for another set-up", async () => {
    play("npm", endless(false));
    const first = await begin();
    const second = spawn(process.execPath, [join(folder, "tools/run.mjs"), "start"], {
      cwd: folder,
      env: { ...process.env, npm_lifecycle_event: undefined },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(second, "close");
    for await (const text of second.stderr.setEncoding("utf8")) if (/waiting for another/.test(text)) break;
    second.kill("SIGTERM");
    assert.deepEqual(await ended, [143, null]);
    assert.equal(isAlive(first.pids[0]!), true, "the other goes on");
    first.child.kill("SIGTERM");
    await first.ended;
  });

  it("Python packages that were interrupted in the middle are no complete environment", async () => {
    const { pythonCommands, pythonEnvironmentMatches, stampPythonEnvironment, unstampPythonEnvironment } =
      await import(pathToFileURL(join(root, "tools/python-environments.mjs")).href);
    const environment = { folder: join(folder, "venv"), files: ["requirements.txt"] };
    mkdirSync(join(environment.folder, "bin"), { recursive: true });
    writeFileSync(join(environment.folder, "bin/python"), "");
    assert.equal(pythonCommands(environment).length, 2, "one without pip is made again");
    writeFileSync(join(environment.folder, "bin/pip"), "");
    assert.equal(pythonCommands(environment).length, 1);
    stampPythonEnvironment(environment);
    assert.equal(pythonEnvironmentMatches(environment), true);
    unstampPythonEnvironment(environment);
    assert.equal(pythonEnvironmentMatches(environment), false);
  });
});

describe("set-up, where nothing can be written", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = newClone();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** `npm start` with an npm that does this; what it says, which is no stack. */
  function start(npm: string) {
    writeFileSync(join(folder, "bin/npm"), `#!/bin/sh\n${npm}\n`, { mode: 0o755 });
    const { status, stderr } = spawnSync(process.execPath, [join(folder, "tools/run.mjs"), "start"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PATH: [join(folder, "bin"), process.env.PATH].join(delimiter) },
    });
    assert.equal(status, 1, stderr);
    assert.doesNotMatch(stderr, /^ +at |Node\.js v/m);
    return stderr;
  }

  it("names the folder in one line when it may not lay down its lock (needs /sys/kernel)", function () {
    // Nobody makes files there, the superuser neither.
    if (!existsSync("/sys/kernel")) this.skip();
    symlinkSync("/sys/kernel", join(folder, "build"));
    assert.match(
      start("exit 1"),
      /^set-up: \/.*build\/setup\.lock\S* (may not be written|is on a file system).*\n$/,
    );
  });

  it("takes no packages for whole that npm could not write to their end, now or the next time", () => {
    const hidden = join(folder, "node_modules/.package-lock.json");
    const { "": _, ...packages } = JSON.parse(
      readFileSync(join(folder, "package-lock.json"), "utf8"),
    ).packages;
    writeFileSync(join(folder, "hidden"), JSON.stringify({ packages }));
    const npm = `mkdir -p node_modules && cp hidden node_modules/.package-lock.json
echo "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write" >&2`;
    assert.match(
      start(npm),
      /\nset-up: no space is left for \/.*node_modules: free some, and run this again\n$/,
    );
    assert.equal(existsSync(hidden), false);
    assert.match(
      start('mkdir -p node_modules && printf "{" > node_modules/.package-lock.json'),
      /\nset-up: npm ci left \/.*node_modules incomplete; its output is above: run this again\n$/,
    );
    assert.equal(existsSync(hidden), false);
  });
});
