/** The `tests` bundle: test files that run under mocha on Node, unchanged on XS. */
import { dirname, join, resolve } from "node:path";
import type { Plugin } from "rollup";
import { root } from "../paths.ts";

/** Entry of the bundle. */
export const testsEntry = join(root, "host-tests/xs/main.ts");

/** What test files import on Node, and what they get on XS instead. */
const shims: Readonly<Record<string, string>> = {
  mocha: join(root, "host-tests/xs/suite.ts"),
  "node:assert/strict": join(root, "host-tests/xs/assert.ts"),
};

/** Listens to the process of Node; on XS the engine itself reports the rejections that nobody handles. */
const unhandled = join(root, "host-tests/support/unhandled.ts");

const scenarios = "\0scenarios";
const nothing = "\0nothing";

/**
 * Rollup plugin that makes the module "scenarios" of these files, absolute paths, in this order, and gives them the
 * shims of host-tests/xs.
 */
export function testFiles(files: readonly string[]): Plugin {
  return {
    name: "test-files",
    resolveId(specifier, importer) {
      if (specifier === "scenarios") return scenarios;
      if (importer !== undefined && resolve(dirname(importer), specifier) === unhandled) return nothing;
      return shims[specifier] ?? null;
    },
    load(id) {
      if (id === nothing) return "export {};";
      if (id !== scenarios) return null;
      return files.map((file) => `import ${JSON.stringify(file)};\n`).join("");
    },
  };
}
