/** What a bundle may import, and what it is refused with when it imports something else. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { bundle } from "../../../tools/build/bundle.ts";
import { ToolError } from "../../../tools/events.ts";
import { root } from "../../../tools/paths.ts";

describe("imports of a bundle", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-imports-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function write(name: string, source: string): string {
    const file = join(folder, name);
    writeFileSync(file, source);
    return file;
  }

  async function refused(kind: "application" | "firmware", source: string, sentence: RegExp): Promise<void> {
    const entry = write("main.ts", source);
    await assert.rejects(bundle(kind, entry), (error: unknown) => {
      assert.ok(error instanceof ToolError, String(error));
      assert.match(error.message, sentence);
      assert.match(error.message, /main\.ts/, "the file is named");
      return true;
    });
  }

  it("leaves aioble, bluetooth and camera to the camera", async () => {
    const entry = write(
      "main.ts",
      'import { advertise } from "aioble";\nimport { UUID } from "bluetooth";\nimport { sensors } from "camera";\nconsole.log(advertise, UUID, sensors);',
    );
    const { code } = await bundle("application", entry);
    for (const name of ["aioble", "bluetooth", "camera"]) assert.match(code, new RegExp(`from "${name}"`));
  });

  it("takes relative files and npm packages in", async () => {
    const packageFolder = join(folder, "node_modules", "answer");
    mkdirSync(packageFolder, { recursive: true });
    writeFileSync(
      join(packageFolder, "package.json"),
      '{"name":"answer","type":"module","exports":"./answer.js"}',
    );
    writeFileSync(join(packageFolder, "answer.js"), "export const answer = 42;");
    write("double.ts", "export const double = (value: number): number => 2 * value;");
    const entry = write(
      "main.ts",
      'import { answer } from "answer";\nimport { double } from "./double.ts";\nexport default double(answer);',
    );
    const { code, inputs } = await bundle("application", entry);
    assert.doesNotMatch(code, /import/);
    assert.equal(inputs.length, 3);
    const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { default: number };
    assert.equal(module.default, 84);
  });

  it("refuses Node's modules, with and without the prefix", async () => {
    await refused(
      "application",
      'import "node:fs";',
      /imports "node:fs": Node's modules do not exist on a camera/,
    );
    await refused("application", 'import "fs";', /imports "fs": Node's modules/);
    await refused("firmware", 'import "node:buffer";', /imports "node:buffer": Node's modules/);
  });

  it("refuses Node's modules in what is imported, and names that file", async () => {
    write("helper.ts", 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;');
    const entry = write("main.ts", 'import { read } from "./helper.ts";\nread("x");');
    await assert.rejects(bundle("application", entry), /helper\.ts imports "node:fs"/);
  });

  it("refuses packages that are not installed and files that do not exist", async () => {
    await refused(
      "application",
      'import "no-such-package";',
      /imports "no-such-package": no npm package of that name/,
    );
    await refused(
      "application",
      'import "./missing.ts";',
      /imports "\.\/missing\.ts": there is no such file/,
    );
  });

  it("refuses an application that reaches into the firmware", async () => {
    const file = join(root, "firmware/ble/uuid.ts");
    await refused(
      "application",
      `import { UUID } from "${file}";\nconsole.log(UUID);`,
      /are not an application's/,
    );
  });

  it("refuses a firmware that imports the application's modules by name", async () => {
    await refused(
      "firmware",
      'import "aioble";',
      /inside the firmware its files are imported by relative path/,
    );
  });

  it("refuses global names that a camera lacks, and says what lacks them", async () => {
    await refused(
      "application",
      "console.log(new Intl.NumberFormat());",
      /uses Intl: a camera has no such global/,
    );
  });

  it("refuses eval, names that are not exported, and what does not parse", async () => {
    await refused("application", 'eval("1");', /main\.ts:1:1: the camera has no parser/);
    write("empty.ts", "export {};");
    await refused("application", 'import { x } from "./empty.ts";\nx();', /"x" is not exported/);
    await refused("application", "const = 3;", /Expected identifier/);
  });
});
