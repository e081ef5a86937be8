/** Programs that tools run and wait for. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Progress, ToolError } from "./events.ts";
import { root } from "./paths.ts";

/** How a program ended. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  /** Standard output and standard error in the order in which they came. */
  readonly output: string;
}

/** Options of `runProgram`. */
export interface RunOptions {
  /** Defaults to the repository. */
  readonly cwd?: string;
  /** Variables besides those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Gets each line of standard output when it comes. */
  readonly onLine?: (line: string) => void;
}

const running = new Set<ChildProcess>();
let isEnding = false;

/**
 * Ends the programs that `runProgram` waits for, and starts no others: their steps fail, so that the operation ends in
 * order. For a process that is to end.
 */
export function endPrograms(): void {
  isEnding = true;
  for (const child of running) child.kill("SIGTERM");
}

/**
 * Runs a program to its end, with no standard input.
 * @throws ToolError when the program cannot be started.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  if (isEnding) return Promise.reject(new ToolError("interrupted"));
  return new Promise((resolve, reject) => {
    const { cwd = root, environment = {}, onLine } = options;
    const env = { ...process.env, ...environment };
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    if (onLine !== undefined) createInterface({ input: child.stdout }).on("line", onLine);
    let stdout = "";
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", (error) => {
      running.delete(child);
      reject(new ToolError(`${program} could not be started: ${error.message}`));
    });
    child.on("close", (status) => {
      running.delete(child);
      resolve({ status: status ?? 1, stdout, output });
    });
  });
}

/**
 * Runs a program that must succeed; returns its standard output.
 * @throws ToolError with `failure` and what the program said.
 */
export async function mustRun(
  program: string,
  args: readonly string[],
  failure: string,
  options: RunOptions = {},
): Promise<string> {
  const { status, stdout, output } = await runProgram(program, args, options);
  if (status !== 0) throw new ToolError(failure, output.trim());
  return stdout;
}

/** Reads Ninja's lines, `[3/210] Building C object …`, as progress. */
export const ninjaProgress =
  (progress: Progress) =>
  (line: string): void => {
    const counts = /^\[(\d+)\/(\d+)\]/.exec(line);
    if (counts !== null) progress(Number(counts[1]), Number(counts[2]));
  };
