/** `npm test`: the checks, the images, then host-tests/. The last line is "N passed, N failed", which CI reads. */
import { availableParallelism } from "node:os";
import { listExamples } from "../build/application.ts";
import { build } from "../build/build.ts";
import { check } from "../check/check.ts";
import { Interruption } from "../cli/interruption.ts";
import { exitStatus, perform, reportFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import type { Operation } from "../events.ts";
import { jobsFor, testFiles } from "../test/jobs.ts";
import { type Finished, runJob, runJobs } from "../test/run-jobs.ts";
import { leftOut, sumOf } from "../test/totals.ts";

const help = `usage: npm test [-- options]

The checks, the images, and all tests, one process more side by side than the computer has cores.

  --all        also what takes long and a usual run leaves out; its end says what that was
  FILE …       these files only, everything in them, one process
  --grep TEXT  and whatever else mocha takes, for the same

The last line is "N passed, N failed[, N skipped]". Exit status: 0 when nothing failed.
`;

/** The boards whose images the tests run. */
const boards = ["host", "mps2-an500"];

/** The images that the tests run. */
async function* buildImages(): Operation {
  for (const board of boards) {
    for (const application of listExamples()) yield* build({ application, board });
  }
}

/** Runs an operation; returns the exit status. */
async function attempt(operation: Operation): Promise<number> {
  try {
    await perform(operation, textRenderer(process.stdout));
    return exitStatus.success;
  } catch (error) {
    return reportFailure(error);
  }
}

const show = (text: string): void => {
  process.stdout.write(text);
};

/** Runs what the arguments ask for. */
async function runTests(args: readonly string[], signal: AbortSignal): Promise<Finished[]> {
  const mocha = args.filter((arg) => arg !== "--all");
  if (mocha.length === 0) {
    return runJobs(jobsFor(testFiles()), {
      // One more than cores: cameras on a clock of their own, and those that sleep, wait much of their time.
      workers: availableParallelism() + 1,
      all: args.includes("--all"),
      show,
      signal,
    });
  }
  const files = mocha.some((arg) => arg.includes(".test.ts")) ? [] : testFiles();
  const job = { name: "what was asked for", files, coverage: true };
  return [await runJob(job, { all: true, args: mocha, show, signal, isLive: true })];
}

/** What failed, and what was left out, by name. */
function summary(finished: readonly Finished[]): string {
  const lines: string[] = [];
  const { failed, skipped } = sumOf(finished.map(({ totals }) => totals));
  const unfinished = finished.filter(({ totals }) => totals === undefined);
  if (failed.length + unfinished.length > 0) lines.push("", "Failed; each is above, with its reason:");
  for (const { path } of failed) lines.push(`  ${path.join(" > ")}`);
  for (const { job, status } of unfinished)
    lines.push(`  ${job.name} did not get to its end: status ${status}`);
  if (skipped.length > 0) lines.push("", "Left out; npm test -- --all runs it:");
  for (const line of leftOut(skipped)) lines.push(`  ${line}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** Returns the exit status. The checks together count as one test, and so does the build. */
export async function run(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    show(help);
    return exitStatus.success;
  }
  const interruption = new Interruption();
  try {
    const status = await runAll(args, interruption.signal);
    return interruption.signal.aborted ? interruption.status : status;
  } finally {
    interruption.release();
  }
}

async function runAll(args: readonly string[], signal: AbortSignal): Promise<number> {
  const checked = await attempt(check());
  if (signal.aborted) return exitStatus.failure;
  const built = await attempt(buildImages());
  if (signal.aborted) return exitStatus.failure;
  const finished = built === exitStatus.success ? await runTests(args, signal) : [];
  if (signal.aborted) return exitStatus.failure;
  const { passes, failures, pending } = sumOf(finished.map(({ totals }) => totals));
  const steps = [checked, built].filter((status) => status === exitStatus.success).length;
  const tested =
    failures > 0 || passes === 0
      ? exitStatus.failure
      : (finished.find(({ status }) => status !== 0)?.status ?? 0);
  show(summary(finished));
  const skipped = pending > 0 ? `, ${pending} skipped` : "";
  show(`${passes + steps} passed, ${failures + 2 - steps} failed${skipped}\n`);
  return [checked, built, tested].find((status) => status !== exitStatus.success) ?? exitStatus.success;
}
