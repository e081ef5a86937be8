/** What `npm pack` packs: enough to build and run, and its versions pinned. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { before, describe, it } from "mocha";
import { publicModules } from "../../../tools/build/imports.ts";
// @ts-expect-error: plain JavaScript, because it mends what is needed to run TypeScript
import { findsPackage } from "../../../tools/complete-lock.mjs";
// @ts-expect-error: plain JavaScript, because npm runs it before anything is installed
import { packedOnly, shrinkwrapOf } from "../../../tools/pack/prepack.mjs";
import { root } from "../../../tools/paths.ts";

interface Entry {
  readonly version: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface LockFile {
  readonly packages: Readonly<Record<string, Entry>>;
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(join(root, file), "utf8"));

describe("npm pack", function () {
  this.timeout(600_000);
  let files: string[] = [];

  before(() => {
    const said = execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: root, encoding: "utf8" });
    // Newer versions of npm name the package before its entry.
    const [packed] = Object.values(JSON.parse(said.slice(said.search(/^[[{]/m))) as object) as [
      { files: { path: string }[] },
    ];
    files = packed.files.map(({ path }) => path);
  });

  it("packs sources, boards, the engine, documents and examples, and no tests", () => {
    for (const file of [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "boards/mps2-an500/linker.ld",
      "docs/application.md",
      "engine/GPL-3",
      "engine/LGPL-3",
      "engine/moddable/xs/sources/xsRun.c",
      "engine/package.json",
      "examples/environment-sensor/main.ts",
      "firmware/platform/globals.d.ts",
      "manifests/camera.json",
      "npm-shrinkwrap.json",
      "requirements.txt",
      "tools/obscura.mjs",
      "tools/rig/central.py",
      "tsconfig.application.json",
    ]) {
      assert.ok(files.includes(file), file);
    }
    const strangers = files.filter((file) =>
      /(^|\/)(host-tests|node_modules|build|__pycache__)\//.test(file),
    );
    assert.deepEqual(
      strangers.filter((file) => !file.startsWith("tools/build/")),
      [],
    );
  });

  it("leaves the clone as it was", () => {
    for (const path of packedOnly as string[]) assert.ok(!existsSync(join(root, path)), path);
  });

  it("packs every file that a packed file imports, and asks for every package", () => {
    const { dependencies } = readJson("package.json") as { dependencies: Record<string, string> };
    const missing: string[] = [];
    for (const file of files.filter((name) => /\.m?ts$|\.mjs$/.test(name) && !name.startsWith("engine/"))) {
      const text = readFileSync(join(root, file), "utf8");
      for (const [, specifier] of text.matchAll(
        /^(?:import|export)[^"]*?from "([^"]+)";|import\("([^"]+)"\)/gm,
      )) {
        if (specifier === undefined || isBuiltin(specifier)) continue;
        const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];
        const isThere = specifier.startsWith(".")
          ? files.includes(join(dirname(file), specifier))
          : name in dependencies || publicModules.includes(name);
        if (!isThere) missing.push(`${file} imports "${specifier}"`);
      }
    }
    assert.deepEqual(missing, []);
  });

  it("pins what it depends on by version, as the clone does", () => {
    const lock = readJson("package-lock.json") as LockFile;
    const { packages } = shrinkwrapOf(lock) as LockFile;
    assert.deepEqual(packages[""]?.dependencies, lock.packages[""]?.dependencies);
    assert.equal(packages[""]?.devDependencies, undefined);
    for (const name of Object.keys(packages[""]?.dependencies ?? {})) {
      assert.equal(packages[`node_modules/${name}`]?.version, packages[""]?.dependencies?.[name], name);
    }
    assert.ok(Object.values(packages).every(({ dev }) => dev !== true));
    // What is needed, and what may be needed on another platform, has to be there: npm ci refuses it else.
    for (const [path, { dependencies = {} }] of Object.entries(packages)) {
      for (const name of Object.keys(dependencies)) {
        assert.ok(findsPackage(packages, path, name), `${path} needs ${name}`);
      }
    }
  });
});
