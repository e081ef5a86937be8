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
      assert.deepEqual(saidBy(source, session.output()), saidBy(source, listing));
      assert.ok(saidBy(source, listing).length >= 5);
    }
  });
});
