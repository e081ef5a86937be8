/** `obscura run`: a camera, its radio, and a central that connects to it. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { findApplication } from "../build/application.ts";
import { build } from "../build/build.ts";
import { mapOf } from "../build/maps.ts";
import { startCamera } from "../camera/camera.ts";
import { type Operation, step, ToolError, type ToolEvent, UsageError } from "../events.ts";
import { readInput, TEXT_BYTES_MAX } from "../input-file.ts";
import { readPatch } from "../patch/patch.ts";
import { buildRoot, displayPath } from "../paths.ts";
import { type Line, parseScript } from "../phone/script.ts";
import type { CentralEvent } from "../rig/events.ts";
import { mapsIn } from "../trace/maps.ts";
import { Tracer } from "../trace/trace.ts";
import { FailureWatch } from "./failure.ts";
import { HeardLines } from "./heard.ts";
import { EventQueue } from "./queue.ts";
import { startBridge } from "./radios/bridge.ts";
import { startBumble } from "./radios/bumble.ts";
import { connectController } from "./radios/controller.ts";
import type { Central, Radio, RadioChoice } from "./radios/radio.ts";
import { startSimulator } from "./radios/sim.ts";
import { startRecorder } from "./recorder.ts";

/** A session. */
export interface SessionOptions {
  readonly application: string;
  readonly board: string;
  /** Path or name of the image's manifest. */
  readonly manifest?: string;
  readonly radio: RadioChoice;
  /** Whether a central connects to the camera; without one the session goes on until `signal`. */
  readonly central: boolean;
  /** The file with what the phone does; `phone.txt` beside the application's entry, where there is one. */
  readonly script?: string;
  /** The patch of a modelled chip; one that is made up when left out. */
  readonly patch?: string;
  /** Go on when the camera fails and starts again, as it does in the field. */
  readonly keepGoing?: boolean;
  /** Record what passes between camera and controller in this file. */
  readonly btsnoop?: string;
  /** Ends the session; everything is stopped. */
  readonly signal: AbortSignal;
}

type Stop = () => void | Promise<void>;

/** How long a camera goes on being listened to after a central has failed: it may be about to say why. */
const lastWordsMs = 500;

/** @throws ToolError when the camera failed, the central did not see everything, or the signal's reason. */
export async function* runSession(options: SessionOptions): Operation {
  const { signal } = options;
  const script = options.central ? readScript(options) : undefined;
  const built = yield* build(options);
  signal.throwIfAborted();
  const { board, image, bytecode } = built;
  mkdirSync(join(buildRoot, "run"), { recursive: true });
  const folder = mkdtempSync(join(buildRoot, "run", "session-"));
  const stops: Stop[] = [() => rmSync(folder, { recursive: true, force: true })];
  // What shipped with the camera stays so, whatever is built meanwhile: `deploy` of the same application, for one.
  const application = join(folder, "application");
  copyFileSync(built.application, application);
  const events = new EventQueue<ToolEvent>();
  const line = (source: string) => (text: string) => events.put({ type: "line", source, text });
  const interrupt = () => events.close();
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    const radio = yield* step("radio", "Radio", async () => {
      const started = await startRadio(options.radio, folder, signal);
      stops.push(() => started.stop());
      return { value: started, detail: started.detail };
    });
    const central = options.central ? radio.central : undefined;
    yield { type: "info", message: opening(board.name, radio, central) };
    const hci = await recorded(radio.hci, options.btsnoop, stops);
    const state = join(folder, "state");
    const tracer = new Tracer(mapsIn([board.output], [mapOf(bytecode)]));
    const failures = new FailureWatch({
      onFailure: () => {
        if (!options.keepGoing) events.close();
      },
      onTrialEnded: (why) =>
        events.put({ type: "info", message: `${why}. The camera goes on with what ran before.` }),
    });
    const heard = new HeardLines();
    const consoleLine = (text: string) => {
      const translated = tracer.line(text);
      heard.add(translated);
      line("camera")(translated);
      failures.line(translated, text);
    };
    const { radioLines } = radio;
    const radioPatch = radioLines && patchFile(options.patch, folder);
    const camera = await startCamera(
      board,
      {
        image,
        application,
        hci,
        ...(radioLines && { radioLines }),
        ...(radioPatch && { radioPatch }),
        state,
        // The phone looks for the application, and finds nobody in the place of one that sleeps.
        ...(central && { windowMs: 0 }),
      },
      consoleLine,
    );
    stops.push(() => camera.stop());
    const receiver = {
      onCentralEvent: (event: CentralEvent) =>
        events.put({ type: "central", source: central?.name ?? "", central: event }),
      onLine: line(central?.name ?? ""),
      heard: (text: string, withinMs: number) => heard.heard(text, withinMs),
    };
    const centralSession = central?.start(receiver, script);
    if (centralSession !== undefined) stops.push(() => centralSession.stop());
    let ended: string | undefined;
    let unseen: string | undefined;
    void camera.exited.then((how) => {
      ended = `The camera's process ended (${how})`;
      if (!signal.aborted) line("camera")(`ended (${how})`);
      failures.close();
      events.close();
    });
    void radio.lost?.then((why) => {
      ended ??= why;
      events.close();
    });
    void centralSession?.ended.then(async (missed) => {
      unseen = missed;
      if (missed !== undefined) await delay(lastWordsMs, undefined, { signal }).catch(() => undefined);
      events.close();
    });
    yield* events;
    signal.throwIfAborted();
    for (const [id, of] of tracer.unknown) {
      yield { type: "warning", message: `No map belongs to ${of} ${id}: its stacks stay as they are.` };
    }
    if (failures.failure !== undefined) {
      const times = failures.count > 1 ? ` (the last of ${failures.count} failures)` : "";
      throw new ToolError(`${failures.failure}${times}`);
    }
    if (ended !== undefined) throw new ToolError(ended);
    if (unseen !== undefined) throw new ToolError(unseen);
    if (options.btsnoop !== undefined) {
      const file = displayPath(resolve(options.btsnoop));
      yield { type: "info", message: `HCI traffic: ${file} (wireshark reads it)` };
    }
  } finally {
    signal.removeEventListener("abort", interrupt);
    for (const stop of stops.reverse()) await stop();
  }
}

/** The patch of a modelled chip: the user's, or one that is made up. */
function patchFile(patch: string | undefined, folder: string): string {
  if (patch !== undefined) {
    readPatch(patch);
    return resolve(patch);
  }
  const file = join(folder, "patch.hcd");
  writeFileSync(file, syntheticPatch());
  return file;
}

/** What the phone is to do, as somebody has written it down; undefined for its usual session. */
function readScript({ application, script, radio }: SessionOptions): readonly Line[] | undefined {
  const beside = join(dirname(findApplication(application).entry), "phone.txt");
  const file = script ?? (radio.kind === "sim" && existsSync(beside) ? beside : undefined);
  if (file === undefined) return undefined;
  if (radio.kind !== "sim") throw new UsageError("A script is for the simulator's phone: leave --radio out.");
  const text = readInput(file, { what: "script", bytesMax: TEXT_BYTES_MAX }).toString("utf8");
  return parseScript(text, displayPath(resolve(file)));
}

function startRadio(choice: RadioChoice, folder: string, signal: AbortSignal): Promise<Radio> | Radio {
  if (choice.kind === "sim") return startSimulator(choice.chip);
  if (choice.kind === "bumble") return startBumble(folder, signal);
  if (choice.kind === "bridge") return startBridge(choice.transport, signal);
  return connectController(choice.hci, signal);
}

function opening(board: string, radio: Radio, central: Central | undefined): string {
  if (central !== undefined) return `The camera starts on ${board}; a ${central.name} looks for it.`;
  const others =
    radio.neighbour === undefined ? "" : ` A host of yours finds a controller at ${radio.neighbour}.`;
  const hint = radio.hint === undefined ? "" : ` ${radio.hint}`;
  return `The camera starts on ${board}, until Ctrl-C.${others}${hint}`;
}

/** What the camera connects to: the controller, or a recorder before it. */
async function recorded(hci: string, file: string | undefined, stops: Stop[]): Promise<string> {
  if (file === undefined) return hci;
  const recorder = await startRecorder(hci, resolve(file)).catch((error: NodeJS.ErrnoException) => {
    throw new ToolError(`The HCI traffic cannot be recorded: ${error.message}`);
  });
  stops.push(() => recorder.stop());
  return recorder.hci;
}
