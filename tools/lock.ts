/** Keeps two processes from working in the same folder at once. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function holder(file: string): number {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}

/**
 * Holds the lock file unless a living process does; a lock whose process is gone does not count. Returns the
 * function that gives it back, undefined when it is held.
 */
export function tryLock(file: string): (() => void) | undefined {
  mkdirSync(dirname(file), { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const pid = holder(file);
    if (pid <= 0 || isAlive(pid)) return undefined;
    rmSync(file, { force: true });
  }
}

/** Waits until no living process holds the lock file, then holds it. Returns the function that gives it back. */
export async function lock(file: string): Promise<() => void> {
  for (;;) {
    const unlock = tryLock(file);
    if (unlock !== undefined) return unlock;
    await sleep(100);
  }
}
