/** Set-up on a machine where nothing is there yet, in a folder of its own, with a Cargo that the test plays. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
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
    const program = `const { setUp } = await import(${JSON.stringify(module)}); setUp(["native"]);`;
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
