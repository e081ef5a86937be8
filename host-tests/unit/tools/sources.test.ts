/** What `obscura deploy --watch` sees of the ways in which editors and git write files. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Sources } from "../../../tools/update/sources.ts";

describe("tools/update/sources", () => {
  let root = "";
  let folder = "";
  let sources: Sources;
  /** Each text is another, and as long as the one before. */
  let count = 100;

  const write = (name: string): string => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `version ${count++}`);
    return file;
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "sources-"));
    folder = join(root, "application");
    write("main.ts");
    write("parts/one.ts");
    sources = new Sources(folder);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("a file that is written in place or replaced, each time, however often", () => {
    assert.deepEqual(sources.changed(), []);
    for (const name of ["main.ts", "parts/one.ts"])
      for (const how of ["in place", "replaced", "replaced", "replaced", "in place", "replaced"]) {
        if (how === "in place") write(name);
        else renameSync(write(".written.tmp"), join(folder, name));
        assert.deepEqual(sources.changed(), [name], how);
        assert.deepEqual(sources.changed(), []);
      }
  });

  it("one that is kept under another name while it is written, and removed", () => {
    renameSync(join(folder, "main.ts"), join(folder, "main.ts~"));
    write("main.ts");
    rmSync(join(folder, "main.ts~"));
    assert.deepEqual(sources.changed(), ["main.ts"]);
    rmSync(join(folder, "main.ts"));
    assert.deepEqual(sources.changed(), ["main.ts"]);
    write("main.ts");
    assert.deepEqual(sources.changed(), ["main.ts"]);
  });

  it("new folders and their files, a folder in another's place, and one that is gone for a moment", () => {
    write("deep/below/two.mts");
    assert.deepEqual(sources.changed(), ["deep/below/two.mts"]);
    write("deep/below/two.mts");
    assert.deepEqual(sources.changed(), ["deep/below/two.mts"]);
    renameSync(folder, join(root, "away"));
    assert.equal(sources.changed().length, 3);
    renameSync(join(root, "away"), folder);
    assert.equal(sources.changed().length, 3);
    write("main.ts");
    assert.deepEqual(sources.changed(), ["main.ts"]);
  });

  it("a file elsewhere that one is a link to", () => {
    const elsewhere = join(root, "shared.ts");
    writeFileSync(elsewhere, "one");
    symlinkSync(elsewhere, join(folder, "shared.ts"));
    assert.deepEqual(sources.changed(), ["shared.ts"]);
    writeFileSync(elsewhere, "another");
    assert.deepEqual(sources.changed(), ["shared.ts"]);
  });

  it("a file in a folder that a link leads to, and in one that a link in that leads to", () => {
    const shared = join(root, "shared");
    const further = join(root, "further");
    mkdirSync(shared);
    mkdirSync(further);
    const put = (file: string) => writeFileSync(file, `version ${count++}`);
    put(join(shared, "one.ts"));
    symlinkSync(shared, join(folder, "lib"));
    assert.deepEqual(sources.changed(), ["lib/one.ts"]);
    put(join(shared, "one.ts"));
    assert.deepEqual(sources.changed(), ["lib/one.ts"]);
    symlinkSync(further, join(shared, "more"));
    put(join(further, "two.ts"));
    assert.deepEqual(sources.changed(), ["lib/more/two.ts"]);
    for (const name of ["node_modules", "build"]) symlinkSync(shared, join(folder, name));
    assert.deepEqual(sources.changed(), []);
  });

  it("goes on with links that lead nowhere, to themselves and back, each folder once", () => {
    symlinkSync("loop.ts", join(folder, "loop.ts"));
    symlinkSync("loop", join(folder, "loop"));
    symlinkSync("nowhere", join(folder, "gone.ts"));
    symlinkSync(".", join(folder, "parts/back"));
    symlinkSync("..", join(folder, "parts/up"));
    symlinkSync("parts", join(folder, "aside"));
    mkdirSync(join(folder, "folder.ts"));
    assert.deepEqual(sources.changed(), []);
    write("parts/one.ts");
    assert.deepEqual(sources.changed(), ["parts/one.ts"]);
  });

  it("waits for a change, and ends with what it is interrupted with, before one and in the middle", async () => {
    const { signal } = new AbortController();
    const changing = sources.change(signal);
    write("main.ts");
    assert.equal(await changing, "main.ts");
    for (const isMiddle of [false, true]) {
      const interruption = new AbortController();
      if (isMiddle) write("main.ts");
      const waiting = sources.change(interruption.signal);
      interruption.abort(new Error("Ctrl-C"));
      await assert.rejects(waiting, /^Error: Ctrl-C$/);
    }
  });

  it("and nothing of what is none of the application's", () => {
    const others = [
      ".main.ts.swp",
      "4913",
      "main.ts~",
      "#main.ts#",
      ".#main.ts",
      "main.ts.tmp.812",
      "notes.md",
    ];
    for (const name of [...others, "build/main.js", "node_modules/a/index.js", ".git/a.json"]) write(name);
    assert.deepEqual(sources.changed(), []);
    write("package.json");
    assert.deepEqual(sources.changed(), ["package.json"]);
  });
});
