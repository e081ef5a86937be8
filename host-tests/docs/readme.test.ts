/** README.md shows what `npm start` prints. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { obscura } from "../session/run.ts";
import { readPage } from "./blocks.ts";

/** The first line that does not depend on what was built before. */
const BEGINNING = "The camera starts on host";

/** A line without its figures: addresses, values and times differ from run to run. */
function withoutFigures(line: string): string {
  return line.trimEnd().replace(/[0-9a-f:]*\d[0-9a-f:.]*/g, "#");
}

/** What one side says, in order. Between two programs the order is chance. */
function saidBy(source: string, output: string): string[] {
  const lines = output.slice(output.indexOf(BEGINNING)).split("\n");
  return lines.filter((line) => line.startsWith(source)).map(withoutFigures);
}

/** The first line of the listing that was not said in its turn; the listing leaves lines out. */
function notSaid(listing: readonly string[], said: readonly string[]): string | undefined {
  let at = 0;
  return listing.find((line) => {
    const found = said.indexOf(line, at);
    at = found + 1;
    return found < 0;
  });
}

describe("README.md", function () {
  this.timeout(600_000);

  it("shows what npm start prints", async () => {
    const listing = [...readPage("README.md").matchAll(/(?:^ {4}.*\n)+/gm)]
      .map(([block]) => block.replace(/^ {4}/gm, ""))
      .find((block) => block.includes(BEGINNING));
    assert.ok(listing, `README.md has no listing with "${BEGINNING}"`);
    const session = obscura("run");
    assert.equal(await session.ended, 0, session.output());
    for (const source of ["camera", "phone"]) {
      const said = saidBy(source, session.output());
      const shown = saidBy(source, listing);
      assert.equal(notSaid(shown, said), undefined, session.output());
      assert.equal(shown.at(-1), said.at(-1), "to the end");
      assert.ok(shown.length >= 4);
    }
  });

  it("a line that was not said is found", () => {
    assert.equal(notSaid(["a", "c"], ["a", "b", "c"]), undefined);
    assert.equal(notSaid(["c", "a"], ["a", "b", "c"]), "a");
    assert.equal(notSaid(["a", "a"], ["a", "b"]), "a");
  });
});
