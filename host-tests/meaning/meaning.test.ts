/** A corpus of small programs prints the same on Node and as bundles on XS: the build changes no program's meaning. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { build } from "../../tools/build/build.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot, root } from "../../tools/paths.ts";
import { randomProgram } from "./random-program.ts";
import { buildProgram, type Camera, END, runOnNode, runOnXs } from "./runs.ts";

const here = join(root, "host-tests/meaning");
const programs = join(here, "programs");
const specified = join(here, "specified");
const folder = join(buildRoot, "meaning");

/** Random programs in every run. OBSCURA_SEEDS sets another number, for a longer search. */
const SEEDS = Number(process.env.OBSCURA_SEEDS ?? 6);

describe("the meaning of programs", function () {
  this.timeout(600_000);
  let camera: Camera;

  before(async () => {
    const operation = build({ application: "environment-sensor", board: "host" });
    const { image, firmware } = await perform(operation, () => undefined);
    camera = { image, firmware, folder };
  });

  async function same(name: string, program: string): Promise<void> {
    const expected = await runOnNode(program);
    assert.ok(expected.length > 1, "it prints something");
    assert.deepEqual(await runOnXs(camera, await buildProgram(camera, name, program)), expected);
  }

  for (const file of readdirSync(programs).filter((name) => name.endsWith(".ts"))) {
    it(file.slice(0, -3), () => same(file.slice(0, -3), join(programs, file)));
  }

  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`a random program of seed ${seed}`, async () => {
      const program = join(folder, `random-${seed}.ts`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(program, randomProgram(seed));
      await same(`random-${seed}`, program);
    });
  }

  // What runs the tests on Node lowers `using` as esbuild does, which is wrong in loops: the lines are written down.
  for (const file of readdirSync(specified).filter((name) => name.endsWith(".ts"))) {
    const name = file.slice(0, -3);
    it(`${name}, against what the language specifies`, async () => {
      const expected = readFileSync(join(specified, `${name}.txt`), "utf8")
        .trimEnd()
        .split("\n");
      const lines = await runOnXs(camera, await buildProgram(camera, name, join(specified, file)));
      assert.deepEqual(lines, [...expected, END]);
    });
  }

  it("packages", async () => {
    // Where Node and the build look for packages.
    const place = join(folder, "packages");
    rmSync(place, { recursive: true, force: true });
    cpSync(join(here, "packages"), join(place, "node_modules"), { recursive: true });
    cpSync(join(here, "packages/main.ts"), join(place, "main.ts"));
    await same("packages", join(place, "main.ts"));
    const code = readFileSync(join(folder, "packages.js"), "utf8");
    assert.doesNotMatch(
      code,
      /NOT USED|unusedModule/,
      "what a package lets go, and nobody uses, is left out",
    );
  });

  /** What an application that never comes to its end prints until the camera ends it. */
  async function endless(name: string, source: string, ...options: string[]): Promise<string[]> {
    const program = join(folder, `${name}.ts`);
    writeFileSync(program, `console.log("before");\n${source}\nconsole.log("after");\n`);
    return runOnXs(camera, await buildProgram(camera, name, program), options);
  }

  it("a loop without end, which the watchdog ends", async () => {
    const lines = await endless("loop", "let n = 0;\nwhile (true) n++;", "--watchdog-ms", "200");
    assert.deepEqual(lines, ["before"]);
  });

  it("a recursion without end, which the engine ends", async () => {
    const lines = await endless("recursion", "function again(): void {\n  again();\n}\nagain();");
    assert.deepEqual(lines, ["before"]);
  });
});
