/** How `npm test` divides the tests, counts them, and says what it left out. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { jobsFor, SLOW, testFiles } from "../../../tools/test/jobs.ts";
import { type Finished, runJobs } from "../../../tools/test/run-jobs.ts";
import { leftOut, sumOf } from "../../../tools/test/totals.ts";

describe("npm test: jobs", () => {
  it("have every file once, and each slow one alone, the longest first", () => {
    const files = testFiles();
    const jobs = jobsFor(files);
    assert.deepEqual(jobs.flatMap((job) => job.files).sort(), files);
    const slow = jobs.filter(({ coverage }) => !coverage);
    assert.ok(slow.every((job) => job.files.length === 1));
    const seconds = slow.map(({ name }) => SLOW[name]!);
    assert.deepEqual(
      seconds,
      [...seconds].sort((one, other) => other - one),
    );
  });

  it("name no slow file that is gone", () => {
    const files = new Set(testFiles());
    assert.deepEqual(
      Object.keys(SLOW).filter((file) => !files.has(file)),
      [],
    );
  });
});

describe("npm test: a run", function () {
  this.timeout(600_000);
  let folder: string;
  const outputs: string[] = [];
  let finished: Finished[];

  before(async () => {
    folder = mkdtempSync(join(root, "build", "test-run-"));
    const test = (name: string, body: string) => writeFileSync(join(folder, name), body);
    const support = join(root, "host-tests/support/thorough.ts");
    test("good.test.ts", `describe("good", () => { it("one", () => {}); it("two", () => {}); });`);
    test("bad.test.ts", `describe("bad", () => { it("fails", () => { throw new Error("the reason"); }); });`);
    test("dead.test.ts", `describe("dead", () => { it("never ends", () => process.exit(0)); });`);
    test(
      "long.test.ts",
      `import { thorough } from ${JSON.stringify(support)};
       thorough.describe("long", () => { it("a", () => {}); it("b", () => {}); });
       describe("half", () => { thorough.it("c", () => {}); it("d", () => {}); });`,
    );
    const jobs = ["good", "bad", "dead", "long"].map((name) => {
      return { name, files: [join(folder, `${name}.test.ts`)], coverage: false };
    });
    finished = await runJobs(jobs, { workers: 3, all: false, show: (text) => outputs.push(text) });
  });

  after(() => rmSync(folder, { recursive: true }));

  it("sums what its processes passed, and counts one that did not end as a failure", () => {
    const { passes, failures, pending } = sumOf(finished.map(({ totals }) => totals));
    assert.deepEqual({ passes, failures, pending }, { passes: 3, failures: 2, pending: 3 });
  });

  it("names what failed, and shows each process's output whole", () => {
    const { failed } = sumOf(finished.map(({ totals }) => totals));
    assert.deepEqual(failed, [{ path: ["bad", "fails"] }]);
    assert.equal(outputs.length, 4);
    assert.match(outputs.find((text) => text.includes("=== bad"))!, /1\) fails.*Error: the reason/s);
  });

  it("says what it left out, by name and count", () => {
    const { skipped } = sumOf(finished.map(({ totals }) => totals));
    assert.deepEqual(leftOut(skipped), ["long: 2 tests", "half: 1 test"]);
  });
});
