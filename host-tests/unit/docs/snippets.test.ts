import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { blocksOf, typescriptBlocks } from "../../docs/blocks.ts";

const root = join(import.meta.dirname, "../../..");
const folder = join(root, "build/snippets");

describe("The documents' TypeScript", () => {
  it("compiles against the library that a camera has", function () {
    this.timeout(600_000);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files: string[] = [];
    for (const [index, { page, code }] of typescriptBlocks().entries()) {
      const name = `${page.replace(/\W+/g, "-")}-${index + 1}.ts`;
      writeFileSync(join(folder, name), `${code}\nexport {};\n`);
      files.push(name);
    }
    assert.ok(files.length > 0, "no ts block was found in any document");
    const libraries = ["globals.d.ts", "language.d.ts"].map((name) => join(root, "firmware/platform", name));
    compile({ extends: join(root, "tsconfig.firmware.json"), files: [...libraries, ...files], include: [] });
  });

  it("in the simulator's README compiles and runs on Node", function () {
    this.timeout(600_000);
    const [block] = blocksOf("simulator/README.md").filter(({ info }) => info === "ts");
    assert.ok(block, "simulator/README.md has no ts block");
    const code = block.code.replace(
      /from "(\.[^"]+)"/g,
      (_, path) => `from "${join(root, "simulator", path)}"`,
    );
    mkdirSync(folder, { recursive: true });
    const name = "simulator.ts";
    writeFileSync(join(folder, name), code);
    compile({ extends: join(root, "tsconfig.json"), files: [name], include: [] });
    run(join(root, "node_modules/tsx/dist/cli.mjs"), join(folder, name));
  });
});

/** Runs a program of Node; its output is what an error says. */
function run(...args: string[]): void {
  try {
    execFileSync(process.execPath, args, { stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    assert.fail(`${stdout}${stderr}`);
  }
}

function compile(project: object): void {
  const file = join(folder, "tsconfig.json");
  writeFileSync(file, JSON.stringify(project));
  run(join(root, "node_modules/typescript/bin/tsc"), "-p", file, "--pretty", "false");
}
