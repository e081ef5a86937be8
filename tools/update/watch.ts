/** `obscura deploy --watch`: a deployment at each change of the application's files. */
import { basename, dirname } from "node:path";
import { applicationKind, findApplication } from "../build/application.ts";
import { InterruptedError, type Operation, StepFailed, ToolError, UsageError } from "../events.ts";
import { type DeployOptions, type DeployState, deploy } from "./deploy.ts";
import { Sources } from "./sources.ts";

/**
 * Deploys, and again after each change, until the signal. A deployment that fails is reported, and the next change is waited
 * for: the camera has gone back, or was not touched.
 */
export async function* watchAndDeploy(options: DeployOptions): Operation {
  const { application, signal } = options;
  if (applicationKind(application) !== "source")
    throw new UsageError("--watch is for an application in TypeScript.");
  const folder = dirname(findApplication(application).entry);
  const sources = new Sources(folder);
  // The same camera each time, whatever name its next version has; and what was put on trial here is ended here.
  const state: DeployState = {};
  for (;;) {
    yield* attempt(options, state);
    const first = await sources.change(signal);
    yield { type: "info", message: `${basename(first)} has changed.` };
  }
}

async function* attempt(options: DeployOptions, state: DeployState): Operation {
  try {
    yield* deploy(options, state);
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    options.signal.throwIfAborted();
    if (!(error instanceof ToolError) && !(error instanceof StepFailed)) throw error;
    if (error instanceof ToolError) yield { type: "warning", message: error.message };
  }
  yield { type: "info", message: "Waiting for changes, until Ctrl-C." };
}
