/** Global names that a camera lacks fail the build, in packages too. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseAst } from "rollup/parseAst";
import { globalNames, missingNames } from "../../../tools/build/globals.ts";

const missing = (source: string) => missingNames("application", parseAst(source));

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

  it("of a firmware are the language's alone", () => {
    assert.deepEqual(missingNames("firmware", parseAst("setTimeout(console.log)")), [
      "console",
      "setTimeout",
    ]);
    assert.ok(!globalNames("firmware").includes("console"));
  });
});
