/** The bundle after lowering means what the source meant, on Node and on XS. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { loadBoard } from "../../../tools/build/boards.ts";
import { bundle } from "../../../tools/build/bundle.ts";
import { buildCompiler, compile } from "../../../tools/build/compiler.ts";
import { buildImage } from "../../../tools/build/image.ts";
import { lower, lowerTraced } from "../../../tools/build/lower.ts";
import { Lines } from "../../../tools/build/origins.ts";
import { ToolError } from "../../../tools/events.ts";
import { buildRoot, root } from "../../../tools/paths.ts";

/** Each line says one thing that lowering could spoil. */
const source = `
import "${join(root, "firmware/platform/dispose.ts")}";

class Point {
  x = 1;
  name = "point";
  static ZERO = new Point(0);
  static made = 1;
  constructor(readonly y: number = 2, private z = 3) {}
  sum(): number { return this.x + this.y + this.z; }
}
class Spot extends Point {
  static { Spot.made = 5; }
  w = this.x + 1;
  #secret = 7;
  get(): number { return this.#secret; }
}
class Failure extends Error {
  override name = "Failure";
}
Object.freeze(Error.prototype);

async function work(log: string[]): Promise<void> {
  await using outer = { async [Symbol.asyncDispose]() { log.push("outer closed"); } };
  {
    await using inner = { async [Symbol.asyncDispose]() { log.push("inner closed"); } };
    log.push("inside");
    void inner;
  }
  log.push("after");
  void outer;
}

export async function report(): Promise<string> {
  const log: string[] = [];
  await work(log);
  const spot = new Spot();
  let value: number | undefined;
  value ??= 9;
  return JSON.stringify({
    zero: Point.ZERO.y,
    isPoint: Point.ZERO instanceof Point,
    made: [Point.made, Spot.made],
    sum: spot.sum(),
    own: Object.keys(spot).sort(),
    w: spot.w,
    secret: spot.get(),
    error: new Failure("x").name,
    value,
    log,
  });
}
`;

const meaning = {
  zero: 0,
  isPoint: true,
  made: [1, 5],
  sum: 6,
  own: ["name", "w", "x", "y", "z"],
  w: 2,
  secret: 7,
  error: "Failure",
  value: 9,
  log: ["inside", "inner closed", "after", "outer closed"],
};

describe("lowering a bundle", () => {
  let folder = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-lower-"));
    writeFileSync(join(folder, "source.ts"), source);
  });

  after(() => rmSync(folder, { recursive: true }));

  async function lowered(kind: "tests" | "firmware", entry: string): Promise<string> {
    const file = join(folder, "main.ts");
    writeFileSync(file, entry);
    return (await bundle(kind, file)).code;
  }

  it("keeps the meaning on Node", async () => {
    const code = await lowered(
      "tests",
      'import { report } from "./source.ts";\nconsole.log(await report());',
    );
    assert.doesNotMatch(code, /await using|static ZERO|static \{|#secret/);
    const file = join(folder, "bundle.mjs");
    writeFileSync(file, code);
    const said = execFileSync(process.execPath, [file], { encoding: "utf8" });
    assert.deepEqual(JSON.parse(said), meaning);
  });

  it("lets the engine see that a module awaits which does so in a loop alone", async () => {
    const loop = "for await (const item of items()) take(item);\n";
    assert.equal(await lower(loop, "main.ts"), `${loop}await undefined;\n`);
    const inside = `if (true) {\n  {\n    ${loop}  }\n}\n`;
    assert.equal(await lower(inside, "main.ts"), `${inside}await undefined;\n`);
    const inFunction = `async function work() {\n  ${loop}}\n`;
    assert.equal(await lower(inFunction, "main.ts"), inFunction);
    const inMethod = `class A {\n  async work() {\n    ${loop}  }\n}\n`;
    assert.equal(await lower(inMethod, "main.ts"), inMethod);
  });

  it("refuses a class in a loop that awaits in its head, with the place", async () => {
    const code =
      "async function work() {\n  for (;;) {\n    class A extends (await base()) { #x = 1; }\n  }\n}\n";
    await assert.rejects(lower(code, "main.ts"), (error: ToolError) => {
      assert.ok(error instanceof ToolError);
      assert.match(error.message, /^main\.ts cannot be lowered/);
      assert.match(error.output, /^main\.ts:3: A class that is evaluated again and again cannot await/);
      return true;
    });
    const without = code.replace("(await base())", "(class { async work() { await 1; } })");
    assert.match(await lower(without, "main.ts"), /_x = new WeakMap\(\)/);
  });

  it("refuses a class in a loop that has decorators, with the place", async () => {
    const used = "for (const n of [1, 2]) {\n  class A { @tag x = n; }\n  console.log(new A().x);\n}\n";
    const tag = "const tag = (_: undefined, _context: ClassFieldDecoratorContext) => (n: number) => n;\n";
    await assert.rejects(lowered("tests", tag + used), (error: ToolError) => {
      assert.ok(error instanceof ToolError);
      assert.match(
        error.output,
        /main\.ts:3:\d+: A class that is evaluated again and again cannot have decorators/,
      );
      return true;
    });
    const inFunction = used.replace("class A { @tag x = n; }", "const A = make(n);");
    const make = "function make(n: number) {\n  class A { @tag x = n; }\n  return A;\n}\n";
    assert.match(await lowered("tests", tag + make + inFunction), /__decoratorStart/);
  });

  it("leads from a class in a loop and from behind it back to their places", async () => {
    const code = "for (let i = 0; i < 2; i++) {\n  class A { #x = first(); } second(A);\n}\nthird();\n";
    const { code: lowered, step } = await lowerTraced(code, "main.ts");
    for (const name of ["first()", "second(", "third()"]) {
      const found = new Lines(lowered).positionOf(lowered.indexOf(name));
      assert.deepEqual(step(found), new Lines(code).positionOf(code.indexOf(name)), name);
    }
  });

  it("writes the helper of `using` once, whatever the number of modules", async () => {
    for (const name of ["one", "two"]) {
      writeFileSync(
        join(folder, `${name}.ts`),
        `export function ${name}(): void {\n  using resource = ${name}.open();\n}\n${name}.open = () => null;\n`,
      );
    }
    const code = await lowered(
      "tests",
      'import { one } from "./one.ts";\nimport { two } from "./two.ts";\none();\ntwo();',
    );
    assert.equal(code.match(/Object is not disposable/g)?.length, 1);
    assert.equal(code.match(/var _usingCtx\S* = \S+\(\);/g)?.length, 2);
  });

  it("keeps the meaning on XS", async function () {
    this.timeout(600_000);
    const script = join(folder, "firmware.js");
    writeFileSync(
      script,
      await lowered(
        "firmware",
        `import { report } from "./source.ts";
export default async function main(native: { consoleWrite(level: string, text: string): void; exit(status: number): never }) {
  native.consoleWrite("info", await report());
  native.exit(0);
}`,
      ),
    );
    await buildCompiler();
    const output = join(buildRoot, "test-lower");
    const compiled = join(folder, "firmware.xsb");
    await compile({ kind: "firmware", name: "firmware", input: script, output: compiled });
    // The same path at every run, so that only the bundle is linked anew.
    mkdirSync(output, { recursive: true });
    copyFileSync(compiled, join(output, "firmware.xsb"));
    const bundle = join(output, "firmware.xsb");
    const { image } = await buildImage(loadBoard("host"), { bundle, folder: output });
    const { stderr: lines } = spawnSync(image, ["--max-resets", "0"], { encoding: "utf8", timeout: 300_000 });
    const json = /\{.*\}/.exec(lines)?.[0];
    assert.ok(json !== undefined, lines);
    assert.deepEqual(JSON.parse(json), meaning);
  });
});
