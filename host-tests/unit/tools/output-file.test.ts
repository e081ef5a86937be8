/** What commands write to a file that a person names, and what of theirs they leave alone. */
import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { perform } from "../../../tools/cli/perform.ts";
import { energyReport } from "../../../tools/energy/command.ts";
import { energyPage, PAGE_BEGINNING } from "../../../tools/energy/report.ts";
import type { Operation } from "../../../tools/events.ts";
import { checkOutput } from "../../../tools/output-file.ts";
import { startRecorder } from "../../../tools/session/recorder.ts";
import { generateKey, publicFileOf } from "../../../tools/update/keys.ts";
import { revokeKey } from "../../../tools/update/revoke.ts";
import { signApplication } from "../../../tools/update/sign.ts";
import { container } from "../update/container.ts";

const refusal = {
  name: "UsageError",
  message: / exists, and is nothing that this command writes: name another/,
};

describe("tools/output-file", () => {
  let folder = "";
  let root = "";
  let site = "";
  let bytecode = "";
  const path = (name: string): string => join(folder, name);
  const run = <T>(operation: Operation<T>): Promise<T> => perform(operation, () => undefined);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "output-"));
    [root, site, bytecode] = [path("root.pem"), path("site.pem"), path("application.xsb")];
    for (const key of [root, site]) await run(generateKey(key, "ed25519"));
    writeFileSync(bytecode, container());
    writeFileSync(path("main.ts"), "console.log(1);");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** The command leaves each of these as it is, and writes the same name again that it has written. */
  async function keeps(write: (output: string) => Promise<unknown>, output: string): Promise<void> {
    for (const name of [root, site, publicFileOf(site), bytecode, path("main.ts")]) {
      const before = readFileSync(name);
      await assert.rejects(write(name), refusal, name);
      assert.deepEqual(readFileSync(name), before);
    }
    writeFileSync(output, "");
    for (let times = 0; times < 2; times++) await write(output);
    await assert.rejects(write(folder), { name: "UsageError", message: / is a folder: name a file in it/ });
  }

  it("sign overwrites no key, no source and no bytecode, and its own files alone", async () => {
    for (const unsigned of [false, true]) {
      const options = { application: bytecode, board: "host", manifest: "camera", key: site, unsigned };
      await keeps((output) => run(signApplication({ ...options, output })), path(`out-${unsigned}`));
    }
  });

  it("revoke overwrites neither of its keys, nor another's", async () => {
    await keeps(
      (output) => run(revokeKey(publicFileOf(site), { key: root, output })),
      path("revocation.bin"),
    );
  });

  it("a recording overwrites recordings alone", async () => {
    await assert.rejects(startRecorder("tcp:127.0.0.1:1", site), refusal);
    for (let times = 0; times < 2; times++)
      (await startRecorder("tcp:127.0.0.1:1", path("trace.btsnoop"))).stop();
  });

  it("a page of energy overwrites pages alone, and says so before days are played", async () => {
    const options = { applications: ["environment-sensor"], days: 1, profiles: ["none"], settings: [] };
    const report = (html: string) => run(energyReport({ ...options, html } as never));
    await assert.rejects(report(site), refusal);
    writeFileSync(path("page.html"), energyPage([]));
    await assert.rejects(report(path("page.html")), /There is no profile "none"/);
  });

  it("a page of energy begins as it says", () => assert.ok(energyPage([]).startsWith(PAGE_BEGINNING)));

  it("neither sign nor revoke overwrites what the other has made, nor what only begins like it", async () => {
    const signing = { application: bytecode, board: "host", manifest: "camera", key: site };
    const bySign = (output: string) => run(signApplication({ ...signing, output }));
    const byBody = (output: string) => run(signApplication({ ...signing, output, unsigned: true }));
    const byRevoke = (output: string) => run(revokeKey(publicFileOf(site), { key: root, output }));
    const [bundle, body, revocation] = ["a.bin", "a.body", "r.bin"].map(path) as [string, string, string];
    const kinds = [
      [bundle, bySign],
      [body, byBody],
      [revocation, byRevoke],
    ] as const;
    for (const [file, write] of kinds) await write(file);
    writeFileSync(
      path("notes"),
      Buffer.concat([readFileSync(bundle).subarray(0, 4), Buffer.from(" my notes")]),
    );
    const cut = path("cut");
    writeFileSync(cut, readFileSync(bundle).subarray(0, -1));
    for (const [own, write] of kinds)
      for (const file of [bundle, body, revocation, path("notes"), cut]) {
        const before = readFileSync(file);
        if (file === own) await write(file);
        else await assert.rejects(write(file), refusal, `${own} ${file}`);
        assert.deepEqual(readFileSync(file), before);
      }
  });

  it("what is no file is written: a terminal, a pipe, nothing", () => {
    checkOutput("/dev/null", "x");
    checkOutput(path("new"), "x");
    mkdirSync(path("a folder"));
    assert.throws(() => checkOutput(path("a folder"), "x"), { name: "UsageError" });
  });

  it("a link to nothing and one to itself are left alone, and what a link leads to is written", () => {
    for (const [name, target] of [
      ["dangling", "nowhere"],
      ["loop", "loop"],
    ] as const) {
      symlinkSync(target, path(name));
      const message = /is a link to nothing|cannot be written: ELOOP/;
      assert.throws(() => checkOutput(path(name), "x"), { name: "UsageError", message });
      assert.ok(lstatSync(path(name)).isSymbolicLink());
    }
    assert.equal(existsSync(path("nowhere")), false);
    writeFileSync(path("there"), "xyz");
    symlinkSync("there", path("link"));
    checkOutput(path("link"), "x");
  });

  it("keygen names the private key's file for one that is called as public ones are", async () => {
    await assert.rejects(run(generateKey(path("new.pub.pem"), "ed25519")), {
      name: "UsageError",
      message: /new\.pub\.pem is what a public key is called: name the private one, .*new\.pem\.$/,
    });
  });
});
