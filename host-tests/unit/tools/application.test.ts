/** Which application a word on the command line means. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { applicationKind, findApplication } from "../../../tools/build/application.ts";
import { root } from "../../../tools/paths.ts";
import { signApplication } from "../../../tools/update/sign.ts";

describe("the application that a word means", () => {
  const before = process.cwd();
  let folder = "";

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "obscura-application-")));
    process.chdir(folder);
  });

  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  function make(name: string): string {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "main.ts"), "");
    return join(folder, name, "main.ts");
  }

  const example = join(root, "examples/mailbox/main.ts");

  it("is a folder's, whatever the folder is called, and a file's by its ending", async () => {
    for (const name of ["x.bin", "x.xsb"]) {
      const entry = make(name);
      assert.equal(applicationKind(name), "source");
      assert.equal(findApplication(name).entry, entry);
    }
    writeFileSync("y.bin", "");
    const kinds = ["y.bin", "none.bin", "none.xsb", "none"].map(applicationKind);
    assert.deepEqual(kinds, ["signed", "signed", "bytecode", "source"]);
    const signing = signApplication({
      application: "x.xsb",
      board: "host",
      manifest: "camera",
      key: "none.pem",
    });
    const message = /^There is no key none\.pem\.$/;
    await assert.rejects(signing.next(), { name: "UsageError", message }, "and no bytecode that cannot be");
    mkdirSync("empty.bin");
    assert.throws(() => findApplication("empty.bin"), { name: "UsageError" });
  });

  it("is what exists where the user stands, before the example of that name", () => {
    assert.equal(findApplication("mailbox").entry, example);
    const entry = make("mailbox");
    for (const which of ["mailbox", "./mailbox", "mailbox/", join(folder, "mailbox"), "mailbox/main.ts"]) {
      assert.equal(findApplication(which).entry, entry, which);
    }
    assert.match(findApplication("mailbox").name, /^mailbox-[0-9a-f]{8}$/, "another name than the example's");
    process.chdir("mailbox");
    assert.equal(findApplication(".").entry, entry);
  });

  it("is the example where a folder of that name is no application", () => {
    mkdirSync(join(folder, "mailbox"));
    assert.equal(findApplication("mailbox").entry, example);
  });

  it("is no example when the word is a path", () => {
    for (const which of ["./mailbox", "../mailbox", join(folder, "mailbox"), ".", ".."]) {
      assert.throws(() => findApplication(which), /There is no application .* environment-sensor/, which);
    }
    mkdirSync(join(folder, "mailbox"));
    assert.throws(() => findApplication("./mailbox"), /There is no application "\.\/mailbox"/);
  });
});
