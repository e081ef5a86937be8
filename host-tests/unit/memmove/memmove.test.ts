/** The memmove that a camera has in place of its C library's. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";

const root = join(import.meta.dirname, "../../..");

describe("memmove in C", function () {
  this.timeout(600_000);

  it("moves what overlaps, at any distance, alignment and length, and touches nothing else", () => {
    const directory = mkdtempSync(join(tmpdir(), "obscura-memmove-"));
    try {
      const program = join(directory, "memmove_cases");
      execFileSync("cc", [
        ...["-std=gnu11", "-O2", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror", "-g"],
        ...["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-o", program],
        join(root, "host-tests/unit/memmove/memmove_cases.c"),
        join(root, "firmware/native/memmove.c"),
      ]);
      const said = execFileSync(program, { encoding: "utf8" });
      assert.equal(said.trim(), `${41 * 81 * 81} cases`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
