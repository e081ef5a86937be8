/** Files and folders that the documents name exist. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "mocha";

const root = join(import.meta.dirname, "../../..");

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

/** Folders of the repository that are in git: a path that starts with one of them is a file of ours. */
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !["build", "node_modules", ".git"].includes(entry.name))
  .map(({ name }) => name);

/** Paths in code spans, from the root, without those that hold a placeholder, an option or a pattern. */
function namedPaths(text: string): string[] {
  return [...text.matchAll(/`([\w.@/-]+)`/g)]
    .map((match) => match[1]!)
    .filter((path) => folders.includes(path.split("/")[0]!) && path.includes("/"));
}

/** Targets of links that point into the repository, from the page's folder. */
function linkedPaths(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function missing(page: string, text: string): string[] {
  const named = namedPaths(text).filter((path) => !existsSync(join(root, path)));
  const linked = linkedPaths(text).filter((path) => !existsSync(join(root, dirname(page), path)));
  return [...named, ...linked].map((path) => `${page} names ${path}`);
}

describe("The documents' files", () => {
  it("exist", () => {
    assert.deepEqual(
      pages.flatMap((page) => missing(page, readFileSync(join(root, page), "utf8"))),
      [],
    );
  });

  it("that do not exist are found", () => {
    const text =
      "`docs/errors.md`, `docs/no.md`, `aioble`, [a](errors.md#x), [b](no.md), [c](https://example.org/no)";
    assert.deepEqual(missing("docs/x.md", text), ["docs/x.md names docs/no.md", "docs/x.md names no.md"]);
  });
});
