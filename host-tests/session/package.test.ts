/** The package, as somebody uses it who has no clone: packed, installed, an application made, checked, built and run. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { after, before, describe, it } from "mocha";
import { root } from "../../tools/paths.ts";

const run = promisify(execFile);

/** An environment without what npm and mocha add to find this clone's programs. */
function strangersEnvironment(): NodeJS.ProcessEnv {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  const others = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_"));
  return { ...Object.fromEntries(others), PATH: path.join(delimiter) };
}

/** Path, size and time of each file below a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .sort();
}

describe("the package", function () {
  this.timeout(1_200_000);
  let folder = "";
  let application = "";
  let tarball = "";

  /** Runs a program in the application's folder; returns what it printed. */
  async function there(program: string, ...args: string[]): Promise<string> {
    try {
      const { stdout } = await run(program, args, {
        cwd: application,
        env: strangersEnvironment(),
        maxBuffer: 1 << 26,
      });
      return stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${program} ${args.join(" ")}\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  const obscura = (...args: string[]) => there("npx", "--no", "--", "obscura", ...args);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "obscura package-"));
    application = join(folder, "my camera");
    mkdirSync(application);
    const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root });
    tarball = stdout.trim().split("\n").at(-1)!;
    await there("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", `../${tarball}`);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("installs in an empty folder in a path with a space, with its command", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    assert.equal(await obscura("--version"), `${version}\n`);
    assert.match(await obscura("doctor"), /obscura run has all that it needs/);
    const help = await obscura("help");
    assert.match(help, /build .*run .*init /s);
    assert.doesNotMatch(help, /^ {2}(bench|soak|size) /m);
    assert.ok(!readdirSync(application).includes("build"), "nothing was built yet");
  });

  it("makes an application there, checks its types, builds it and shows it to a phone, and stays as it was", async () => {
    const installed = join(application, "node_modules/@obscura-camera/runtime");
    const files = filesOf(installed);

    await obscura("init", ".");
    const { dependencies } = JSON.parse(readFileSync(join(application, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    assert.deepEqual(dependencies, { "@obscura-camera/runtime": `file:../${tarball}` });
    await there("npm", "install", "--prefer-offline", "--no-audit", "--no-fund");
    await there("npx", "--no", "--", "tsc", "--noEmit");

    const built = await there("npm", "run", "--silent", "build");
    const image = /^image: +(.*)$/m.exec(built)?.[1];
    const bundle = /^application: +(.*)$/m.exec(built)?.[1];
    for (const path of [image, bundle]) {
      assert.match(path ?? "", /^build\/host\//, built);
      assert.ok(statSync(join(application, path!)).size > 0);
    }

    const seen = await there("npm", "start", "--silent");
    assert.match(seen, /phone +Complete local name: my-camera/);
    assert.match(seen, /phone +notification 5: .*phone +saw everything/s);
    assert.deepEqual(filesOf(installed), files);
  });

  it("makes another application that comes from the same file", async () => {
    await obscura("init", "../another camera");
    const { devDependencies } = JSON.parse(
      readFileSync(join(folder, "another camera/package.json"), "utf8"),
    ) as { devDependencies: Record<string, string> };
    assert.equal(devDependencies["@obscura-camera/runtime"], `file:../${tarball}`);
  });
});
