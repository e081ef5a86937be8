/** What docs/application.md says of the engine's limits, on a Cortex-M7. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { readPage } from "../docs/blocks.ts";
import { Bench } from "./image.ts";
import { buildImage, runQemu } from "./qemu-camera.ts";

const page = readPage("docs/application.md").split("### The engine's limits")[1]!;

/** The first figure in the row that begins so. */
function documented(beginning: string): number {
  const row = page.split("\n").find((line) => line.startsWith(`| ${beginning}`));
  const figure = /\|[^|]*\| ?\D*([\d,]+)/.exec(row ?? "")?.[1];
  assert.ok(figure, `no figure in a row "${beginning}"`);
  return Number(figure.replaceAll(",", ""));
}

const limits = {
  calls: documented("functions that call each other"),
  asyncs: documented("`async` functions"),
  spread: documented("arguments of one call"),
  stringify: documented("arrays and objects in each other"),
  parse: documented("the same, `JSON.parse`"),
};

/** Each is called with a number: how deep, or how many. */
const PROBES = `
  const nest = (depth) => { let value = []; for (let i = 0; i < depth; i++) value = [value]; return value; };
  class Walker {
    go(depth, text) {
      const next = depth - 1, more = text + "x";
      return depth > 0 ? this.go(next, more) + 1 : 0;
    }
  }
  const asyncs = async (depth) => (depth > 0 ? (await asyncs(depth - 1)) + 1 : 0);
  const probes = {
    calls: (n) => new Walker().go(n, "") === n,
    asyncs: (n) => { asyncs(n); return true; },
    spread: (n) => Math.max(...new Array(n).fill(7)) === 7 && String.fromCharCode.apply(null, new Array(n).fill(65)).length === n,
    stringify: (n) => JSON.stringify(nest(n)).length === 2 * (n + 1),
    parse: (n) => Array.isArray(JSON.parse("[".repeat(n) + "]".repeat(n))),
  };
  // As deep as an application is where it does such things: in a listener that a loop calls.
  const inside = (depth, work) => (depth > 0 ? [0].map(() => inside(depth - 1, work))[0] : work());
  const run = (name, n) => inside(4, () => probes[name](n));`;

describe("the engine's limits on mps2-an500", function () {
  this.timeout(600_000);
  let bench: Bench;

  before(async () => {
    bench = await Bench.open();
  });

  after(() => bench.dispose());

  const firmware = (body: string): string =>
    `export default function main(native) {
       const log = (text) => native.consoleWrite("info", String(text));
       ${body}
     }`;

  const run = async (name: string, body: string) =>
    runQemu({ elf: await buildImage(bench, name, firmware(body)), exitOnReset: true });

  it("what the document says works does", async () => {
    const body = `${PROBES}
      for (const [name, n] of Object.entries(${JSON.stringify(limits)})) log(name + " " + run(name, n));
      log([...new Array(5000).fill(1)].length);
      native.exit(0);`;
    const { status, lines } = await run("limits", body);
    const expected = [...Object.keys(limits).map((name) => `info: ${name} true`), "info: 5000"];
    assert.deepEqual({ status, lines }, { status: 0, lines: expected });
  });

  it("beyond them the log says what happened before the camera restarts", async () => {
    const body = `${PROBES}\n log("begins"); run("calls", 2000); log("never reached");`;
    const { lines } = await run("beyond", body);
    assert.equal(lines[0], "info: begins");
    assert.match(lines[1] ?? "", /^fatal: stack overflow: \d+ of 1536 slots/);
    assert.ok(!lines.some((line) => line.includes("never reached")));
  });

  it("an allocation that no heap of the board has room for is a RangeError, and the program goes on", async () => {
    const body = `
      const attempt = (work) => { try { return work().length; } catch (error) { return error; } };
      const kept = Array.from({ length: 500 }, (_, at) => ({ at, text: "kept " + at }));
      for (let round = 0; round < 20; round++) {
        log(attempt(() => new Uint8Array(64e6)));
        log(attempt(() => Uint8Array.from({ length: 640e6 })));
        log(attempt(() => new ArrayBuffer(0x7fffff00).slice(1)));
        log(attempt(() => "x".repeat(64e6)));
        log(attempt(() => new Array(8e6).fill(1)));
        log(attempt(() => "x".padStart(2 ** 31 - 8)));
        log(attempt(() => new Uint8Array(500_000)));
        log(kept.every(({ at, text }) => text === "kept " + at));
      }
      function ask() { return new Uint8Array(64e6); }
      Promise.resolve().then(ask).catch((error) => {
        log(error.stack);
        native.exit(0);
      });`;
    const { status, lines: all } = await run("huge", body);
    assert.equal(status, 0, all.join("\n"));
    const lines = [...all];
    const refusal = /^info: RangeError: out of memory: (\d+|more than \d+) bytes at once/;
    for (let round = 0; round < 20; round++) {
      const [array, typed, buffer, text, list, padded, ...rest] = lines.splice(0, 8);
      for (const line of [array, typed, buffer, text, list, padded]) assert.match(line!, refusal);
      assert.match(array!, / 64000\d\d\d bytes at once, and the heap cannot grow beyond \d+ bytes$/);
      assert.deepEqual(rest, ["info: 500000", "info: true"]);
    }
    assert.match(lines.join("\n"), /at ask \(/);
  });

  it("what fills the heap bit by bit is in the log before the camera restarts", async () => {
    const body =
      'let all; log("begins"); for (;;) all = { all, bytes: new Uint8Array(1000) }; log("never reached");';
    const { lines } = await run("full", body);
    assert.equal(lines[0], "info: begins");
    assert.match(lines[1] ?? "", /^fatal: JavaScript heap full: \d+ of \d+ slots/);
  });

  it("what is not there says so in an error that can be caught", async () => {
    const body = `
      const attempt = (work) => { try { return work(); } catch (error) { return error; } };
      log(attempt(() => "e\\u0301".normalize("NFC")));
      log(attempt(() => new RegExp("\\\\p{Lu}", "u")));
      log(typeof Intl + " " + (1234.5).toLocaleString());
      native.exit(0);`;
    const { status, lines } = await run("absent", body);
    assert.equal(status, 0, lines.join("\n"));
    assert.match(lines[0]!, /^info: RangeError: not built-in/);
    assert.match(lines[1]!, /^info: SyntaxError: .*\\p unicode property escape not built-in/);
    assert.equal(lines[2], "info: undefined 1234.5");
  });

  it("\\p{…} in a literal is refused when the bundle is compiled", () => {
    assert.throws(
      () => bench.compile("firmware", "property", firmware("log(/\\p{Lu}/u.test('A'));")),
      /\\p unicode property escape not built-in/,
    );
  });
});
