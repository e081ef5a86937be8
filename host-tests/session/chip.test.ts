/** `obscura run --radio sim:cyw43`: the camera brings a modelled chip up from cold, on both boards; `obscura patch`. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { obscura } from "./run.ts";

describe("a controller that has to be brought up", function () {
  this.timeout(600_000);
  let folder = "";
  let patch = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-chip-"));
    patch = join(folder, "small.hcd");
    writeFileSync(patch, syntheticPatch(20, 3000, 5));
  });

  after(() => rmSync(folder, { recursive: true }));

  for (const board of ["host", "mps2-an500"]) {
    it(`${board}: from cold, with a patch that is made up, and a phone sees everything`, async () => {
      const session = obscura("run", "environment-sensor", "--board", board, "--radio", "sim:cyw43");
      assert.equal(await session.ended, 0, session.output());
      assert.match(session.output(), /cyw43: ready after \d+ ms, with a patch of 139 records, 35182 bytes/);
      assert.match(session.output(), /saw everything/);
    });

    it(`${board}: with the user's patch`, async () => {
      const session = obscura(
        "run",
        ...["environment-sensor", "--board", board, "--radio", "sim:cyw43", "--patch", patch],
      );
      assert.equal(await session.ended, 0, session.output());
      assert.match(session.output(), /with a patch of 21 records, 3000 bytes/);
    });
  }

  it("a patch without such a chip is a mistake, and so is one that is not there or cut short", async () => {
    const alone = obscura("run", "environment-sensor", "--patch", patch);
    assert.equal(await alone.ended, 2);
    assert.match(alone.output(), /--patch is for a chip .* --radio sim:cyw43/);

    const missing = obscura("patch", join(folder, "none.hcd"));
    assert.equal(await missing.ended, 2);
    assert.match(missing.output(), /cannot be read/);

    const short = join(folder, "short.hcd");
    writeFileSync(short, syntheticPatch().subarray(0, 1000));
    const damaged = obscura("patch", short);
    assert.equal(await damaged.ended, 1);
    assert.match(damaged.output(), /damaged at byte \d+.*cut short/);

    const long = join(folder, "long.hcd");
    writeFileSync(long, new Uint8Array([...syntheticPatch(), 0xff]));
    const padded = obscura("patch", long);
    assert.equal(await padded.ended, 1);
    assert.match(padded.output(), /goes on for 1 bytes behind its Launch RAM/);
  });

  it("obscura patch describes one", async () => {
    const session = obscura("patch", patch);
    assert.equal(await session.ended, 0, session.output());
    assert.match(session.output(), /records +21\n.*bytes +3000\n.*writes +0x00200000 to 0x0020/s);
    assert.match(session.output(), /sha-256 +[0-9a-f]{64}/);
  });
});
