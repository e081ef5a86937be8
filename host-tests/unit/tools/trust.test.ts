/** Where images go by the keys that they trust, and what a build with other keys leaves there. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { folderEnding } from "../../../tools/build/build.ts";
import { perform } from "../../../tools/cli/perform.ts";
import { developmentKeyFile, generateKey, publicFileOf } from "../../../tools/update/keys.ts";
import { readTrustedKeys, writeTrustedKeys } from "../../../tools/update/trusted-keys.ts";

describe("tools/build: images by the keys that they trust", () => {
  const folder = mkdtempSync(join(tmpdir(), "trust-"));
  const [site, spare] = ["site.pem", "spare.pem"].map((name) => join(folder, name)) as [string, string];
  const trusting = (...files: string[]) => readTrustedKeys(files, false);

  before(async () => {
    for (const file of [site, spare]) await perform(generateKey(file, "ed25519"), () => undefined);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("those that only their owner can sign for are for release, and no other is among them", () => {
    const own = trusting(publicFileOf(site));
    const open = trusting(publicFileOf(site), developmentKeyFile);
    const endings = [
      [[], {}, ""],
      [[], { release: true }, "-release"],
      [own, {}, "-release"],
      [own, { release: true }, "-release"],
      [own, { sanitize: true }, "-release-sanitize"],
      [open, {}, "-trust"],
      [trusting(developmentKeyFile), { sanitize: true }, "-trust-sanitize"],
    ] as const;
    for (const [keys, options, ending] of endings) assert.equal(folderEnding(keys, options), ending);
  });

  it("one with other keys is gone before a build begins, and one with the same stays", () => {
    const place = join(folder, "image");
    const image = join(place, "firmware");
    const kit = join(place, "relink");
    mkdirSync(kit, { recursive: true });
    const build = (...files: string[]) => {
      writeTrustedKeys(trusting(...files), place);
      return [image, kit].map((made) => existsSync(made));
    };
    writeFileSync(image, "of an earlier version, which kept no other keys from here");
    assert.deepEqual(build(publicFileOf(site)), [false, false]);
    mkdirSync(kit);
    writeFileSync(image, "");
    assert.deepEqual(build(publicFileOf(site)), [true, true]);
    assert.deepEqual(build(publicFileOf(site), publicFileOf(spare)), [false, false]);
    assert.match(readFileSync(join(place, "trusted_keys.inc.h"), "utf8"), /TRUSTED_DEVELOPMENT 0/);
  });
});
