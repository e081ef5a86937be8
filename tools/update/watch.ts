/** `obscura deploy --watch`: a deployment at each change of the application's files. */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findApplication } from "../build/application.ts";
import { InterruptedError, type Operation, StepFailed, ToolError, UsageError } from "../events.ts";
import { EventQueue } from "../session/queue.ts";
import { type DeployOptions, type DeployState, deploy } from "./deploy.ts";

/** Editors write a file in several steps. */
const SETTLE_MS = 200;

/** Folders that change while an application is built, or that are none of its sources. */
const IGNORED = /(^|\/)(node_modules|build|\.git)(\/|$)/;

/**
 * Deploys, and again after each change, until the signal. A deployment that fails is reported, and the next change is waited
 * for: the camera has gone back, or was not touched.
 */
export async function* watchAndDeploy(options: DeployOptions): Operation {
  const { application, signal } = options;
  if (application.endsWith(".xsb")) throw new UsageError("--watch is for an application in TypeScript.");
  const folder = dirname(findApplication(application).entry);
  const changes = new EventQueue<string>();
  const watcher = watch(folder, { recursive: true }, (_, name) => {
    if (name !== null && !IGNORED.test(name.replaceAll("\\", "/"))) changes.put(name);
  });
  const close = (): void => changes.close();
  signal.addEventListener("abort", close, { once: true });
  // The same camera each time, whatever name its next version has; and what was put on trial here is ended here.
  const state: DeployState = {};
  try {
    yield* attempt(options, state);
    for await (const first of changes) {
      await delay(SETTLE_MS, undefined, { signal });
      changes.drain();
      yield { type: "info", message: `${basename(first)} has changed.` };
      yield* attempt(options, state);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", close);
    watcher.close();
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
