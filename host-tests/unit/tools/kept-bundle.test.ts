/** A bundle of the firmware is kept while every byte that it was made of is as it was. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, it } from "mocha";
import { firmwareBundle, type KeptBundle } from "../../../tools/build/kept-bundle.ts";
import { ToolError } from "../../../tools/events.ts";

describe("kept bundles of the firmware", function () {
  this.timeout(600_000);
  let top = "";
  let sources = "";
  let folder = "";

  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), "obscura-kept-"));
    sources = join(top, "firmware");
    folder = join(top, "bundles");
    mkdirSync(sources);
    await write("main.ts", 'import { word } from "./word.ts";\nglobalThis.said = word;\n');
    await write("word.ts", 'export const word: string = "one";\n');
  });

  afterEach(() => rmSync(top, { recursive: true }));

  /** A file that was changed in the millisecond in which a bundle began is not kept. */
  async function write(name: string, text: string): Promise<void> {
    writeFileSync(join(sources, name), text);
    await delay(20);
  }

  const bundled = (
    features: readonly string[] = [],
    firmware = join(sources, "main.ts"),
  ): Promise<KeptBundle> => firmwareBundle({ firmware, features, name: "test" }, { folder, sources });

  const kept = (): string[] => readdirSync(folder).map((name) => join(folder, name));

  /** Puts a mark into the kept code, which shows whether it is taken. */
  function mark(): void {
    const [file] = kept() as [string];
    const entry = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...entry, code: `${entry.code}// kept\n` }));
  }

  it("are taken when nothing has changed", async () => {
    const { code, inputs } = await bundled();
    assert.match(code, /"one"/);
    assert.equal(inputs.length, 2);
    assert.equal(kept().length, 1);
    mark();
    assert.equal((await bundled()).code, `${code}// kept\n`);
  });

  it("say where their code comes from, as new ones do", async () => {
    const placesOf = async (bundle: KeptBundle): Promise<unknown[]> => {
      const { placeOf } = await bundle.origins();
      return bundle.code.split("\n").map((_, line) => placeOf({ line, column: 0 }));
    };
    const places = await placesOf(await bundled());
    assert.ok(JSON.stringify(places).includes("word.ts"));
    assert.deepEqual(await placesOf(await bundled()), places);
  });

  it("are made anew when a byte of any file has changed, or a file is gone", async () => {
    await bundled();
    await write("word.ts", 'export const word: string = "two";\n');
    assert.match((await bundled()).code, /"two"/);
    assert.equal(kept().length, 1);
    rmSync(join(sources, "word.ts"));
    await assert.rejects(bundled(), ToolError);
  });

  it("are one for each choice of features", async () => {
    await bundled();
    mark();
    assert.doesNotMatch((await bundled(["client"])).code, /kept/);
    assert.equal(kept().length, 2);
  });

  it("are made anew when what is kept is damaged", async () => {
    const { code } = await bundled();
    const [file] = kept() as [string];
    writeFileSync(file, readFileSync(file).subarray(0, 50));
    assert.equal((await bundled()).code, code);
    writeFileSync(file, "{}");
    assert.equal((await bundled()).code, code);
  });

  it("are whole when several are made at once", async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => bundled()));
    assert.equal(new Set(all.map(({ code }) => code)).size, 1);
    assert.equal(kept().length, 1);
    mark();
    assert.match((await bundled()).code, /kept/);
  });

  it("are not believed when a file changes before their origins are asked for", async () => {
    await bundled();
    const bundle = await bundled();
    await write("word.ts", 'export const word: string = "two";\n');
    await assert.rejects(bundle.origins(), /was changed while it was built: build again/);
  });

  it("are not made of files outside of the firmware's folder", async () => {
    writeFileSync(join(top, "elsewhere.ts"), "export const word = 1;\n");
    await write("main.ts", 'import { word } from "../elsewhere.ts";\nglobalThis.said = word;\n');
    await bundled();
    assert.throws(() => statSync(folder), /ENOENT/);
  });

  it("are sixteen at most, the newest", async () => {
    for (let count = 0; count < 18; count++) {
      await bundled([`feature${count}`]);
      await delay(10);
    }
    assert.equal(kept().length, 16);
  });
});
