/** What ends a tool from outside, and with which status. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";

/** A tool that waits until it is interrupted. */
const TOOL = `
import { Interruption } from ${JSON.stringify(join(root, "tools/cli/interruption.ts"))};
import { runProgram } from ${JSON.stringify(join(root, "tools/process.ts"))};
const interruption = new Interruption();
const stays = setInterval(() => {}, 1000);
interruption.signal.addEventListener("abort", async () => {
  const later = await runProgram("true", []).then(() => "started", ({ message }) => message);
  console.log("interrupted", interruption.status, later);
  process.exitCode = interruption.status;
  clearInterval(stays);
  interruption.release();
});
console.log("ready");
`;

describe("a tool that is interrupted", function () {
  this.timeout(600_000);
  let folder: string;
  let started: ChildProcess | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-interruption-"));
    writeFileSync(join(folder, "tool.mts"), TOOL);
  });
  afterEach(() => {
    started?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  /** Starts the tool by a command of a shell; its lines, the first of which has come. */
  async function start(command: string, environment: NodeJS.ProcessEnv = {}) {
    const tool = `"${process.execPath}" --import tsx "${join(folder, "tool.mts")}"`;
    const child = spawn("sh", ["-c", command.replace("TOOL", tool)], {
      cwd: root,
      env: { ...process.env, npm_lifecycle_event: undefined, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    started = child;
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "ready");
    return { child, lines };
  }

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    it(`by ${signal}: ends with ${status}, and starts no other program`, async () => {
      const { child, lines } = await start("exec TOOL");
      child.kill(signal);
      assert.equal((await lines.next()).value, `interrupted ${status} interrupted`);
      assert.deepEqual(await once(child, "exit"), [status, null]);
    });
  }

  it("obscura ends with 130 also where its command comes to its end by itself", async () => {
    const child = spawn(process.execPath, [join(root, "tools/obscura.mjs"), "trace"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    started = child;
    const ended = once(child, "exit");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.write("a line of a log\n");
    assert.equal((await lines.next()).value, "a line of a log");
    child.kill("SIGINT");
    assert.deepEqual(await ended, [130, null]);
  });

  it("by the end of the npm that ran it, which hands no signal on", async () => {
    const { child, lines } = await start("TOOL & wait", { npm_lifecycle_event: "start" });
    child.kill("SIGKILL");
    assert.equal((await lines.next()).value, "interrupted 130 interrupted");
  });
});
