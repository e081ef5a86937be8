/** Manifests that include each other, and the features that they choose. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { loadBoard } from "../../../tools/build/boards.ts";
import { readCatalogue } from "../../../tools/build/features.ts";
import { findManifest, listManifests, loadManifest } from "../../../tools/build/manifest.ts";

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
});
