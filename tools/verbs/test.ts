/** `npm test`: the checks, the images, then host-tests/. The last line is "N passed, N failed", which CI reads. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { listExamples } from "../build/application.ts";
import { buildAll } from "../build/build.ts";
import { check } from "../check/check.ts";
import { Interruption } from "../cli/interruption.ts";
import { exitStatus, perform, reportFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { exitStatusHelp, runVerb, verb } from "../cli/verb.ts";
import { type Operation, UsageError } from "../events.ts";
import { root } from "../paths.ts";
import { jobsFor, testFiles } from "../test/jobs.ts";
import { type Finished, runJob, runJobs } from "../test/run-jobs.ts";
import { leftOut, sumOf } from "../test/totals.ts";

const help = `
Without files and --grep, one process more runs side by side than the computer has cores. With them it is one process, and
everything in it runs. What follows a further -- is mocha's: npm test -- --grep att -- --bail

The last line is "N passed, N failed[, N skipped]".
${exitStatusHelp}`;

interface Options {
  readonly all?: boolean;
  readonly grep?: string;
}

/** What the arguments ask for. */
interface Wanted {
  readonly all: boolean;
  /** Test files; none: all. */
  readonly files: readonly string[];
  /** For mocha. */
  readonly mocha: readonly string[];
}

const command = () =>
  verb("test", "Runs the checks, builds the images, then runs the tests.")
    .name("npm test --")
    .argument("[files...]", "test files; all of them where there is none")
    .option(
      "--all",
      "also what takes long and a usual run leaves out (its end says what that was), and how much of the sources runs (build/coverage)",
    )
    .option("--grep <text>", "only tests whose names have it; a regular expression")
    .addHelpText("after", help);

/** @throws UsageError for a file that is not there. */
function wantedOf(
  files: readonly string[],
  { all = false, grep }: Options,
  others: readonly string[],
): Wanted {
  for (const file of files) {
    if (!existsSync(resolve(root, file))) throw new UsageError(`there is no test file ${file}`);
  }
  return { all, files, mocha: [...(grep === undefined ? [] : ["--grep", grep]), ...others] };
}

/** The boards whose images the tests run. */
const boards = ["host", "mps2-an500"];

/** The images that the tests run. */
async function* buildImages(): Operation {
  for (const board of boards) yield* buildAll(listExamples(), { board });
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
async function runTests({ all, files, mocha }: Wanted, signal: AbortSignal): Promise<Finished[]> {
  if (files.length === 0 && mocha.length === 0) {
    return runJobs(jobsFor(testFiles()), {
      // One more than cores: cameras on a clock of their own, and those that sleep, wait much of their time.
      workers: availableParallelism() + 1,
      all,
      show,
      signal,
    });
  }
  const job = {
    name: "what was asked for",
    files: files.length === 0 ? testFiles() : [...files],
    coverage: false,
  };
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
export function run(args: readonly string[]): Promise<number> {
  const at = args.indexOf("--");
  const own = at < 0 ? args : args.slice(0, at);
  const mocha = at < 0 ? [] : args.slice(at + 1);
  const tests = command();
  return runVerb<Options>(tests, own, (options) => runInterruptibly(wantedOf(tests.args, options, mocha)));
}

async function runInterruptibly(wanted: Wanted): Promise<number> {
  const interruption = new Interruption();
  try {
    return await interruption.endWith(await runAll(wanted, interruption.signal));
  } finally {
    interruption.release();
  }
}

async function runAll(wanted: Wanted, signal: AbortSignal): Promise<number> {
  const checked = await attempt(check());
  if (signal.aborted) return exitStatus.failure;
  const built = await attempt(buildImages());
  if (signal.aborted) return exitStatus.failure;
  const finished = built === exitStatus.success ? await runTests(wanted, signal) : [];
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
