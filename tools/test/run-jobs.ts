/** Runs jobs of tests side by side, and shows the output of each when it has ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildRoot, nodeProgram, root } from "../paths.ts";
import type { Job } from "./jobs.ts";
import type { Totals } from "./totals.ts";

/** How jobs are run. */
export interface RunJobsOptions {
  /** At a time. */
  readonly workers: number;
  /** Whether tests that a usual run leaves out run too (support/thorough.ts), and coverage is measured. */
  readonly all: boolean;
  /** For mocha, besides the files. */
  readonly args?: readonly string[];
  /** Gets the output of a job, whole, when it has ended. */
  show(text: string): void;
  /** Ends the processes that run, with all that they started; no others are begun. */
  readonly signal?: AbortSignal;
}

/** How long a process and what it started may take to end after they were asked to. */
const GRACE_MS = 5000;

/** Signals a process that leads a group, and all of the group; some may have ended. */
function signalGroup({ pid }: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // None is left.
  }
}

/** How a job ended. */
export interface Finished {
  readonly job: Job;
  readonly status: number;
  /** Undefined when mocha did not get to its end. */
  readonly totals: Totals | undefined;
  readonly seconds: number;
}

/** Runs one process of mocha. `isLive`: its output is this process's, as it comes. */
export async function runJob(
  job: Job,
  options: Omit<RunJobsOptions, "workers"> & { readonly isLive?: boolean },
): Promise<Finished> {
  const folder = join(buildRoot, "test-totals");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${job.name.replaceAll(/[^\w.-]/g, "-")}.json`);
  rmSync(file, { force: true });
  const start = performance.now();
  const args = [nodeProgram("mocha"), ...(options.args ?? []), ...job.files];
  const child = spawn(process.execPath, job.coverage && options.all ? [nodeProgram("c8"), ...args] : args, {
    cwd: root,
    // A group of its own, so that cameras and controllers end with it, however it ends.
    detached: true,
    stdio: ["ignore", options.isLive ? "inherit" : "pipe", options.isLive ? "inherit" : "pipe"],
    env: {
      ...process.env,
      OBSCURA_TEST_TOTALS: file,
      ...(options.all ? {} : { OBSCURA_TEST_BRIEF: "1" }),
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  let impatience: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child, "SIGTERM");
    impatience = setTimeout(() => signalGroup(child, "SIGKILL"), GRACE_MS);
  };
  const { signal } = options;
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end, { once: true });
  const status = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  signal?.removeEventListener("abort", end);
  clearTimeout(impatience);
  signalGroup(child, "SIGKILL");
  const totals = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Totals) : undefined;
  const seconds = Math.round((performance.now() - start) / 1000);
  if (!options.isLive) options.show(`\n=== ${job.name}, ${seconds} s\n${output}`);
  return { job, status, totals, seconds };
}

/** Runs all; resolves when the last has ended. */
export async function runJobs(jobs: readonly Job[], options: RunJobsOptions): Promise<Finished[]> {
  const waiting = [...jobs];
  const finished: Finished[] = [];
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      if (options.signal?.aborted) return;
      finished.push(await runJob(job, options));
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  return finished;
}
