/** docs/differences.md: each difference has a test, under the name that the page gives. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { readPage } from "../../docs/blocks.ts";

/** Titles of all tests; those in templates as they are written. */
function titles(): string[] {
  return readdirSync(join(root, "host-tests"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(root, "host-tests", name), "utf8"))
    .flatMap((source) => [...source.matchAll(/\b(?:it|describe)\(\s*(["'`])(.*?)\1\s*,/gs)])
    .map((match) => match[2]!);
}

/** The cells of the table's rows below a heading. */
function rows(page: string, heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading));
  assert.ok(section, `no section "${heading}"`);
  return [...section.matchAll(/^\| (.*) \|$/gm)].slice(1).map((match) => match[1]!.split(" | "));
}

const spans = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

/** Whether a test has this title, or, for a reference such as C6, this word in its title. */
function exists(name: string, all: readonly string[]): boolean {
  const isReference = /^C\d+$/.test(name);
  return all.some((title) => (isReference ? new RegExp(`\\b${name}\\b`).test(title) : title === name));
}

describe("docs/differences.md", () => {
  const page = readPage("docs/differences.md");

  it("has a row for each of C1 to C18, and a test for each", () => {
    const table = rows(page, "Where documentation");
    assert.deepEqual(
      table.map(([reference]) => reference),
      Array.from({ length: 18 }, (_, index) => `C${index + 1}`),
    );
    const all = titles();
    for (const cells of table) {
      const tests = spans(cells[4] ?? "");
      assert.ok(tests.length > 0, `${cells[0]} has no test`);
      for (const test of tests) assert.ok(exists(test, all), `${cells[0]}: no test "${test}"`);
    }
  });

  it("names a test for every defect, and a defect for every test", () => {
    const named = rows(page, "Defects").map((cells) => ({ area: cells[0]!, tests: spans(cells.at(-1)!) }));
    const all = titles();
    for (const { area, tests } of named) {
      assert.equal(tests.length, 1);
      assert.ok(tests[0]!.startsWith(`⚠ ${area}: `), `${tests[0]} is not of area ${area}`);
      assert.ok(exists(tests[0]!, all), `no test "${tests[0]}"`);
    }
    const shown = new Set(named.flatMap(({ tests }) => tests));
    assert.deepEqual(
      all.filter((title) => title.startsWith("⚠ ") && !shown.has(title)),
      [],
    );
  });

  it("a name that no test has is found", () => {
    assert.equal(exists("C6", ["a name (C6)"]), true);
    assert.equal(exists("C1", ["31 bytes (C10, C17)"]), false);
    assert.equal(exists("⚠ 3: no such thing", titles()), false);
  });
});
