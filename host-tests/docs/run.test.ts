/**
 * Runs the applications in the documents, the blocks with "ts run NAME" behind the fence, on the firmware of the host
 * board, and holds the output against the "text" block below each: what the camera says, and what its visitor in
 * visitors.ts sees, each in this order; "…" stands for anything.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { type Built, build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { buildRoot } from "../../tools/paths.ts";
import { SimulatorServer } from "../../tools/radio/simulatorServer.ts";
import { type RunnableBlock, runnableBlocks } from "./blocks.ts";
import { visitors } from "./visitors.ts";

/** Builds a document's application like anybody's. */
async function builtFrom({ name, code }: RunnableBlock): Promise<Built> {
  const folder = join(buildRoot, "docs", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "main.ts"), code);
  const told: string[] = [];
  const operation = build({ application: folder, board: "host" });
  try {
    for (;;) {
      const next = await operation.next();
      if (next.done) return next.value;
      told.push(JSON.stringify(next.value));
    }
  } catch (error) {
    throw new Error(told.join("\n"), { cause: error });
  }
}

/** What camera and visitor say, as `obscura run` prints it, up to the visitor's end. */
async function run(block: RunnableBlock): Promise<string[]> {
  const { board, image, application } = await builtFrom(block);
  const server = new SimulatorServer();
  const said: string[] = [];
  const waiting = new Set<() => void>();
  const say = (source: string) => (line: string) => {
    said.push(`${source.padEnd(10)} ${line}`);
    for (const look of [...waiting]) look();
  };
  const saw = (line: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (said.some((words) => words.includes(line))) resolve(void waiting.delete(look));
      };
      waiting.add(look);
      look();
    });
  try {
    const camera = await startCamera(
      board,
      { image, application, hci: await server.listen() },
      say("camera"),
    );
    try {
      const visit = visitors[block.name]!({ addPhone: () => server.addPhone(), say: say("phone"), saw });
      await Promise.race([
        visit,
        camera.exited.then((how) => {
          throw new Error(`the camera ended (${how})`);
        }),
      ]);
    } catch (error) {
      throw new Error(said.join("\n"), { cause: error });
    } finally {
      await camera.stop();
    }
  } finally {
    await server.close();
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
  let blocks: RunnableBlock[] = [];

  before(() => {
    blocks = runnableBlocks();
  });

  it("each have a visitor, and no visitor is left over", () => {
    const names = blocks.map(({ name }) => name);
    assert.deepEqual([...names].sort(), Object.keys(visitors).sort());
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
