/**
 * The scenarios of the whole stack on a controller that has to be brought up and that sleeps: a named part of them in a usual run,
 * all of them with `npm test -- --all`, but for five.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { thorough } from "../../support/thorough.ts";

/** Scenarios that start, advertise, connect, write, notify, stop, start again and recover. */
const NAMED = [
  "host-tests/aioble/sensor.test.ts",
  "host-tests/aioble/stop.test.ts",
  "host-tests/aioble/notify.test.ts",
  "host-tests/aioble/handlers.test.ts",
  "host-tests/aioble/sessions.test.ts",
  "host-tests/stack/links.test.ts",
  "host-tests/stack/updates.test.ts",
  "host-tests/bluetooth/server.test.ts",
];

/** Left out of all of them, by a part of their titles, for what a chip is without. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "Reset to (advertise|connections)\\(\\)":
    "a Reset that is refused ends the bring-up in an error of its own after three attempts; without one it is asked again",
  "a camera restarts while its radio goes on advertising":
    "a chip has been without supply when its camera starts: nothing goes on",
  "both sides are encrypted and bonded; each keeps one bond":
    "the test's word from the central is there before the last keys have come over a chip's wire",
  "0 is silent, 1 has errors": "the driver's line with the time of the start is one more, at any log level",
};

function run(...files: readonly string[]): void {
  const mocha = join(root, "node_modules/mocha/bin/mocha.js");
  const hook = "./host-tests/support/on-chip.ts";
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      "--import=tsx",
      mocha,
      "--require",
      hook,
      "--reporter",
      "dot",
      "--invert",
      "--grep",
      Object.keys(LEFT_OUT).join("|"),
      ...files,
    ],
    { cwd: root, encoding: "utf8" },
  );
  assert.equal(status, 0, `${stdout}${stderr}`.slice(-6000));
  assert.ok(Number(/(\d+) passing/.exec(stdout)?.[1]) >= 5 * files.length, stdout);
}

describe("the stack's scenarios on a CYW43 chip", function () {
  this.timeout(900_000);

  it("a part: start, advertise, connect, write, notify, stop, start and recover", () => run(...NAMED));

  thorough.it(
    "all of stack, aioble, bluetooth and multi but five (attacker, interop and session run on boards, and start their own controllers)",
    () => run("host-tests/{stack,aioble,bluetooth,multi}/**/*.test.ts"),
  );
});
