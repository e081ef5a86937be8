/**
 * The scenarios of the whole stack on a controller that has to be brought up and that sleeps: a named part of them in a usual run,
 * all of them with `npm test -- --all`, but for those that hold figures or faults of a controller that is always on.
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

/** Left out of all of them, by a part of their titles. */
const LEFT_OUT = [
  // A controller that fails from the beginning fails in the bring-up, which has errors of its own.
  ...["a controller that never answers ends", "when the controller does not come back", "lost for good"],
  ...["Reset to (advertise|connections|scan|connect)\\(\\)", "when the controller never answers"],
  // They hold times to the millisecond, or count starts: the chip takes 5 ms to wake, and half a second to start.
  ...["with what it was changed to, and ends in its time", "directed at high duty cycle: ends by itself"],
  ...["100 ms without connections before 5.0", "limited discoverable mode ends by itself"],
  ...["leaves the flags, the kind and the deadline", "updateParameters, as a central: ends by timeoutMs"],
  ...["pauses longer after each attempt that fails", "is started again after three refusals in a row"],
  ...["survives a broken line", "goes on advertising, and a phone connects in the pause"],
  // They look at one moment, behind a wait for another: the bytes of a chip take their time on the wire.
  ...["one that comes after the answer to Disable", "the call that is about to advertise by then"],
  ...["one Security Request after a second", "a bond that the camera deleted is none", "lists who is bonded"],
  ...["is given the key of its bond", "holds it up for half of the time", "SDUs are never joined"],
  ...["under the owner's address, without a display", "is known before its link is encrypted"],
  ...["updateAdvertising\\(\\) that needs another start", "they are there after a restart"],
  // The driver's line is one more.
  "0 is silent, 1 has errors",
];

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
      LEFT_OUT.join("|"),
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

  thorough.it("all, but those for a controller that is always on", () =>
    run("host-tests/{stack,aioble,bluetooth}/**/*.test.ts"),
  );
});
