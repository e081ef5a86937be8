/** Runs operations for the command line: shows their events, turns their failures into an exit status. */
import { type Operation, StepFailed, ToolError, UsageError } from "../events.ts";
import { storageProblem } from "../storage.mjs";
import type { Renderer } from "./render.ts";

/** What the tools' processes end with. */
export const exitStatus = { success: 0, failure: 1, usage: 2 } as const;

/** Runs an operation to its end and shows its events; returns its result. */
export async function perform<T>(operation: Operation<T>, render: Renderer): Promise<T> {
  for (;;) {
    const next = await operation.next();
    if (next.done) return next.value;
    render(next.value);
  }
}

/** Reports a failure on standard error unless an event reported it; returns the exit status. Defects pass through. */
export function reportFailure(error: unknown): number {
  if (error instanceof StepFailed) return exitStatus.failure;
  const problem = storageProblem(error) ?? problemOfComputer(error);
  if (problem !== undefined) {
    process.stderr.write(`obscura: ${problem}\n`);
    return exitStatus.failure;
  }
  if (!(error instanceof ToolError)) throw error;
  process.stderr.write(`obscura: ${error.message}\n${error.output === "" ? "" : `${error.output}\n`}`);
  return error instanceof UsageError ? exitStatus.usage : exitStatus.failure;
}

/** Where no call for a file is named, or a disk is broken: what the system says of it. */
function problemOfComputer(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  const isIts = ["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO"].includes(code ?? "");
  return error instanceof Error && isIts ? `This computer does not let it: ${error.message}` : undefined;
}
