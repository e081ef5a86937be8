/** `obscura init`: what it writes, and what it leaves alone. That the result runs is host-tests/session's matter. */
import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { checkProject } from "../../../tools/build/typecheck.ts";
import { StepFailed, type ToolEvent } from "../../../tools/events.ts";
import { initialise } from "../../../tools/init/init.ts";
import { originFor } from "../../../tools/init/origin.ts";
import { root } from "../../../tools/paths.ts";

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly type: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const us = "@obscura-camera/runtime";

const manifestOf = (application: string): Manifest =>
  JSON.parse(readFileSync(join(application, "package.json"), "utf8")) as Manifest;

/** What npm makes of a `file:` dependency on a folder. */
function link(application: string): void {
  const spec = manifestOf(application).devDependencies[us]!;
  const target = resolve(realpathSync(application), spec.replace(/^file:/, ""));
  const place = join(application, "node_modules", us);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place);
}

describe("obscura init", function () {
  this.timeout(600_000);
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-init-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  async function run(where: string): Promise<ToolEvent[]> {
    const events: ToolEvent[] = [];
    for await (const event of initialise(where)) events.push(event);
    return events;
  }

  it("makes a folder whose types an editor finds", async () => {
    const application = join(folder, "deep", "My Camera");
    await run(application);
    assert.deepEqual(readdirSync(application).sort(), [
      ".gitignore",
      "README.md",
      "main.ts",
      "package.json",
      "tsconfig.json",
    ]);
    assert.equal(manifestOf(application).name, "my-camera");
    link(application);
    await checkProject(join(application, "tsconfig.json"), "The new application");
  });

  it("leaves the types of a camera, not of Node", async () => {
    const application = join(folder, "camera");
    await run(application);
    link(application);
    writeFileSync(join(application, "wrong.ts"), "export const home = process.env.HOME;\n");
    await assert.rejects(checkProject(join(application, "tsconfig.json"), "It"), /type check/);
  });

  it("takes a folder that is empty", async () => {
    const application = join(folder, "empty");
    mkdirSync(application);
    await run(application);
    assert.ok(readdirSync(application).includes("main.ts"));
  });

  it("overwrites nothing", async () => {
    writeFileSync(join(folder, "notes.txt"), "mine");
    await assert.rejects(run(folder), StepFailed);
    assert.deepEqual(readdirSync(folder), ["notes.txt"]);
    await assert.rejects(run(join(folder, "notes.txt")), StepFailed);
    assert.equal(readFileSync(join(folder, "notes.txt"), "utf8"), "mine");
  });

  it("completes a package.json that npm made, and keeps what stands there", async () => {
    const before = { name: "mine", license: "MIT", type: "commonjs", scripts: { start: "echo mine" } };
    writeFileSync(join(folder, "package.json"), JSON.stringify(before));
    mkdirSync(join(folder, "node_modules"));
    await run(folder);
    const { name, license, type, scripts, devDependencies } = manifestOf(folder);
    assert.deepEqual({ name, license, type }, { name: "mine", license: "MIT", type: "commonjs" });
    assert.equal(scripts.start, "echo mine");
    assert.equal(scripts.build, "obscura build .");
    assert.deepEqual(Object.keys(devDependencies), [us, "typescript"]);
  });

  it("keeps where Obscura comes from when that is written down", async () => {
    const devDependencies = { [us]: "file:../obscura.tgz" };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ devDependencies }));
    await run(folder);
    assert.equal(manifestOf(folder).devDependencies[us], "file:../obscura.tgz");
  });

  it("fails where no folder can be made", async () => {
    await assert.rejects(run("/proc/obscura-init/deep"), StepFailed);
  });

  it("writes nothing when package.json is not JSON", async () => {
    writeFileSync(join(folder, "package.json"), "{");
    await assert.rejects(run(folder), StepFailed);
    assert.deepEqual(readdirSync(folder), ["package.json"]);
  });

  it("points from the real folder to this clone, whatever symbolic link led there", () => {
    mkdirSync(join(folder, "deep/er"), { recursive: true });
    symlinkSync(join(folder, "deep/er"), join(folder, "short"));
    const spec = originFor(join(folder, "short", "camera"));
    assert.equal(
      resolve(realpathSync(join(folder, "deep/er")), "camera", spec.replace(/^file:/, "")),
      resolve(root),
    );
  });

  it("prints the commands that come next as a shell takes them", async () => {
    const events = await run(join(folder, "Bob's camera"));
    const messages = events.flatMap((event) => (event.type === "info" ? [event.message] : []));
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, /^Try it: cd '.*Bob'\\''s camera' && npm install && npm start$/);
  });
});
