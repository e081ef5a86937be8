/** Manifests that include each other, and the features that they choose. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { loadBoard } from "../../../tools/build/boards.ts";
import { build, buildBytecode } from "../../../tools/build/build.ts";
import { readCatalogue } from "../../../tools/build/features.ts";
import { findManifest, listManifests, loadManifest } from "../../../tools/build/manifest.ts";
import { claimFolder, outputFolder } from "../../../tools/build/output-folder.ts";
import { perform } from "../../../tools/cli/perform.ts";
import type { Operation } from "../../../tools/events.ts";
import { root } from "../../../tools/paths.ts";

describe("manifests", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-manifest-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function write(name: string, contents: unknown): string {
    const file = join(folder, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, typeof contents === "string" ? contents : JSON.stringify(contents));
    return file;
  }

  it("take over what they include, paths from where it was said, and win over it", () => {
    write("base/base.json", { firmware: "main.ts", figures: { HEAP_SLOTS: 5000, HEAP_STACK: 600 } });
    const file = write("camera.json", {
      include: ["base/base.json"],
      figures: { HEAP_STACK: 700 },
    });
    const manifest = loadManifest(file);
    assert.equal(manifest.firmware, join(folder, "base/main.ts"));
    assert.deepEqual(manifest.figures, { HEAP_SLOTS: 5000, HEAP_STACK: 700 });
    assert.deepEqual([...manifest.files].sort(), [join(folder, "base/base.json"), file]);
  });

  it("add up the features of those that they include", () => {
    const [feature] = Object.keys(readCatalogue());
    write("base.json", { firmware: "main.ts", features: [feature] });
    assert.deepEqual(loadManifest(write("a.json", { include: ["base.json"] })).features, [feature]);
    const both = { include: ["base.json"], features: [feature] };
    assert.deepEqual(loadManifest(write("b.json", both)).features, [feature]);
    assert.deepEqual(loadManifest(write("c.json", { firmware: "main.ts" })).features, []);
  });

  it("refuse circles, unknown keys, wrong values and missing files", () => {
    write("a.json", { include: ["b.json"] });
    write("b.json", { include: ["a.json"] });
    assert.throws(
      () => loadManifest(join(folder, "a.json")),
      /in a circle: .*a\.json → .*b\.json → .*a\.json/,
    );
    assert.throws(
      () => loadManifest(write("c.json", { sources: [] })),
      /c\.json: unknown key "sources"; keys are include, firmware, features, figures/,
    );
    assert.throws(
      () => loadManifest(write("d.json", { figures: "yes" })),
      /d\.json: "figures" is "yes" and must be object\. Sizes and rates/,
    );
    assert.throws(
      () => loadManifest(write("h.json", { figures: { HEAP_SLOTS: 12, HEAP: 1 } })),
      /unknown key "HEAP" in "figures"; keys are HEAP_CHUNKS.*\n.*"figures\.HEAP_SLOTS" is 12 and must be >= 4096/,
    );
    for (const [name, value] of [
      ["HEAP_SLOTS", 2 ** 32],
      ["HEAP_GROWTH", 8],
      ["TIMERS_MAX", 255],
      ["H4_ACL_MAX", 65_536],
      ["WATCHDOG_MS", 2 ** 32],
    ] as const)
      assert.throws(
        () => loadManifest(write("j.json", { figures: { [name]: value } })),
        new RegExp(`"figures\\.${name}" is ${value} and must be `),
      );
    assert.throws(() => loadManifest(write("e.json", "{")), /e\.json is no JSON/);
    assert.throws(() => loadManifest(write("f.json", {})), /f\.json: the key "firmware" is missing/);
    assert.throws(() => loadManifest(join(folder, "g.json")), /There is no manifest/);
    assert.throws(
      () => loadManifest(write("i.json", { firmware: "main.ts", features: ["smoke"] })),
      /i\.json: "features" names "smoke", which is no feature; features are central \(/,
    );
  });

  it("are found by name and by path, and boards build each in a folder of its own", () => {
    assert.deepEqual(listManifests(), ["camera", "peripheral"]);
    assert.equal(findManifest("peripheral").name, "peripheral");
    const mine = write("mine.json", { firmware: "main.ts" });
    assert.equal(findManifest(mine).name, "mine");
    assert.throws(() => findManifest("toaster"), /There is no manifest "toaster".*camera, peripheral/);
    assert.match(loadBoard("host").output, /build\/host$/);
    assert.match(loadBoard("host", "peripheral").output, /build\/host-peripheral$/);
    assert.match(loadBoard("host", mine).output, /build\/host-mine$/);
  });

  it("none has the name of another kind of folder: its image would lie in the place of one for release", () => {
    for (const name of ["release", "trust", "sanitize", "my-release", "camera-trust", "release-sanitize"]) {
      const file = write(`${name}.json`, { firmware: "main.ts" });
      const ending = name.slice(name.lastIndexOf("-") + 1);
      const message = new RegExp(`/${name}\\.json: .*names end in "-${ending}" .*Give the file another name`);
      assert.throws(() => findManifest(file), { name: "ToolError", message });
    }
    for (const name of ["camera", "peripheral"]) {
      const file = write(`${name}.json`, { firmware: "main.ts" });
      assert.throws(() => findManifest(file), /the manifest "(camera|peripheral)" is that of manifests\//);
      assert.equal(findManifest(join(root, `manifests/${name}.json`)).name, name);
    }
    for (const name of ["releases", "untrust", "release-1"])
      assert.equal(findManifest(write(`${name}.json`, { firmware: "main.ts" })).name, name);
  });

  it("none has with its board the name of another board's folder", () => {
    const boards = ["host", "host-big", "host-big-two"];
    assert.match(outputFolder("host", "small", boards), /build\/host-small$/);
    assert.match(outputFolder("host-big", "small", boards), /build\/host-big-small$/);
    for (const [board, manifest, owner] of [
      ["host", "big", "host-big"],
      ["host", "big-small", "host-big"],
      ["host-big", "two", "host-big-two"],
    ] as const)
      assert.throws(() => outputFolder(board, manifest, boards), {
        name: "ToolError",
        message: new RegExp(`is for the board ${owner}, and not for ${board} with the manifest ${manifest}`),
      });
  });

  it("of two with one name in different folders the first keeps the folder, while it is there", () => {
    const [first, second] = ["one", "two"].map((each) => write(`${each}/mine.json`, { firmware: "main.ts" }));
    const built = join(folder, "host-mine");
    mkdirSync(built);
    const claim = (file: string) => claimFolder(built, findManifest(file));
    claim(first!);
    claim(first!);
    const message = /host-mine is for .*one\/mine\.json, and .*two\/mine\.json has the same name/;
    assert.throws(() => claim(second!), { name: "ToolError", message });
    symlinkSync(first!, join(folder, "mine.json"));
    claim(join(folder, "mine.json"));
    rmSync(join(folder, "mine.json"));
    rmSync(first!);
    claim(second!);
  });

  it("a build and a signing look at that first", async () => {
    const [first, second] = ["one", "two"].map((each) =>
      write(`${each}/claimed.json`, { include: [join(root, "manifests/peripheral.json")] }),
    );
    const built = loadBoard("host", first).output;
    mkdirSync(built, { recursive: true });
    try {
      claimFolder(built, findManifest(first!));
      const options = { application: "mailbox", board: "host", manifest: second! };
      for (const operation of [build(options), buildBytecode(options)] as Operation<unknown>[])
        await assert.rejects(
          perform(operation, () => undefined),
          /has the same name/,
        );
    } finally {
      rmSync(built, { recursive: true });
    }
  });
});
