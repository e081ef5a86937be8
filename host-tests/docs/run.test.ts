/**
 * Runs the applications in the documents, the blocks with "ts run NAME" behind the fence, on the firmware of the host
 * board, and holds the output against the "text" block below each: what the camera says, and what the phone sees that
 * does what the "phone" block between them says, each in this order; "…" stands for anything.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { type Built, build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { buildRoot } from "../../tools/paths.ts";
import { parseScript } from "../../tools/phone/script.ts";
import type { CentralEvent } from "../../tools/rig/events.ts";
import { renderCentralEvent } from "../../tools/rig/render.ts";
import { HeardLines } from "../../tools/session/heard.ts";
import { startSimulator } from "../../tools/session/radios/sim.ts";
import { type RunnableBlock, runnableBlocks } from "./blocks.ts";

/** Builds a document's application like anybody's. */
async function builtFrom({ name, code }: RunnableBlock): Promise<Built> {
  const folder = join(buildRoot, "docs", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "main.ts"), code);
  const messages: string[] = [];
  const operation = build({ application: folder, board: "host" });
  try {
    for (;;) {
      const next = await operation.next();
      if (next.done) return next.value;
      messages.push(JSON.stringify(next.value));
    }
  } catch (error) {
    throw new Error(messages.join("\n"), { cause: error });
  }
}

/** What camera and phone say, as `obscura run` prints it, up to the phone's end. */
async function run(block: RunnableBlock): Promise<string[]> {
  const { board, image, application } = await builtFrom(block);
  const radio = await startSimulator();
  const said: string[] = [];
  const heard = new HeardLines();
  const say = (source: string) => (line: string) => {
    said.push(`${source.padEnd(10)} ${line}`);
    if (source === "camera") heard.add(line);
  };
  try {
    const camera = await startCamera(board, { image, application, hci: radio.hci }, say("camera"));
    try {
      const receiver = {
        onCentralEvent: (event: CentralEvent) => renderCentralEvent(event).forEach(say("phone")),
        onLine: say("phone"),
        heard: (text: string, withinMs: number) => heard.heard(text, withinMs),
      };
      const script = block.script === undefined ? undefined : parseScript(block.script, block.name);
      const unseen = await Promise.race([
        radio.central!.start(receiver, script).ended,
        camera.exited.then((how) => `the camera ended (${how})`),
      ]);
      if (unseen !== undefined) throw new Error(`${unseen}\n${said.join("\n")}`);
    } finally {
      await camera.stop();
    }
  } finally {
    await radio.stop();
  }
  return said;
}

/** Whether a line is as documented, where "…" stands for anything. */
function fits(line: string, documented: string): boolean {
  const [start, ...rest] = documented.split("…");
  if (rest.length === 0) return line === documented;
  const end = rest.pop()!;
  let at = start!.length;
  for (const part of rest) {
    const found = line.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return line.startsWith(start!) && line.endsWith(end) && line.length - end.length >= at;
}

/** The first line of one source that is documented and was not said in its turn. */
function missing(documented: readonly string[], said: readonly string[], source: string): string | undefined {
  const lines = said.filter((line) => line.startsWith(source));
  let at = 0;
  return documented
    .filter((line) => line.startsWith(source))
    .find((line) => {
      const found = lines.findIndex((candidate, index) => index >= at && fits(candidate, line));
      at = found + 1;
      return found < 0;
    });
}

describe("The documents' applications", function () {
  this.timeout(600_000);
  it("are there, and each has a phone that does something of its own", () => {
    const blocks = runnableBlocks();
    assert.ok(blocks.length >= 8);
    assert.deepEqual(
      blocks.filter(({ script }) => script === undefined).map(({ name }) => name),
      [],
    );
  });

  for (const block of runnableBlocks()) {
    it(`${block.page}: ${block.name} does what the page says`, async () => {
      const said = await run(block);
      for (const line of block.result) {
        assert.match(line, /^(camera|phone) {2,}\S/, "a result's line begins with camera or phone");
      }
      for (const source of ["camera", "phone"]) {
        assert.equal(missing(block.result, said, source), undefined, said.join("\n"));
      }
    });
  }

  it("a result that does not come is found", () => {
    const said = ["camera     a", "phone      x", "camera     b"];
    assert.equal(missing(["camera     a", "camera     b", "phone      x"], said, "camera"), undefined);
    assert.equal(missing(["camera     b", "camera     a"], said, "camera"), "camera     a");
    assert.equal(missing(["phone      y"], said, "phone"), "phone      y");
    const [line] = ["phone      20.13 °C (dd07)"];
    assert.equal(missing(["phone      … °C (…)"], [line!], "phone"), undefined);
    assert.equal(missing(["phone      … °C (…) …"], [line!], "phone"), "phone      … °C (…) …");
  });
});
