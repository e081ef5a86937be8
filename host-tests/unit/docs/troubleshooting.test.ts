/** What docs/troubleshooting.md quotes of the camera's log and errors stands in the sources. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { blocksOf } from "../../docs/blocks.ts";

const folder = join(root, "firmware");

function sources(): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
}

/** Whether a source has all parts of a line, those between figures ("…") and commas; its level may stand elsewhere. */
function isIn(source: string, line: string): boolean {
  const text = line.replace(/^(debug|info|warning|error): /, "").replace(/^aioble: /, "");
  const parts = text.split(/…|, /).map((part) => part.trim());
  return parts.every((part) => source.includes(part));
}

describe("docs/troubleshooting.md", () => {
  const lines = blocksOf("docs/troubleshooting.md")
    .filter(({ info }) => info === "text")
    .flatMap(({ code }) => code.trimEnd().split("\n"));

  it("quotes what the sources say", () => {
    assert.ok(lines.length > 10);
    const all = sources();
    assert.deepEqual(
      lines.filter((line) => !all.some((source) => isIn(source, line))),
      [],
    );
  });

  it("a line that nobody says is found", () => {
    assert.equal(
      sources().some((source) => isIn(source, "info: aioble: … and nobody says so")),
      false,
    );
  });
});
