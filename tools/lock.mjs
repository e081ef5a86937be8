/**
 * Keeps two processes from working in the same folder at once (docs/decisions/0008-locks.md). Who wants the lock lays
 * down a claim, a file of a name of its own beside the lock's, and has the lock if there is no other living claim then.
 * Of two at the same time each sees the other's claim, and both take theirs back. A claim dies with its process: names
 * never come again, so whoever meets a dead one may remove it.
 *
 * Plain JavaScript without a package, for set-up holds a lock before any is there.
 */
import { randomBytes, randomInt } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A claim that goes away again was somebody's who looked as well: so many looks tell it from a holder's. */
const LOOKS = 4;

/** Longest pause between two looks. */
const LOOK_MS = 25;

/** How often somebody who waits looks. */
const WAIT_MS = 100;

/**
 * When a process began, in the kernel's ticks since it started; "0" where the system does not say. With it a process that
 * has got the number of a dead one is told from that.
 * @param {number} pid
 */
function startOf(pid) {
  try {
    // The program's name, in parentheses, may hold spaces: what is wanted is the 20th field behind it (proc(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended: only its parent has not asked how.
    return fields[0] === "Z" ? "0" : (fields[19] ?? "0");
  } catch {
    return "0";
  }
}

/** @param {number} pid */
function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/**
 * Whether the process that laid down a claim lives.
 * @param {string} claim
 */
function lives(claim) {
  const [, pid, start] = /\.(\d+)-(\d+)-[0-9a-f]+$/.exec(claim) ?? [];
  return pid !== undefined && exists(Number(pid)) && startOf(Number(pid)) === start;
}

/**
 * Claims of living processes; removes those of dead ones.
 * @param {string} file
 */
function claimsOf(file) {
  const folder = dirname(file);
  const claims = readdirSync(folder).filter((name) => name.startsWith(`${basename(file)}.`));
  return claims.filter((claim) => {
    if (lives(claim)) return true;
    rmSync(join(folder, claim), { force: true });
    return false;
  });
}

/**
 * One look: the function that gives the lock back; undefined where there is another claim.
 * @param {string} file
 */
function look(file) {
  if (claimsOf(file).length > 0) return undefined;
  const claim = `${file}.${process.pid}-${startOf(process.pid)}-${randomBytes(6).toString("hex")}`;
  writeFileSync(claim, "", { flag: "wx" });
  const giveBack = () => rmSync(claim, { force: true });
  if (claimsOf(file).length === 1) return giveBack;
  giveBack();
  return undefined;
}

/** @param {number} durationMs */
function block(durationMs) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

/**
 * Takes the lock unless a living process has it, this one included. Returns the function that gives it back, undefined
 * when it is taken.
 * @param {string} file names the lock; its folder is made where it is not there
 */
export function tryLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  for (let looks = 1; ; looks++) {
    const giveBack = look(file);
    if (giveBack !== undefined || looks === LOOKS) return giveBack;
    block(randomInt(1, LOOK_MS));
  }
}

/**
 * The number of the process that has the lock; undefined when none has it.
 * @param {string} file
 */
function holderOf(file) {
  const [claim] = claimsOf(file);
  return claim && Number(/\.(\d+)-\d+-[0-9a-f]+$/.exec(claim)[1]);
}

/**
 * Waits until no living process has the lock, then takes it. Returns the function that gives it back.
 * @param {string} file
 * @param {{ afterMs?: number, onWait?: (pid: number) => void, signal?: AbortSignal }} [options] `onWait` is called once, when it
 *   has waited for `afterMs` milliseconds, 0 when left out, with the number of the process that has the lock; `signal` ends
 *   the wait, with its reason
 */
export async function lock(file, { afterMs = 0, onWait, signal } = {}) {
  const beginMs = performance.now();
  for (let hasSaid = false; ; ) {
    signal?.throwIfAborted();
    const giveBack = tryLock(file);
    if (giveBack !== undefined) return giveBack;
    const pid = hasSaid || performance.now() - beginMs < afterMs ? undefined : holderOf(file);
    if (pid !== undefined) {
      hasSaid = true;
      onWait?.(pid);
    }
    await sleep(WAIT_MS);
  }
}
