/** A deployment in a thread of its own, whose memory has a limit (apart.ts). */
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";
import { root } from "../installation.mjs";

register({ tsconfig: join(root, "tsconfig.json") });
const { deploy } = await import("./deployment.ts");
const { ToolError } = await import("../events.ts");

// As on a camera, which goes on: nobody has to take what an application's promise is rejected with.
process.on("unhandledRejection", () => undefined);

/** Signs of progress no more often than this. */
const PROGRESS_MS = 500;
let lastMs = 0;
const onProgress = () => {
  const nowMs = performance.now();
  if (nowMs - lastMs < PROGRESS_MS) return;
  lastMs = nowMs;
  parentPort.postMessage({ type: "progress" });
};

const onStart = () => parentPort.postMessage({ type: "started" });

try {
  parentPort.postMessage({ type: "report", report: await deploy({ ...workerData, onProgress, onStart }) });
} catch (error) {
  const { message, output, stack } = error;
  parentPort.postMessage({ type: "failure", isTold: error instanceof ToolError, message, output, stack });
}
// What the application left running ends with it.
process.exit();
