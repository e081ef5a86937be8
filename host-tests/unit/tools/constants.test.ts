/** Constants are put where they are used, and nowhere else. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { inlineConstants } from "../../../tools/build/constants.ts";

const END = "/* end of definitions */\n";

/** The module without the definitions, which are dropped when nothing needs them. */
const inlined = (definitions: string, use: string): string =>
  inlineConstants(`${definitions}${END}${use}`).split(END)[1]!;

describe("constants of a bundle", () => {
  it("are put where they are used: numbers and booleans, alone and in objects", () => {
    const definitions = `const MAX = 64; const DOWN = -1; const ON = true;
      const ATT = { ERROR: 0x01, "write": 2 }; const GAP = Object.freeze({ NAME: -9 });`;
    assert.equal(inlined(definitions, "f(MAX, DOWN, ON);"), "f(64, (-1), true);");
    assert.equal(inlined(definitions, "f(ATT.ERROR + ATT.write, GAP.NAME);"), "f(0x01 + 2, (-9));");
    assert.equal(
      inlined(definitions, "f({ MAX }, { [MAX]: DOWN ** 2 });"),
      "f({ MAX: 64 }, { [64]: (-1) ** 2 });",
    );
    assert.equal(
      inlined(definitions, "f(MAX.toString(), ATT.ERROR.toFixed());"),
      "f((64).toString(), (0x01).toFixed());",
    );
    assert.equal(
      inlined(definitions, "const { a = MAX, b = ATT.ERROR } = c;"),
      "const { a = 64, b = 0x01 } = c;",
    );
  });

  it("leave tables that only make themselves, for whoever drops what is unused", () => {
    const made = inlineConstants("const GAP = Object.freeze({ NAME: -9 }); const all = Object.freeze(gap);");
    assert.equal(
      made,
      "const GAP = /* @__PURE__ */ Object.freeze({ NAME: -9 }); const all = Object.freeze(gap);",
    );
  });

  it("stay where a name means something else, or others import it", () => {
    const definitions = "const MAX = 64; const ATT = { ERROR: 1 };";
    for (const use of [
      "function f(MAX) { return MAX; }",
      "const g = (ATT) => ATT.ERROR;",
      "f({ MAX: 1 }.MAX, f.MAX, 'MAX');",
      "export { MAX, ATT };",
    ]) {
      assert.equal(inlined(definitions, use), use);
    }
  });

  it("are no strings, nothing that is computed, and no variables", () => {
    for (const definition of [
      "const NAME = 'text';",
      "const NAME = 1 + 1;",
      "const NAME = null;",
      "let NAME = 1;",
      "const { NAME } = { NAME: 1 };",
    ]) {
      assert.equal(inlined(definition, "f(NAME);"), "f(NAME);");
    }
  });

  it("of an object stay when it could change, or is more than constants", () => {
    const table = "const TABLE = { A: 1 };";
    for (const use of [
      "TABLE.A = 2;",
      "TABLE.A++;",
      "delete TABLE.A;",
      "TABLE.A();",
      "[TABLE.A] = [2];",
      "({ a: TABLE.A } = { a: 2 });",
      "for (TABLE.A of [2]);",
      "f(TABLE);",
      "f({ TABLE });",
      "f({ ...TABLE });",
      "for (const name in TABLE);",
    ]) {
      assert.equal(inlined(table, `${use} f(TABLE.A);`), `${use} f(TABLE.A);`);
    }
    for (const definition of [
      "const TABLE = { A: 1, grow() { this.A++; } };",
      "const TABLE = { A: 1, get B() { return 2; } };",
      "const TABLE = { A: 1, ...others };",
      "const TABLE = { A: 1, [name]: 2 };",
      "const TABLE = { A: 1, B: f };",
      "const TABLE = seal({ A: 1 });",
    ]) {
      assert.equal(inlined(definition, "f(TABLE.A);"), "f(TABLE.A);");
    }
  });

  it("of an object are taken where a name is written, not where one is computed, nor where it has none", () => {
    assert.equal(
      inlined("const TABLE = { A: 1 };", "f(TABLE.A, TABLE[a], TABLE.B);"),
      "f(1, TABLE[a], TABLE.B);",
    );
  });
});
