/** `obscura run`: a camera, a virtual controller and a central that visits it. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "../build/build.ts";
import { startCamera } from "../camera/camera.ts";
import { type Operation, step, ToolError, type ToolEvent } from "../events.ts";
import { buildRoot, displayPath, root, venvProgram } from "../paths.ts";
import { Program } from "../program.ts";
import type { CentralEvent } from "../rig/events.ts";
import { renderCentralEvent } from "../rig/render.ts";
import { EventQueue } from "./queue.ts";
import { startRecorder } from "./recorder.ts";

/** A session. */
export interface SessionOptions {
  readonly application: string;
  readonly board: string;
  /** Record what passes between camera and controller in this file. */
  readonly btsnoop?: string;
  /** Ends the session; everything is stopped. */
  readonly signal: AbortSignal;
}

/** What tools/rig/controller.py says when its controllers listen. */
interface ControllersReady {
  readonly event: "ready";
  readonly kind: string;
  readonly controllers: readonly [{ readonly hci: string }, { readonly hci: string }];
}

/** @throws ToolError when the central did not see everything, or the signal's reason. */
export async function* runSession(options: SessionOptions): Operation {
  const { signal } = options;
  const { board, image, application } = yield* build(options);
  signal.throwIfAborted();
  mkdirSync(join(buildRoot, "run"), { recursive: true });
  const folder = mkdtempSync(join(buildRoot, "run", "session-"));
  const stops: (() => void | Promise<void>)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const events = new EventQueue<ToolEvent>();
  const line = (source: string) => (text: string) => events.put({ type: "line", source, text });
  const interrupt = () => events.close();
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    const { camera: cameraHci, central: centralHci } = yield* step("radio", "Virtual radio", async () => {
      const { kind, controllers, stop } = await startControllers(folder, signal);
      stops.push(stop);
      return { value: { camera: controllers[0].hci, central: controllers[1].hci }, detail: kind };
    });
    let hci = cameraHci;
    if (options.btsnoop !== undefined) {
      const recorder = await startRecorder(cameraHci, options.btsnoop);
      stops.push(() => recorder.stop());
      hci = recorder.hci;
    }
    yield { type: "info", message: `Camera ${board.name} starts; a Bumble central looks for it.` };
    const state = join(folder, "state");
    const camera = await startCamera(board, { image, application, hci, state }, line("camera"));
    stops.push(() => camera.stop());
    const central = startCentral(centralHci, line("central"));
    stops.push(() => central.stop());
    void camera.exited.then((how) => {
      if (!signal.aborted) line("camera")(`ended (${how})`);
      events.close();
    });
    void central.exited.then(() => events.close());
    yield* events;
    signal.throwIfAborted();
    if (central.isRunning) throw new ToolError("The camera ended before the central had seen everything");
    const status = await central.exited;
    if (status !== 0) throw new ToolError("The central did not see everything that it looked for");
    if (options.btsnoop !== undefined) {
      yield { type: "info", message: `HCI traffic: ${displayPath(options.btsnoop)} (wireshark reads it)` };
    }
  } finally {
    signal.removeEventListener("abort", interrupt);
    for (const stop of stops.reverse()) await stop();
  }
}

async function startControllers(
  folder: string,
  signal: AbortSignal,
): Promise<ControllersReady & { stop: () => Promise<void> }> {
  const said: string[] = [];
  const script = join(root, "tools/rig/controller.py");
  let ready: (line: string) => void = () => undefined;
  const firstLine = new Promise<string>((resolve) => {
    ready = resolve;
  });
  const program = new Program(
    "controller",
    [venvProgram("python"), script, "--log", join(folder, "controller.log")],
    (text) => {
      said.push(text);
      if (text.startsWith("{")) ready(text);
    },
  );
  const stop = () => program.stop();
  const interrupted = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const text = await Promise.race([firstLine, program.exited.then(() => undefined), interrupted]);
  if (text === undefined) {
    await stop();
    signal.throwIfAborted();
    throw new ToolError("The virtual controllers did not start", said.join("\n"));
  }
  return { ...(JSON.parse(text) as ControllersReady), stop };
}

/** A Bumble central on its tour; its JSON becomes lines for a person. */
function startCentral(hci: string, onLine: (line: string) => void): Program {
  const script = join(root, "tools/rig/central.py");
  return new Program("central", [venvProgram("python"), script, "--hci", hci], (text) => {
    if (!text.startsWith("{")) return onLine(text);
    for (const rendered of renderCentralEvent(JSON.parse(text) as CentralEvent)) onLine(rendered);
  });
}
