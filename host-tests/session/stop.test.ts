/** `stop()` on a real line: bytes that are on their way when it is called must not disturb the next start. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { obscura } from "./run.ts";

/** Stops at all moments of a start, and when it is over. */
const APPLICATION = `
import { advertise, stop } from "aioble";

for (let turn = 0; turn < 40; turn++) {
  const waiting = advertise({ intervalUs: 1_000_000, name: "obscura" }).catch((error: { code: string }) => error.code);
  await new Promise((resolve) => setTimeout(resolve, turn));
  await stop();
  const end = await waiting;
  if (end !== "radio-off") console.warn("turn", turn, end);
}
console.log("forty times");
await advertise({ intervalUs: 100_000, name: "obscura" });
`;

/** What every start says of an image that nobody built for release. */
const development = /warning: this image trusts the development key.*/g;

for (const board of ["host", "mps2-an500"]) {
  describe(`stop() on ${board}`, function () {
    this.timeout(600_000);
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "obscura-stop-"));
      writeFileSync(join(folder, "main.ts"), APPLICATION);
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it("forty times in the middle of a start: nothing is out of step, nothing has to be tried again", async () => {
      const session = obscura("run", folder, "--board", board, "--no-phone");
      await session.saw(/forty times/);
      session.child.kill("SIGINT");
      await session.ended;
      assert.doesNotMatch(session.output().replace(development, ""), /warning:|error:/);
    });
  });
}
