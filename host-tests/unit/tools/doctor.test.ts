/** `obscura doctor`: what it finds, what it says of what is missing, and that it needs nothing itself. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";

interface Finding {
  readonly type: "need";
  readonly purpose: string;
  readonly name: string;
  readonly found?: string;
  readonly remedy?: string;
}

describe("obscura doctor", function () {
  this.timeout(600_000);
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-doctor-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function doctor(clone: string, path: string | undefined, ...args: string[]) {
    const command = [join(clone, "tools/obscura.mjs"), "doctor", ...args];
    return spawnSync(process.execPath, command, {
      encoding: "utf8",
      env: { ...process.env, ...(path === undefined ? {} : { PATH: path }) },
    });
  }

  const findings = (stdout: string): Finding[] =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Finding);

  it("finds what the tests themselves run with", () => {
    const { status, stdout } = doctor(root, undefined, "--json");
    assert.equal(status, 0, stdout);
    for (const name of ["Node", "npm packages", "C compiler", "CMake", "Ninja", "QEMU"]) {
      const found = findings(stdout).find((finding) => finding.name === name);
      assert.notEqual(found?.found, undefined, name);
    }
  });

  it("says how to get what is missing, and fails when the default needs it", () => {
    const programs = join(folder, "bin");
    mkdirSync(programs);
    const { status, stdout } = doctor(root, programs);
    assert.equal(status, 1);
    assert.match(stdout, /✗ C compiler +missing: apt-get install .*build-essential/);
    assert.match(stdout, /✗ Ninja +missing: .*ninja-build/);
    assert.match(stdout, /✗ QEMU +missing: .*qemu-system-arm/);
    assert.match(stdout, /npm start lacks something/);
  });

  it("needs neither Python nor QEMU for the default", () => {
    const programs = join(folder, "bin");
    mkdirSync(programs);
    // Anything that can be started will do: doctor asks for its presence and its version.
    for (const name of ["cc", "cmake", "ninja", "cargo"]) symlinkSync("/bin/true", join(programs, name));
    const { status, stdout } = doctor(root, programs, "--json");
    assert.equal(status, 0, stdout);
    const missing = findings(stdout).filter((finding) => finding.found === undefined);
    assert.ok(missing.length > 0);
    assert.ok(missing.every(({ purpose, remedy }) => purpose !== "npm start" && remedy !== undefined));
  });

  it("runs in a clone without npm packages, and says how to get them", () => {
    for (const name of [
      "tools",
      "package.json",
      "package-lock.json",
      "requirements.txt",
      "requirements-clients.txt",
      "requirements-dev.txt",
    ])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    const { status, stdout, stderr } = doctor(folder, undefined);
    assert.equal(status, 1, stderr);
    assert.match(stdout, /✗ npm packages +missing: npm ci --ignore-scripts/);
  });

  it("lists its options for an unknown one, and helps", () => {
    const wrong = doctor(root, undefined, "--cure");
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /unknown option '--cure'.*--json/);
    const help = doctor(root, undefined, "--help");
    assert.equal(help.status, 0);
    assert.match(help.stdout, /Exit status: 0 .*1 .*2 /s);
  });
});
