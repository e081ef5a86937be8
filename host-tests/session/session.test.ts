/** `obscura run` as a person sees it: from the command line to a central that has seen everything. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "mocha";
import { root } from "../../tools/paths.ts";

interface Session {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
  /** Settles when the output matches. Rejects when the session ends before. */
  saw(pattern: RegExp): Promise<void>;
}

function start(...args: string[]): Session {
  const child = spawn(process.execPath, [join(root, "tools/obscura.mjs"), "run", ...args], { cwd: root });
  let output = "";
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const watch of [...watchers]) watch();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    child,
    output: () => output,
    ended,
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = () => pattern.test(output) && resolve();
        watchers.add(watch);
        watch();
        void ended.then(() => reject(new Error(`the session ended without ${pattern}:\n${output}`)));
      }),
  };
}

/** Process ids of the programs that a process has started. */
function childrenOf(pid: number): number[] {
  const listed = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child as number);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

for (const board of ["host", "mps2-an500"]) {
  describe(`obscura run --board ${board}`, function () {
    this.timeout(300_000);

    it("shows a central that finds, reads, subscribes, leaves and finds again", async () => {
      const folder = mkdtempSync(join(tmpdir(), "obscura-session-"));
      try {
        const btsnoop = join(folder, "session.btsnoop");
        const session = start("--board", board, "--btsnoop", btsnoop);
        const status = await session.ended;
        const said = session.output();
        assert.equal(status, 0, said);
        for (const seen of [
          /found the camera/,
          /2A6E Temperature \[read, notify\]/,
          /read 2A6F Humidity: \d+\.\d+ %/,
          /notification 5: /,
          /disconnected: /,
          /advertises again/,
        ]) {
          assert.match(said, seen);
        }
        assert.equal(readFileSync(btsnoop).subarray(0, 8).toString("latin1"), "btsnoop\0");
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it("leaves nothing running after Ctrl-C", async () => {
      const session = start("--board", board);
      await session.saw(/notification 1:/);
      const programs = childrenOf(session.child.pid as number);
      assert.ok(programs.length >= 3, "controller, camera and central run");
      session.child.kill("SIGINT");
      assert.equal(await session.ended, 130, session.output());
      // esbuild's service sees that its client has gone only a moment after.
      while (programs.some(isRunning)) await sleep(20);
    });
  });
}
