/** A clone whose path has spaces builds, and its relinking kits link the same bytes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { buildRoot, root } from "../../tools/paths.ts";
import { thorough } from "../support/thorough.ts";

/** What a build reads. */
const pieces = [
  ...["LICENSE", "boards", "build/crypto", "examples", "firmware", "manifests", "package.json"],
  ...["package-lock.json", "simulator", "tools", "tsconfig.firmware.json", "tsconfig.json"],
];

describe("a clone with spaces in its path", function () {
  this.timeout(1_800_000);
  const clone = join(buildRoot, "a path with spaces", "ob scura");

  before(() => {
    rmSync(clone, { recursive: true, force: true });
    mkdirSync(clone, { recursive: true });
    for (const piece of pieces) cpSync(join(root, piece), join(clone, piece), { recursive: true });
    // Hard links: the compiler must see the engine's sources below that path too.
    execFileSync("cp", ["-al", join(root, "node_modules"), join(clone, "node_modules")]);
  });

  for (const board of ["host", "mps2-an500"]) {
    (board === "host" ? it : thorough.it)(`builds for ${board} and relinks`, () => {
      const place = join(clone, "an application");
      cpSync(join(root, "examples/mailbox"), place, { recursive: true });
      execFileSync(
        process.execPath,
        [join(clone, "tools/obscura.mjs"), "build", "an application", "-b", board],
        {
          cwd: clone,
          stdio: "pipe",
        },
      );
      const folder = join(clone, "build", board);
      execFileSync(join(folder, "relink/relink.sh"), { stdio: "pipe" });
      const image = readFileSync(join(folder, "firmware"));
      assert.ok(image.equals(readFileSync(join(folder, "relink/firmware"))), "the same bytes");
      const objects = readdirSync(join(folder, "relink/objects/firmware/native"));
      assert.ok(
        objects.some((name) => name.startsWith("main.c.o")),
        "an object is where its source is",
      );
    });
  }
});
