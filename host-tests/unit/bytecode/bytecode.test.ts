/** The bytecode compiler as a program: what it refuses and how it says so, and what it makes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { buildCompiler, compilerProgram } from "../../../tools/build/compiler.ts";
import { forge } from "../../firmware/container.ts";

describe("bytecode compiler", function () {
  this.timeout(600_000);
  let directory: string;

  before(async () => {
    await buildCompiler();
    directory = mkdtempSync(join(tmpdir(), "obscura-bytecode-"));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  const path = (name: string): string => join(directory, name);

  function run(...args: string[]): { status: number | null; stderr: string } {
    const { status, stderr } = spawnSync(compilerProgram, args, { encoding: "utf8", cwd: directory });
    return { status, stderr };
  }

  function compile(
    source: string,
    output = "out.xsb",
    ...more: string[]
  ): { status: number | null; stderr: string } {
    writeFileSync(path("in.js"), source);
    rmSync(path(output), { force: true });
    const kind = more.includes("--base") ? "application" : "firmware";
    return run("--kind", kind, "--name", kind, "--output", output, ...more, "in.js");
  }

  /** Names between two offsets of a container, each ended by a zero. */
  function names(bytes: Buffer, at: number, count: number, prefix: number): string[] {
    const found: string[] = [];
    for (let i = 0; i < count; i++) {
      const end = bytes.indexOf(0, at + prefix);
      found.push(bytes.toString("latin1", at + prefix, end));
      at = end + 1;
    }
    return found;
  }

  const symbols = (bytes: Buffer) => ({
    own: names(bytes, bytes.readUInt32LE(48), bytes.readUInt16LE(42), 0),
    borrowed: names(bytes, bytes.readUInt32LE(52), bytes.readUInt16LE(44), 2),
  });

  it("lays the container out as documented", () => {
    assert.deepEqual(compile("export default (first) => first.second;"), { status: 0, stderr: "" });
    const bytes = readFileSync(path("out.xsb"));
    assert.equal(bytes.toString("latin1", 0, 4), "OBSX");
    assert.equal(bytes.readUInt16LE(4), 2);
    assert.equal(bytes[6], 0);
    assert.deepEqual([...bytes.subarray(8, 11)], [13, 3, 0]);
    assert.equal(bytes.readUInt32LE(12), bytes.length);
    assert.equal(bytes.toString("latin1", 64, 73), "firmware\0");
    assert.deepEqual(symbols(bytes).own.sort(), ["firmware", "second"]);
    assert.deepEqual(symbols(bytes).borrowed, []);
    const code = bytes.readUInt32LE(56);
    assert.equal(code % 4, 0);
    assert.ok(code + bytes.readUInt32LE(60) <= bytes.length - 4);
  });

  it("makes the same bytes of the same input", () => {
    const source = "export class A { x = 1; get y() { return this.x; } }\nexport const b = [A];\n";
    compile(source, "one.xsb");
    compile(source, "two.xsb");
    assert.deepEqual(readFileSync(path("one.xsb")), readFileSync(path("two.xsb")));
  });

  it("takes 2 bytes for a short branch forward, however many branches the bundle has", () => {
    const sizeOf = (count: number): number => {
      compile(`export function f(a, b) { ${"if (a) b();\n".repeat(count)} }`);
      return readFileSync(path("out.xsb")).readUInt32LE(60);
    };
    const sizeOfOne = (sizeOf(40) - sizeOf(20)) / 20;
    assert.equal((sizeOf(20_000) - sizeOf(10_000)) / 10_000, sizeOfOne);
  });

  describe("takes no instructions for", () => {
    const sizeOf = (body: string): number => {
      assert.deepEqual(compile(`let outer; export function f(a, b) { ${body} }`), { status: 0, stderr: "" });
      return readFileSync(path("out.xsb")).readUInt32LE(60);
    };

    it("a parameter that is only read", () => {
      assert.equal(sizeOf("return a;"), sizeOf("return 1;"));
      const store = 4;
      assert.ok(
        sizeOf("a = 1; return a;") - sizeOf("return a;") > store,
        "a written one has a place of its own",
      );
    });

    it("a look at whether a variable has a value that always has one", () => {
      const sure = sizeOf("b = 1; let c = a; outer(); outer(c);") - sizeOf("b = 1; outer(); outer(a);");
      const unsure =
        sizeOf("switch (b) { case 0: let c = a; default: outer(); outer(c); }") -
        sizeOf("switch (b) { case 0: default: outer(); outer(a); }");
      assert.equal(sure, 5);
      const leavesBlock = 2;
      assert.equal(unsure - leavesBlock, 8);
    });

    it("the `this` of an arrow function that does not use it", () => {
      assert.equal(sizeOf("return () => true;"), sizeOf("return () => this;") - 7);
      assert.equal(sizeOf("return () => () => true;"), sizeOf("return () => () => this;") - 14);
    });

    it("the value that a statement leaves", () => {
      assert.equal(sizeOf("var c; c = a; outer = b; b();"), sizeOf("var c; outer = b; c = a; b();"));
      assert.ok(sizeOf("return void 0;") < sizeOf("return true;"));
    });
  });

  it("names the file and the line of a syntax error and writes nothing", () => {
    const { status, stderr } = compile("const a = 1;\nconst b = ;\n");
    assert.equal(status, 1);
    assert.match(stderr, /^in\.js:2:\d+: /);
    assert.equal(existsSync(path("out.xsb")), false);
  });

  it("takes a literal of 65,534 bytes, and says of a longer one what the limit is", () => {
    for (const quote of ['"', "`"]) {
      const literal = (length: number): string => `\nexport const a = ${quote}${"x".repeat(length)}${quote};`;
      assert.equal(compile(literal(65_534)).status, 0);
      const { status, stderr } = compile(literal(65_535));
      assert.equal(status, 1);
      assert.match(stderr, /^in\.js:\d+:\d+: a literal is longer than 65534 bytes in UTF-8: divide it among/);
    }
    assert.match(compile(`export const a = /${"x".repeat(65_536)}/;`).stderr, /longer than 65534 bytes/);
    assert.match(compile(`export const a = "${"é".repeat(32_768)}";`).stderr, /longer than 65534 bytes/);
  });

  it("refuses what the camera's engine was built without", () => {
    for (const [what, source] of [
      ["eval", "export const f = (text) => eval(text);"],
      ["#names", "export class A { #x = 1; get x() { return this.#x; } }"],
    ] as const) {
      const { status, stderr } = compile(source);
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`in\\.js:\\d+:\\d+: uses ${what}, which a camera does not have`));
    }
  });

  it("reports every early error it finds", () => {
    assert.match(compile("let a;\nlet a;\n").stderr, /^in\.js:2:\d+: /);
    assert.match(compile("export { missing };\n").stderr, /^in\.js:\d+:\d+: /);
    assert.match(compile("with (a) {}\n").stderr, /^in\.js:1:\d+: /);
  });

  it("gives an application the firmware's symbols and adds its own behind them", () => {
    compile("export default function main(native) { native.shared(); }", "firmware.xsb");
    const firmware = readFileSync(path("firmware.xsb"));
    assert.equal(compile("shared(lonely);", "app.xsb", "--base", "firmware.xsb").status, 0);
    const app = readFileSync(path("app.xsb"));
    assert.equal(app[6], 1);
    assert.deepEqual(symbols(app), { own: ["lonely", "application"], borrowed: ["shared"] });
    const spare = 64;
    assert.equal(app.readUInt16LE(40), firmware.readUInt16LE(40) + firmware.readUInt16LE(42) + spare);
    assert.deepEqual(app.subarray(24, 32), firmware.subarray(32, 40), "stands on the firmware's table");
    assert.deepEqual(app.subarray(16, 24), firmware.subarray(16, 24), "the same native interface");
  });

  it("refuses a base that is truncated, damaged, an application, or for another interface", () => {
    compile("export default function main() {}", "firmware.xsb");
    const bytes = readFileSync(path("firmware.xsb"));
    const attempt = (base: Buffer): string => {
      writeFileSync(path("base.xsb"), base);
      const { status, stderr } = compile("1;", "app.xsb", "--base", "base.xsb");
      assert.equal(status, 1);
      assert.equal(existsSync(path("app.xsb")), false);
      return stderr;
    };
    for (const length of [0, 3, 63, 64, bytes.length - 1])
      assert.match(attempt(bytes.subarray(0, length)), /base\.xsb is (truncated|not an Obscura bundle)/);
    for (const at of [13 + 56, bytes.length - 5, bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      assert.match(attempt(damaged), /base\.xsb is damaged \(CRC mismatch\)/);
    }
    assert.match(attempt(forge(bytes, 16)), /another native interface/);
    assert.match(attempt(forge(bytes, 9)), /another version of the XS engine/);
    assert.match(attempt(forge(bytes, 24)), /stands on other symbols/);
    assert.match(attempt(Buffer.from(bytes).fill(9, 4, 5)), /container format/);
    compile("1;", "app2.xsb", "--base", "firmware.xsb");
    assert.match(attempt(readFileSync(path("app2.xsb"))), /is an application, not a firmware/);
  });

  it("says in one line what is wrong with its arguments, with status 2", () => {
    const cases: [string[], RegExp][] = [
      [[], /--kind is missing/],
      [["--kind", "toaster", "--name", "a", "--output", "b", "c"], /firmware or application, not toaster/],
      [["--kind", "application", "--name", "a", "--output", "b", "c"], /needs --base/],
      [["--kind", "firmware", "--name", "a", "--output", "b"], /the input is missing/],
      [["--frobnicate"], /what is --frobnicate/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = run(...args);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split("\n").length, 1);
    }
  });

  it("says when it cannot read or write a file", () => {
    assert.match(
      run("--kind", "firmware", "--name", "f", "--output", "o", "absent.js").stderr,
      /absent\.js: No such file/,
    );
    assert.match(compile("1;", "no/such/folder.xsb").stderr, /no\/such\/folder\.xsb.*: No such file/);
  });
});
