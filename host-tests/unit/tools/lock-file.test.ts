/** package-lock.json is one that `npm ci` accepts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
// @ts-expect-error: plain JavaScript, because it mends what is needed to run TypeScript
import { missingPlatformPackages } from "../../../tools/complete-lock.mjs";
import { root } from "../../../tools/paths.ts";

interface LockFile {
  packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }>;
}

describe("package-lock.json", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as LockFile;

  it("names the packages of every platform; else run node tools/complete-lock.mjs", () => {
    assert.deepEqual(missingPlatformPackages(lock.packages), {});
  });

  it("is found out when it lacks one", () => {
    const { "node_modules/@biomejs/cli-linux-x64-musl": lost, ...packages } = lock.packages;
    assert.deepEqual(missingPlatformPackages(packages), {
      "node_modules/@biomejs/cli-linux-x64-musl": {
        version: lost?.version,
        cpu: ["x64"],
        dev: true,
        libc: ["musl"],
        optional: true,
        os: ["linux"],
      },
    });
  });
});
