/** The relinking kit does what docs/licence.md promises. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { build } from "../../../tools/build/build.ts";
import { perform } from "../../../tools/cli/perform.ts";
import { root } from "../../../tools/paths.ts";

/** Builds, and returns the image's path. */
async function imageFor(board: string): Promise<string> {
  const built = await perform(build({ application: "environment-sensor", board }), () => undefined);
  return built.image;
}

const engine = join(root, "node_modules/@agoric/xsnap/moddable/xs");

for (const { board, prefix } of [
  { board: "host", prefix: "" },
  { board: "mps2-an500", prefix: "arm-none-eabi-" },
]) {
  describe(`relinking kit for ${board}`, function () {
    this.timeout(600_000);
    let folder = "";
    let kit = "";
    let image = "";

    beforeEach(async () => {
      image = await imageFor(board);
      folder = mkdtempSync(join(tmpdir(), "obscura-relink-"));
      kit = join(folder, "kit");
      cpSync(join(image, "../relink"), kit, { recursive: true });
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    const inKit = (program: string, ...args: string[]) =>
      execFileSync(program, args, { cwd: kit, encoding: "utf8", stdio: "pipe" });

    it("links the image that was shipped, from another place", () => {
      inKit("./relink.sh");
      assert.ok(readFileSync(join(kit, "firmware")).equals(readFileSync(image)), "the same bytes");
    });

    it("names nothing outside itself but the compiler", () => {
      for (const name of readdirSync(kit).filter((file) => /\.(sh|md)$/.test(file))) {
        assert.ok(!readFileSync(join(kit, name), "utf8").includes(root), `${name} names the repository`);
      }
    });

    for (const member of ["xsDate.c", "xsRun.c"]) {
      it(`compiles the engine's ${member} as it was compiled`, () => {
        const object = `${member}.o`;
        const members = inKit(`${prefix}ar`, "t", "libxs.a").trim().split("\n");
        const name = members.find((candidate) => candidate.startsWith(member)) ?? object;
        inKit(`${prefix}ar`, "x", "libxs.a", name);
        inKit("mv", name, "shipped");
        cpSync(join(kit, "libxs.a"), join(kit, "whole.a"));
        inKit(`${prefix}ar`, "d", "libxs.a", ...members.filter((candidate) => candidate !== name));
        inKit("./build-engine.sh", engine);
        inKit(`${prefix}ar`, "x", "libxs.a", name);
        for (const file of ["shipped", name]) inKit(`${prefix}strip`, "-g", file);
        assert.ok(readFileSync(join(kit, name)).equals(readFileSync(join(kit, "shipped"))), "the same code");
      });
    }
  });
}
