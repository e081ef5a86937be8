/** The two slots in C: which bundle runs, and what a cut of the supply at each operation of flash leaves. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { setUp } from "../../../tools/setup.mjs";
import { parseVersion, signBody } from "../../../tools/update/format.ts";
import { readSigningKey, type SigningKey } from "../../../tools/update/keys.ts";
import { makeBody, makeRevocation } from "../../../tools/update/manifest.ts";
import { container } from "./container.ts";
import { keyCommand, Verifier } from "./verifier.ts";

describe("Slots in C", function () {
  this.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), "obscura-slots-"));
  let slots: Verifier;
  let key: SigningKey;

  before(async () => {
    await setUp(["native"]);
    slots = new Verifier("unit/update/slots_lines.c");
    key = makeKey("key.pem");
  });

  function makeKey(name: string): SigningKey {
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(join(folder, name), privateKey.export({ type: "pkcs8", format: "pem" }));
    return readSigningKey(join(folder, name));
  }

  after(() => {
    slots?.dispose();
    rmSync(folder, { recursive: true });
  });

  /** Bundles of 4 KB with these security counters. */
  function ask(counters: readonly number[], command: string): string[] {
    const bundles = counters.map((counter, index) => {
      const body = makeBody(container({ code: 3800 }), "it", { board: "host", counter });
      return `bundle ${index} ${signBody(body, parseVersion(`${index}.0.0`), key).toString("hex")}`;
    });
    return slots.ask([key.publicKey], ...bundles, command);
  }

  it("lose neither the confirmed bundle nor the counter, wherever the supply is cut", () => {
    const [runs, ...problems] = ask([1, 5, 7, 9], "cuts").reverse();
    assert.deepEqual(problems, []);
    // Nothing done, half of it, and all but the answer, at each of some hundred operations.
    assert.ok(Number(/^(\d+) runs$/.exec(runs!)?.[1]) > 400, runs);
  });

  it("run the confirmed bundle, and take another one, with any bit of the state the other way", () => {
    const [runs, ...problems] = ask([1, 5, 7, 9], "flips").reverse();
    assert.deepEqual(problems, []);
    assert.ok(Number(/^(\d+) runs$/.exec(runs!)?.[1]) > 1000, runs);
  });

  it("start nothing that does not verify, and take another bundle, whatever a state says", () => {
    assert.deepEqual(ask([1, 5, 7, 9], "states 400"), ["400 runs"]);
  });

  it("refuse each byte of a bundle the other way, with a reason: after the upload, at the mark, at the trial and later", () => {
    const body = makeBody(container({ code: 700 }), "it", { board: "host", counter: 1 });
    const file = signBody(body, parseVersion("1.0.0"), key);
    const said = slots.ask([key.publicKey], `bundle 0 ${file.toString("hex")}`, "tampering");
    assert.deepEqual(said, [`${file.length} runs`]);
  });

  it("choose in their order, refuse what is older, and raise the floor by 1,000 at most", () => {
    assert.deepEqual(ask([1, 5000, 6000, 9], "rules"), [
      // Nothing is in slot 0.
      "the bundle is not a signed bundle; sign it with obscura sign",
      "marked",
      "runs 0 trial 1 confirmed -1 floor 0",
      "a trial is running; confirm it, or reset the camera",
      "runs 0 trial 0 confirmed 0 floor 1000",
      "this is the confirmed bundle",
      "free 0 1",
      "the bundle has a lower security counter than this camera has confirmed; sign a newer one",
      "marked",
      "free 0 0",
      "update: the trial of slot 1 has ended: its bundle is damaged (its SHA-256 is another one)",
      "runs 0 trial 0 confirmed 0 floor 1000",
      "update: the confirmed bundle is damaged (its SHA-256 is another one)",
      "update: starting the application of the image",
      "runs -1 trial 0 confirmed 0 floor 1000",
      "update: the confirmed bundle is damaged (its SHA-256 is another one)",
      "update: starting the bundle of the other slot",
      "runs 1 trial 0 confirmed 0 floor 1000",
    ]);
  });

  it("take a key back for good when the root key says so, which does nothing else", () => {
    const [other, root] = [makeKey("other.pem"), makeKey("root.pem")];
    const version = parseVersion("1.0.0");
    const application = makeBody(container({ code: 3800 }), "it", { board: "host", counter: 0 });
    const files = [
      signBody(application, version, key),
      signBody(makeRevocation(key.publicKey.hash), version, root),
      signBody(application, version, other),
      signBody(application, version, root),
    ];
    const bundles = files.map((file, index) => `bundle ${index} ${file.toString("hex")}`);
    const keys = [key.publicKey, other.publicKey];
    const rootLine = keyCommand(root.publicKey, "root");
    assert.deepEqual(slots.ask(keys, rootLine, ...bundles, "revocation"), [
      "marked",
      "runs 0 trial 1 confirmed -1 floor 0",
      "the bundle is signed with the root key, which signs revocations only",
      "marked",
      "trial 0 revoked 1",
      // Again, which changes nothing.
      "marked",
      "revoked 1",
      "update: the confirmed bundle is signed with a key that has been revoked",
      "update: starting the application of the image",
      "runs -1 trial 0 confirmed 0 floor 0",
      // The other slot's turn, as the confirmed bundle does not run any more.
      "the bundle is signed with a key that has been revoked",
      "marked",
      "runs 1 trial 1 confirmed 0 floor 0",
      "runs 1 trial 0 confirmed 1 floor 0",
      "this is the last key that the camera trusts; build an image with another one",
      "this camera does not trust the key that the file revokes",
    ]);
  });
});
