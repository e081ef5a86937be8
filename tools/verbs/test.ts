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

/** Everything that must stand before the tests can run. */
async function* prepare(): Operation {
  yield* check();
  for (const board of boards) {
    for (const application of listExamples()) yield* build({ application, board });
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

/** Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  let preparation: number = exitStatus.success;
  try {
    await perform(prepare(), textRenderer(process.stdout));
  } catch (error) {
    preparation = tellFailure(error);
  }
  if (preparation !== exitStatus.success) {
    process.stdout.write("0 passed, 1 failed\n");
    return preparation;
  }
  const { status, totals } = await runMocha(args);
  const { passes, failures, pending } = totals ?? { passes: 0, failures: 1, pending: 0 };
  process.stdout.write(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}\n`);
  return passes === 0 ? exitStatus.failure : status;
}
