/**
 * The scenarios of the stack, of aioble and of its multitests on XS, with the simulator and virtual time in one
 * process, plain and with sanitizers for our C; and unit tests, as they are, of what could differ between engines.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, Suite, Test } from "mocha";
import { root } from "../../tools/paths.ts";
import { thorough } from "../support/thorough.ts";
import { buildTests, type Outcome, type Result, runTests } from "./tests.ts";

/** Unit tests that import no module of Node but `node:assert/strict`. */
const unitTests = [
  "aioble/advertise",
  "aioble/advertise-end",
  "aioble/device",
  "aioble/established",
  "aioble/server",
  "aioble/stream",
  "aioble/waits",
  "ble/att/bearer",
  "ble/att/pdus",
  "ble/codec",
  "ble/deactivate",
  "ble/depart",
  "ble/gap/address",
  "ble/gap/advertiser",
  "ble/gap/advertising-data",
  "ble/gap/advertising-set",
  "ble/gap/own-address",
  "ble/gap/initiator",
  "ble/gap/scanning",
  "ble/gatt/access",
  "ble/gatt/server/bonded",
  "ble/gatt/server/discovery",
  "ble/hci/acl",
  "ble/hci/acl-completion",
  "ble/hci/acl-queue",
  "ble/hci/command-packets",
  "ble/hci/event-packets",
  "ble/hci/hci",
  "ble/hci/hci-events",
  "ble/hci/hci-timeouts",
  "ble/host",
  "ble/l2cap/reassembly",
  "ble/smp/bond-record",
  "ble/smp/bonds",
  "ble/smp/bonds-addresses",
  "ble/smp/bonds-wear",
  "ble/smp/attacks",
  "ble/smp/method",
  "ble/smp/pairing",
  "ble/smp/toolbox",
  "ble/uuid",
  "controllers/cyw43",
  "controllers/patch",
  "power/duty-cycle",
  "power/duty-cycle-refusals",
  "power/power",
  "platform/abort",
  "platform/console",
  "platform/crypto",
  "platform/timers",
  "storage/records",
].map((name) => join(root, "host-tests/unit", `${name}.test.ts`));

/** Declares tests, though mocha does not run it. */
const mustFail = join(root, "host-tests/xs/must-fail.ts");

const scenariosIn = (...folders: readonly string[]): readonly string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, "host-tests", folder))
      .filter((name) => name.endsWith(".test.ts"))
      .sort()
      .map((name) => join(root, "host-tests", folder, name)),
  );

const lower = scenariosIn("stack", "bluetooth");
const upper = scenariosIn("aioble", "multi/aioble", "multi/bluetooth");

/** Outermost title of host-tests/xs/must-fail.ts. */
const MUST_FAIL = "tests that must fail";

/** How each of them fails. */
const failures: Readonly<Record<string, RegExp>> = {
  "an assertion": /AssertionError: 2 instead of 3/,
  "an assertion after a wait": /AssertionError: "late" instead of "early"/,
  "a rejection that nobody handles": /error: unhandled rejection: Error: forgotten/,
  "an error in a timer's callback": /error: timer callback: Error: thrown by a timer/,
};

function judge({ failure, diagnostics }: Result): void {
  if (failure !== undefined) assert.fail(failure);
  assert.deepEqual(diagnostics, [], "the engine wrote to the console while the test ran");
}

/** Adds what ran on XS to a suite, each test under its own name. */
function addResults(suite: Suite, results: readonly Result[]): void {
  const groups = new Map<string, Suite>();
  for (const result of results) {
    const titles = result.path.slice(0, -1);
    let parent = suite;
    for (const [depth, title] of titles.entries()) {
      const key = JSON.stringify(titles.slice(0, depth + 1));
      parent = groups.get(key) ?? Suite.create(parent, title);
      groups.set(key, parent);
    }
    parent.addTest(new Test(result.path.at(-1)!, () => judge(result)));
  }
}

/** Runs these files in one process, and declares a test for each of theirs. */
function onXs(sanitize: boolean, files: readonly string[], folder: string): (this: Suite) => void {
  return function () {
    this.timeout(2_400_000);
    let outcome: Outcome;

    before(async () => {
      const image = await buildTests({ files: [mustFail, ...files], sanitize, folder });
      outcome = await runTests(image, 1_500_000);
      // Mocha looks for the tests of a suite after its hooks, and for the suites inside after its tests.
      addResults(
        this,
        outcome.results.filter(({ path }) => path[0] !== MUST_FAIL),
      );
    });

    it("a failure is seen", () => {
      const failed = outcome.results.filter(({ path }) => path[0] === MUST_FAIL);
      const titles = failed.map(({ path }) => path.at(-1)!);
      assert.deepEqual(titles, Object.keys(failures));
      for (const [index, result] of failed.entries()) {
        assert.throws(() => judge(result));
        assert.match([result.failure, ...result.diagnostics].join("\n"), failures[titles[index]!]!);
      }
    });

    it("all tests run to their end", () => {
      const { unfinished, total, results, status, signal, console } = outcome;
      const said = console.join("\n");
      if (unfinished !== undefined) assert.fail(`the process died in "${unfinished.join(" > ")}"\n${said}`);
      assert.deepEqual({ status, signal }, { status: 0, signal: null }, said);
      assert.equal(results.length, total);
      assert.ok(results.length > files.length, "files declared no tests");
    });
  };
}

describe("on XS: aioble and the multitests", onXs(false, upper, "plain"));
describe("on XS, with sanitizers: the stack and units", onXs(true, [...lower, ...unitTests], "sanitize"));
// What is above the host calls our C by way of it, and what passes with sanitizers passes without.
thorough.describe("on XS, with sanitizers: aioble and the multitests", onXs(true, upper, "sanitize-upper"));
thorough.describe("on XS: the stack and units", onXs(false, [...lower, ...unitTests], "plain-lower"));
