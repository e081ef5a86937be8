/**
 * Plays a deployment in a thread of its own: an application that computes without end, or takes all memory, ends neither the tool
 * nor the computer, and Ctrl-C ends it.
 */
import { Worker } from "node:worker_threads";
import { ToolError } from "../events.ts";
import type { DeploymentOptions, EnergyReport } from "./deployment.ts";

/** Megabytes of JavaScript's heap, the tools' own included. */
export const HEAP_MB = 512;

/** How long virtual time may stand still. */
export const STILL_MS = 120_000;

/** What the thread says (worker.mjs). */
type Message =
  /** The application starts. */
  | { readonly type: "started" }
  | { readonly type: "progress" }
  | { readonly type: "report"; readonly report: EnergyReport }
  | {
      readonly type: "failure";
      /** The person at the keyboard can do something about it. */
      readonly isTold: boolean;
      readonly message: string;
      readonly output?: string;
      readonly stack?: string;
    };

/** What a thread takes, and its limits. */
export interface ApartOptions
  extends Omit<DeploymentOptions, "onLine" | "onProgress" | "onStart" | "signal"> {
  readonly signal?: AbortSignal;
  /** Left out, `STILL_MS`, which is what the thread's start and the bundling have in any case. */
  readonly stillMs?: number;
  /** Left out, `HEAP_MB`. */
  readonly heapMb?: number;
  /** Called when the application starts. */
  readonly onStart?: () => void;
}

/**
 * @throws ToolError as `deploy`, and for an application that takes more than `HEAP_MB` of memory, or computes for `STILL_MS`
 * without an end
 * @throws what `signal` was aborted with
 */
export async function deployApart(options: ApartOptions): Promise<EnergyReport> {
  const { heapMb = HEAP_MB, onStart, signal, stillMs = STILL_MS, ...workerData } = options;
  signal?.throwIfAborted();
  const worker = new Worker(new URL("worker.mjs", import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  let still: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<EnergyReport>((resolve, reject) => {
      onAbort = () => reject(signal!.reason);
      signal?.addEventListener("abort", onAbort);
      const watch = (limitMs: number): void => {
        clearTimeout(still);
        still = setTimeout(() => reject(new ToolError(stillText(limitMs))), limitMs);
      };
      watch(STILL_MS);
      worker.on("message", (message: Message) => {
        if (message.type === "started") onStart?.();
        if (message.type === "started" || message.type === "progress") watch(stillMs);
        else if (message.type === "report") resolve(message.report);
        else if (message.isTold) reject(new ToolError(message.message, message.output));
        else reject(new Error(message.stack ?? message.message));
      });
      worker.on("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? new ToolError(memoryText(heapMb)) : error),
      );
      worker.on("exit", () => reject(new Error("the thread of the deployment ended without a report")));
    });
  } finally {
    clearTimeout(still);
    signal?.removeEventListener("abort", onAbort!);
    await worker.terminate();
  }
}

const stillText = (ms: number): string =>
  `The application computes without an end: for ${ms / 1000} s no time has passed in its camera.`;

const memoryText = (megabytes: number): string =>
  `The application takes more than ${megabytes} MB in the simulated camera.`;
