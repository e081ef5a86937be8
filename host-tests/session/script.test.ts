/** The phone's scripts, as a person uses them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { obscura } from "./run.ts";

const TEXT = "4f627363-7572-6100-8000-000000000001";

describe("obscura run with a script", function () {
  this.timeout(600_000);
  let folder = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-script-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Plays these lines with the mailbox. */
  async function play(...lines: string[]): Promise<{ status: number | null; output: string; file: string }> {
    const file = join(folder, "phone.txt");
    writeFileSync(file, lines.join("\n"));
    const session = obscura("run", "mailbox", "--script", file);
    return { status: await session.ended, output: session.output(), file };
  }

  it("plays phone.txt of the application by itself", async () => {
    const session = obscura("run", "mailbox");
    assert.equal(await session.ended, 0, session.output());
    assert.match(session.output(), /wrote 68656c6c6f to 4F627363-.*-000000000001\n/);
    assert.match(session.output(), /notification 2: 4F627363-.*-000000000003 0b0a\n/);
    assert.match(session.output(), /write 4F627363-.*: refused, write not permitted \(0x03\)\n/);
    assert.match(session.output(), /phone {6}saw everything\n/);
  });

  it("ends with the line that did not go as written", async () => {
    const { status, output, file } = await play(
      'find "obscura-mail"',
      "connect",
      "",
      `read ${TEXT}`,
      'expect value "full"',
    );
    assert.equal(status, 1);
    const unseen = "The phone did not see everything that it looked for";
    assert.ok(output.endsWith(`obscura: ${unseen}: ${file}:5: expected 66756c6c, read 656d707479\n`), output);
  });

  it("takes a refusal that nobody expects for a failure, and one that does not come too", async () => {
    const refused = await play("connect", `write 2b29 00`, "disconnect");
    assert.equal(refused.status, 0, refused.output);
    const unexpected = await play("connect", "write 2a00 00", "disconnect");
    assert.equal(unexpected.status, 1);
    assert.match(
      unexpected.output,
      /:2: the camera refused to write 2A00 Device Name: write not permitted \(0x03\)\n$/,
    );
    const missing = await play("connect", "read 2a00", "expect refusal");
    assert.match(missing.output, /:3: the step before was not refused\n$/);
  });

  it("says what did not come within its time", async () => {
    const log = await play("connect", 'expect log "never said" within 200 ms');
    assert.match(log.output, /:2: the camera did not say "never said" within 0\.2 s\n$/);
    const silent = await play(
      "connect",
      `subscribe 4f627363-7572-6100-8000-000000000003`,
      "expect silence 300 ms",
      "notifications 1 within 200 ms",
    );
    assert.match(silent.output, /no notification for 0\.3 s\n/);
    assert.match(silent.output, /:4: 0 of 1 notifications came within 0\.2 s\n$/);
    const absent = await play("connect", "read 2aff");
    assert.match(absent.output, /:2: the camera has no characteristic 2AFF\n$/);
  });

  it("says a mistake in it at once, and what is no script", async () => {
    const { status, output } = await play("connect", "raed 2a00");
    assert.equal(status, 2);
    assert.match(output, /^obscura: .*phone\.txt:2: "raed" is no step\. Steps: phone, find, /);
    const absent = obscura("run", "mailbox", "--script", join(folder, "none.txt"));
    assert.equal(await absent.ended, 2);
    assert.match(absent.output(), /^obscura: There is no script .*none\.txt\.\n$/);
    const others = obscura("run", "mailbox", "--radio", "bumble", "--script", join(folder, "phone.txt"));
    assert.equal(await others.ended, 2);
    assert.match(others.output(), /^obscura: A script is for the simulator's phone: leave --radio out\.\n$/);
  });
});
