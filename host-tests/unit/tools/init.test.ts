/** `obscura init`: what it writes, and what it leaves alone. That the result runs is host-tests/session's matter. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { checkProject } from "../../../tools/build/typecheck.ts";
import { StepFailed, type ToolEvent } from "../../../tools/events.ts";
import { initialise } from "../../../tools/init/init.ts";

describe("obscura init", function () {
  this.timeout(60_000);
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
      "README.md",
      "main.ts",
      "package.json",
      "tsconfig.json",
    ]);
    const { name } = JSON.parse(readFileSync(join(application, "package.json"), "utf8")) as { name: string };
    assert.equal(name, "my-camera");
    await checkProject(join(application, "tsconfig.json"), "The new application");
  });

  it("leaves the types of a camera, not of Node", async () => {
    const application = join(folder, "camera");
    await run(application);
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
});
