/** How `npm test` divides the tests, counts them, and says what it left out. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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

  it("do not leave the many other files to the end, when one process would work alone", () => {
    const names = jobsFor(testFiles()).map(({ name }) => name);
    assert.ok(names.indexOf("all other tests") < 3, names.join(" "));
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

describe("npm test: a run that is interrupted", function () {
  this.timeout(600_000);

  /** From Linux's /proc; a process that nobody has waited for is over all the same. */
  function isAlive(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0] !== "Z";
    } catch {
      return false;
    }
  }

  it("ends its processes and all that they started, and begins no others", async () => {
    const folder = mkdtempSync(join(root, "build", "test-run-"));
    try {
      // It says by a file that both run, as it would end by itself only after an hour.
      const file = join(folder, "pids");
      writeFileSync(
        join(folder, "endless.test.ts"),
        `import { spawn } from "node:child_process";
         import { readFileSync, renameSync, writeFileSync } from "node:fs";
         import { Program } from ${JSON.stringify(join(root, "tools/program.ts"))};
         it("never ends", (done) => {
           const child = spawn("sleep", ["3600"]);
           // It leads a group of its own.
           new Program("sleep", ["sleep", "3600"], () => undefined);
           const children = readFileSync("/proc/self/task/" + process.pid + "/children", "utf8").trim();
           writeFileSync("${file}.new", process.pid + " " + children);
           renameSync("${file}.new", "${file}");
           setTimeout(done, 3_600_000);
         }).timeout(0);`,
      );
      const interruption = new AbortController();
      const job = { name: "endless", files: [join(folder, "endless.test.ts")], coverage: false };
      const { signal } = interruption;
      const running = runJobs([job, job], { workers: 1, all: false, show: () => undefined, signal });
      while (!existsSync(file)) await sleep(50);
      const pids = readFileSync(file, "utf8").split(" ").map(Number);
      assert.ok(pids.length >= 3 && pids.every(isAlive), `${pids}`);
      interruption.abort();
      const finished = await running;
      assert.equal(finished.length, 1);
      assert.notEqual(finished[0]?.status, 0);
      while (pids.some(isAlive)) await sleep(50);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
