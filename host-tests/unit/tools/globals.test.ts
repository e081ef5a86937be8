/** Global names that a camera lacks fail the build, in packages too. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { parseAst } from "rollup/parseAst";
import { bundle } from "../../../tools/build/bundle.ts";
import { globalNames, namesUsed } from "../../../tools/build/globals.ts";

/** Of a module alone: what it asks for, it may use. */
function missing(source: string): string[] {
  const names = namesUsed("application", parseAst(source));
  return names.missing.filter((name) => !names.asked.has(name));
}

describe("global names of a bundle", () => {
  it("are those of the language and of the application's platform", () => {
    const source =
      "export const a = new Map([[undefined, Math.max(NaN, 1)]]); setTimeout(() => console.log(a), 1);";
    assert.deepEqual(missing(source), []);
  });

  it("are refused where a camera lacks them, each once", () => {
    const source =
      "const f = () => new Intl.NumberFormat('en'); Intl; export default new Proxy(f, { get: fetch });";
    assert.deepEqual(missing(source), ["Intl", "Proxy", "fetch"]);
  });

  it("may be declared by the module itself, and be names of other things", () => {
    const source = `
      import { fetch } from "./fetch.js";
      class Buffer {}
      export const process = { window: fetch, Intl: Buffer };
      export function f(document, { location }) { return document.window + location + process.Proxy; }
      try { f(); } catch (self) { self.require; }`;
    assert.deepEqual(missing(source), []);
  });

  it("may be asked for by typeof", () => {
    const source =
      "export const encode = typeof TextEncoder === 'undefined' ? undefined : new TextEncoder();";
    assert.deepEqual(missing(source), []);
  });

  it("may be asked for by name, and by a try that can fail", () => {
    assert.deepEqual(missing("export const has = 'URL' in globalThis ? new URL('a:b') : 0;"), []);
    assert.deepEqual(missing("let has = true; try { new Proxy({}, {}); } catch { has = false; }"), []);
    assert.deepEqual(missing("try { window.x; } finally {}"), ["window"]);
    assert.deepEqual(missing("try {} catch { window.x; }"), ["window"]);
    assert.deepEqual(missing("try { setTimeout(() => window.x); } catch {}"), ["window"], "it runs later");
  });

  describe("of a package", () => {
    let folder = "";

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "obscura-globals-"));
      mkdirSync(join(folder, "node_modules/@scope/tester"), { recursive: true });
      mkdirSync(join(folder, "node_modules/user"), { recursive: true });
      const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
      write(
        "node_modules/@scope/tester/package.json",
        '{"name":"@scope/tester","type":"module","exports":"./use.js"}',
      );
      write("node_modules/@scope/tester/has.js", "export const has = typeof URL === 'function';");
      write(
        "node_modules/@scope/tester/use.js",
        "import { has } from './has.js'; export const parse = (x) => (has ? new URL(x) : x);",
      );
      write("node_modules/user/package.json", '{"name":"user","type":"module","exports":"./index.js"}');
      write("node_modules/user/index.js", "export const make = () => new URL('a:b');");
      write("one.ts", 'import { parse } from "@scope/tester"; console.log(parse("x"));');
      write(
        "two.ts",
        'import { parse } from "@scope/tester"; import { make } from "user"; console.log(parse, make);',
      );
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    it("may be asked for in another of its modules", async () => {
      await bundle("application", join(folder, "one.ts"));
    });

    it("are not asked for by another package", async () => {
      await assert.rejects(
        bundle("application", join(folder, "two.ts")),
        /node_modules\/user\/index\.js uses URL: a camera has no such global\. Take another package/,
      );
    });
  });

  it("of a firmware are the language's alone", () => {
    const { missing } = namesUsed("firmware", parseAst("setTimeout(console.log)"));
    assert.deepEqual(missing, ["console", "setTimeout"]);
    assert.ok(!globalNames("firmware").includes("console"));
  });
});
