/** docs/security.md: each answer to a threat is shown by a test, under the name that the page gives. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { readPage } from "../../docs/blocks.ts";

/** Titles of all tests; those in templates as they are written. */
function titles(): Set<string> {
  const sources = readdirSync(join(root, "host-tests"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(root, "host-tests", name), "utf8"));
  return new Set(
    sources
      .flatMap((source) => [...source.matchAll(/\b(?:it|describe)\(\s*(["'`])(.*?)\1\s*,/gs)])
      .map((match) => match[2]!),
  );
}

function isShown(name: string, all: ReadonlySet<string>): boolean {
  return name.endsWith(".ts") ? existsSync(join(root, name)) : all.has(name);
}

describe("docs/security.md", () => {
  const section = readPage("docs/security.md")
    .split(/^## /m)
    .find((text) => text.startsWith("Threats"))!;
  const rows = [...section.matchAll(/^\| (.*) \|$/gm)].slice(1).map((match) => match[1]!.split(" | "));

  it("names a test for every threat, and the test is there", () => {
    assert.ok(rows.length >= 23, `${rows.length} threats`);
    const all = titles();
    for (const [threat, , shownBy] of rows) {
      const names = [...shownBy!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
      assert.ok(names.length > 0, threat);
      for (const name of names) assert.ok(isShown(name, all), `${threat}: no test "${name}"`);
    }
  });

  it("every attack that has a test stands in the table", () => {
    const attacks = [...titles()].filter((title) => title.startsWith("attack"));
    assert.deepEqual(
      attacks.filter((title) => !section.includes(`\`${title}\``)),
      [],
    );
  });

  it("a name that no test has is found", () => {
    assert.equal(isShown("attack: nothing", titles()), false);
    assert.equal(isShown("host-tests/no-such.test.ts", new Set()), false);
  });
});
