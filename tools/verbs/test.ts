/**
 * `npm test`: the checks, the images, then mocha over host-tests/ with coverage. Arguments go to mocha: files instead
 * of all, or `--grep H4`. The last line is "N passed, N failed", which CI reads.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listExamples } from "../build/application.ts";
import { build } from "../build/build.ts";
import { check } from "../check/check.ts";
import { exitStatus, perform, tellFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import type { Operation } from "../events.ts";
import { buildRoot, nodeProgram, root } from "../paths.ts";

/** The boards whose images the tests run. */
const boards = ["host", "mps2-an500"];

const allTests = "host-tests/**/*.test.ts";

interface Totals {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
}

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
    return tellFailure(error);
  }
}

/** Runs mocha under c8 with this process's own output; undefined totals when mocha did not get to its end. */
async function runMocha(args: readonly string[]): Promise<{ status: number; totals: Totals | undefined }> {
  const file = join(buildRoot, "test-totals.json");
  mkdirSync(buildRoot, { recursive: true });
  rmSync(file, { force: true });
  const files = args.some((arg) => arg.includes(".test.ts")) ? [] : [allTests];
  const child = spawn(nodeProgram("c8"), [nodeProgram("mocha"), ...args, ...files], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OBSCURA_TEST_TOTALS: file },
  });
  const status = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  const totals = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Totals) : undefined;
  return { status, totals };
}

/** Returns the exit status. The checks together count as one test, and so does the build. */
export async function run(args: readonly string[]): Promise<number> {
  const checked = await attempt(check());
  const built = await attempt(buildImages());
  let passed = [checked, built].filter((status) => status === exitStatus.success).length;
  let failed = 2 - passed;
  let skipped = 0;
  let tested: number = exitStatus.failure;
  if (built === exitStatus.success) {
    const { status, totals } = await runMocha(args);
    tested = totals === undefined || totals.passes === 0 ? exitStatus.failure : status;
    passed += totals?.passes ?? 0;
    failed += totals?.failures ?? 1;
    skipped = totals?.pending ?? 0;
  }
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return [checked, built, tested].find((status) => status !== exitStatus.success) ?? exitStatus.success;
}
