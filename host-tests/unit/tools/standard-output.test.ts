/** What `obscura` does where nobody can take what it shows. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "mocha";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { root } from "../../../tools/paths.ts";

const FULL = "/dev/full";
const LOST = "obscura: What this command shows could not be written, and is lost: no space is left for it.\n";

describe("tools/standard-output", function () {
  this.timeout(600_000);
  let folder = "";
  let patch = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "standard-output-"));
    patch = join(folder, "whole.hcd");
    writeFileSync(patch, syntheticPatch());
  });
  after(() => rmSync(folder, { recursive: true }));

  /** @param output a file, or undefined for a pipe */
  function start(program: string, args: readonly string[], output: string | undefined) {
    const file = output === undefined ? undefined : openSync(output, "w");
    const child = spawn(process.execPath, [join(root, "tools", program), ...args], {
      cwd: root,
      stdio: ["pipe", file ?? "pipe", "pipe"],
    });
    if (file !== undefined) closeSync(file);
    const ended = Promise.all([once(child, "exit"), text(child.stderr!)]);
    return { child, ended: ended.then(([[status], said]) => ({ status: status as number | null, said })) };
  }

  for (const [program, ...args] of [
    ["obscura.mjs", "--version"],
    ["obscura.mjs", "--help"],
    ["obscura.mjs", "doctor", "--help"],
    ["obscura.mjs", "patch", "FILE"],
    ["obscura.mjs", "patch", "FILE", "--json"],
    ["run.mjs", "size", "--help"],
  ] as const)
    it(`${program} ${args.join(" ")} ends with 1 and a sentence where the disk is full (needs ${FULL})`, async function () {
      if (!existsSync(FULL)) this.skip();
      const named = args.map((arg) => (arg === "FILE" ? patch : arg));
      assert.deepEqual(await start(program, named, FULL).ended, { status: 1, said: LOST });
      const whole = start(program, named, join(folder, "output"));
      assert.deepEqual(await whole.ended, { status: 0, said: "" });
    });

  it(`a command that goes on ends as soon as the disk is full (needs ${FULL})`, async function () {
    if (!existsSync(FULL)) this.skip();
    const { child, ended } = start("obscura.mjs", ["trace"], FULL);
    child.stdin!.write("a line of a log\n");
    assert.deepEqual(await ended, { status: 1, said: LOST });
  });

  it(`a mistake stays one where the disk is full, and nothing was to be shown (needs ${FULL})`, async function () {
    if (!existsSync(FULL)) this.skip();
    const { status, said } = await start("obscura.mjs", ["patch", join(folder, "none")], FULL).ended;
    assert.equal(status, 2);
    assert.match(said, /^obscura: There is no patch .*none\.\n$/);
  });

  it("a command that goes on ends without a word when its reader has gone", async () => {
    const { child, ended } = start("obscura.mjs", ["trace"], undefined);
    child.stdin!.on("error", () => undefined);
    const lines = child.stdout!;
    child.stdin!.write("a line of a log\n");
    await once(lines, "data");
    lines.destroy();
    child.stdin!.write("another\n");
    assert.deepEqual(await ended, { status: 130, said: "" });
  });
});
