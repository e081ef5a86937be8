/** Manifests that include each other. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { loadManifest } from "../../../tools/build/manifest.ts";

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
    write("base/base.json", { firmware: "main.ts", figures: { HEAP_SLOTS: 1, HEAP_STACK: 2 } });
    const file = write("camera.json", {
      include: ["base/base.json"],
      figures: { HEAP_STACK: 3 },
    });
    const manifest = loadManifest(file);
    assert.equal(manifest.firmware, join(folder, "base/main.ts"));
    assert.deepEqual(manifest.figures, { HEAP_SLOTS: 1, HEAP_STACK: 3 });
    assert.deepEqual([...manifest.files].sort(), [join(folder, "base/base.json"), file]);
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
      /"sources" is not understood; keys are/,
    );
    assert.throws(() => loadManifest(write("d.json", { figures: "yes" })), /"figures" is not understood/);
    assert.throws(() => loadManifest(write("e.json", "{")), /e\.json is no JSON/);
    assert.throws(() => loadManifest(write("f.json", {})), /names no "firmware"/);
    assert.throws(() => loadManifest(join(folder, "g.json")), /There is no manifest/);
  });
});
