/** `obscura deploy --watch`: a deployment at each change of the application's files. */
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findApplication } from "../build/application.ts";
import { InterruptedError, type Operation, StepFailed, ToolError, UsageError } from "../events.ts";
import { type DeployOptions, type DeployState, deploy } from "./deploy.ts";
import { Sources } from "./sources.ts";

/** From one look at the files to the next. */
const LOOK_MS = 250;

/** How long no other file must have changed after one has: git writes many. */
const SETTLE_MS = 200;
/** So often that is waited for. */
const SETTLES_MAX = 25;

/**
 * Deploys, and again after each change, until the signal. A deployment that fails is reported, and the next change is waited
 * for: the camera has gone back, or was not touched.
 */
export async function* watchAndDeploy(options: DeployOptions): Operation {
  const { application, signal } = options;
  if (application.endsWith(".xsb")) throw new UsageError("--watch is for an application in TypeScript.");
  const folder = dirname(findApplication(application).entry);
  const sources = new Sources(folder);
  // The same camera each time, whatever name its next version has; and what was put on trial here is ended here.
  const state: DeployState = {};
  for (;;) {
    yield* attempt(options, state);
    const first = await changeIn(sources, signal);
    yield { type: "info", message: `${basename(first)} has changed.` };
  }
}

/** Waits until a file has changed, and until no other follows at once. @throws the signal's reason */
async function changeIn(sources: Sources, signal: AbortSignal): Promise<string> {
  let [first] = sources.changed();
  while (first === undefined) {
    await delay(LOOK_MS, undefined, { signal });
    [first] = sources.changed();
  }
  for (let settles = 0; settles < SETTLES_MAX; settles++) {
    await delay(SETTLE_MS, undefined, { signal });
    if (sources.changed().length === 0) break;
  }
  return first;
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
