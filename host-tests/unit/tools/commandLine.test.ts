/** What `obscura` says to mistakes, and how it ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";

function obscura(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "tools/obscura.mjs"), ...args], {
    encoding: "utf8",
    cwd: root,
  });
  return { status, stdout, stderr };
}

describe("obscura", function () {
  this.timeout(30_000);

  it("lists the boards for an unknown one", () => {
    const { status, stdout, stderr } = obscura("run", "--board", "toaster");
    assert.equal(status, 2);
    assert.match(stderr, /There is no board "toaster"\. Boards: .*host.*mps2-an500/);
    assert.equal(stdout, "");
  });

  it("lists the examples for an unknown application", () => {
    const { status, stderr } = obscura("build", "toaster");
    assert.equal(status, 2);
    assert.match(stderr, /There is no application "toaster".*environment-sensor/);
  });

  it("lists the options for an unknown one", () => {
    const { status, stderr } = obscura("build", "environment-sensor", "--colour");
    assert.equal(status, 2);
    assert.match(stderr, /unknown option '--colour'.*--board.*--json/);
  });

  it("lists the commands for an unknown one", () => {
    const { status, stderr } = obscura("bake");
    assert.equal(status, 2);
    assert.match(stderr, /unknown command 'bake'.*build, run/);
  });

  it("helps", () => {
    const { status, stdout } = obscura("--help");
    assert.equal(status, 0);
    assert.match(stdout, /build .*run /s);
    const build = obscura("build", "--help");
    assert.equal(build.status, 0);
    assert.match(build.stdout, /--board/);
  });
});

describe("npm run VERB", () => {
  for (const verb of ["bench", "size", "soak"]) {
    it(`${verb} says what is missing until it exists`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "tools/run.mjs"), verb], {
        encoding: "utf8",
      });
      assert.equal(status, 2);
      assert.equal(stdout, "");
      assert.match(stderr, new RegExp(`^${verb}: [^\n]+\n$`));
    });
  }

  it("lists the verbs for an unknown one", () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "tools/run.mjs"), "bake"], {
      encoding: "utf8",
    });
    assert.equal(status, 2);
    assert.match(stderr, /start, test, check, format/);
  });
});
