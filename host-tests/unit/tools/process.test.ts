/** Programs and locks of the tools. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { ToolError } from "../../../tools/events.ts";
import { lock, tryLock } from "../../../tools/lock.ts";
import { endPrograms, mustRun, ninjaProgress } from "../../../tools/process.ts";

describe("programs that a tool waits for", () => {
  it("end when the tool is interrupted, and what waited for them fails", async () => {
    let ready: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const script = "console.log('started'); setInterval(() => {}, 1000)";
    const waiting = mustRun(process.execPath, ["-e", script], "it was ended", { onLine: () => ready() });
    await started;
    endPrograms();
    await assert.rejects(waiting, (error: unknown) => {
      return error instanceof ToolError && error.message === "it was ended" && error.output === "started";
    });
  });

  it("report Ninja's progress", () => {
    const calls: [number, number][] = [];
    const onLine = ninjaProgress((done, total) => calls.push([done, total]));
    onLine("[3/210] Building C object fx.o");
    onLine("ninja: no work to do.");
    assert.deepEqual(calls, [[3, 210]]);
  });
});

describe("a lock file", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-lock-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("lets one in at a time", async () => {
    const file = join(folder, "lock");
    const unlock = tryLock(file);
    assert.ok(unlock);
    assert.equal(tryLock(file), undefined);
    const next = lock(file);
    unlock();
    (await next)();
    assert.equal(existsSync(file), false);
  });

  it("does not count when its process is gone", () => {
    const file = join(folder, "lock");
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(file, String(pid));
    tryLock(file)?.();
    assert.equal(existsSync(file), false);
  });
});
