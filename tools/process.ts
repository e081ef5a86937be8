/** Programs that tools run and wait for. */
import { spawn } from "node:child_process";
import { ToolError } from "./events.ts";
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
  readonly signal?: AbortSignal;
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
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    let stdout = "";
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", (error) => reject(new ToolError(`${program} could not be started: ${error.message}`)));
    child.on("close", (status) => resolve({ status: status ?? 1, stdout, output }));
  });
}

/**
 * Runs a program that must succeed; returns its standard output.
 * @throws ToolError with `complaint` and what the program said.
 */
export async function mustRun(
  program: string,
  args: readonly string[],
  complaint: string,
  options: RunOptions = {},
): Promise<string> {
  const { status, stdout, output } = await runProgram(program, args, options);
  if (status !== 0) throw new ToolError(complaint, output.trim());
  return stdout;
}
