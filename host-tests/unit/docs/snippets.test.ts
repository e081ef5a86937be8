import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { typescriptBlocks } from "../../docs/blocks.ts";

const root = join(import.meta.dirname, "../../..");
const folder = join(root, "build/snippets");

describe("The documents' TypeScript", () => {
  it("compiles against the library that a camera has", function () {
    this.timeout(60_000);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files: string[] = [];
    for (const [index, { page, code }] of typescriptBlocks().entries()) {
      const name = `${page.replace(/\W+/g, "-")}-${index + 1}.ts`;
      writeFileSync(join(folder, name), `${code}\nexport {};\n`);
      files.push(name);
    }
    assert.ok(files.length > 0, "no ts block was found in any document");
    const project = join(folder, "tsconfig.json");
    const libraries = ["globals.d.ts", "language.d.ts"].map((name) => join(root, "firmware/platform", name));
    writeFileSync(
      project,
      JSON.stringify({
        extends: join(root, "tsconfig.firmware.json"),
        files: [...libraries, ...files],
        include: [],
      }),
    );
    try {
      execFileSync(process.execPath, [
        join(root, "node_modules/typescript/bin/tsc"),
        "-p",
        project,
        "--pretty",
        "false",
      ]);
    } catch (error) {
      assert.fail((error as { stdout: Buffer }).stdout.toString());
    }
  });
});
