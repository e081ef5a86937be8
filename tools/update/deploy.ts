/** `obscura deploy`: from an application to a camera that runs it, over the air. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Central, startCentral } from "../central/central.ts";
import { type Operation, StepFailed, step, ToolError } from "../events.ts";
import { buildRoot } from "../paths.ts";
import { startBridge } from "../session/radios/bridge.ts";
import { connectController } from "../session/radios/controller.ts";
import type { Radio, RadioChoice } from "../session/radios/radio.ts";
import { findCamera, type Heard, type OpenCamera, openCamera } from "./camera-finder.ts";
import { readSigned } from "./format.ts";
import { type ListedImage, ManagementError } from "./management-client.ts";
import { type SignOptions, signApplication } from "./sign.ts";

/** How long a new version has to run before it is confirmed, when nobody says. */
export const TRIAL_SECONDS = 5;

/** How long a camera may take to be there again after a reset, a trial that fails among it. */
const RETURN_MS = 90_000;
/** From one look to the next. */
const LOOK_MS = 1000;
/** Which camera, and by which radio. */
export interface CameraChoice {
  /** A controller at a socket, or one that Bumble's bridge opens. */
  readonly radio: RadioChoice;
  /** Name or address; the only one that is there when left out. */
  readonly camera?: string;
  /** File that keeps this computer's bonds; one for all cameras when left out. */
  readonly bonds?: string;
  readonly signal: AbortSignal;
}

/** What to deploy, and where. */
export interface DeployOptions extends Omit<SignOptions, "unsigned" | "output">, CameraChoice {
  /** Seconds that the new version runs before it is confirmed. */
  readonly trialSeconds: number;
  /** Whether it is confirmed; else its trial goes on, and ends with the next reset. */
  readonly confirm: boolean;
}

/** Builds, signs, and brings the bundle to the camera. @throws ToolError when the camera does not keep it. */
export async function* deploy(options: DeployOptions): Operation {
  // Beside the bytecode lies what cameras of this computer run: that is not to change under them.
  const folder = join(buildRoot, "deploy", options.board);
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `${basename(options.application, ".xsb").replace(/\.ts$/, "")}.bin`);
  yield* withCentral(options, async function* (central, signal) {
    const file = yield* signApplication({ ...options, output });
    signal.throwIfAborted();
    yield* deployFile(readFileSync(file), central, { ...options, signal });
  });
}

/**
 * Runs an operation with a central on the radio.
 * @param work its signal is aborted when the radio has gone, too
 * @throws ToolError before it runs when the radio is not there, and as soon as it has gone
 */
export async function* withCentral(
  { bonds = join(buildRoot, "central", "bonds.json"), radio, signal }: Omit<CameraChoice, "camera">,
  work: (central: Central, signal: AbortSignal) => Operation,
): Operation {
  const { name, radio: started } = await startRadio(radio, signal);
  const warnings: string[] = [];
  const gone = new AbortController();
  const onGone = (): void =>
    gone.abort(
      new ToolError(
        `The controller at ${name} has gone: for a camera of \`obscura run\`, its session has ended; --keep-going keeps that when its application fails.`,
      ),
    );
  const central = startCentral(started.hci, bonds, (line) => warnings.push(line), onGone);
  try {
    yield* work(central, AbortSignal.any([signal, gone.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StepFailed) throw error;
    gone.signal.throwIfAborted();
    if ((error as { code?: unknown }).code === "controller-lost" || (error as Error).name === "HciError")
      throw new ToolError(
        `The controller at ${name} does not work: ${(error as Error).message}`,
        warnings.join("\n"),
      );
    throw error;
  } finally {
    await central.stop();
    await started.stop();
  }
}

/** @throws ToolError in one line when it is not there */
async function startRadio(
  radio: RadioChoice,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly radio: Radio }> {
  if (radio.kind === "bridge")
    return { name: radio.transport, radio: await startBridge(radio.transport, signal) };
  if (radio.kind === "controller")
    return { name: radio.hci, radio: await connectController(radio.hci, signal) };
  throw new ToolError(
    "Name the controller to use with --radio: what `obscura run --no-phone` prints, for one.",
  );
}

/** Brings a signed bundle to the camera. */
export async function* deployFile(bundle: Buffer, central: Central, options: DeployOptions): Operation {
  const { digest } = readSigned(bundle);
  const hash = new Uint8Array(digest);
  const heard = yield* step("find", "Camera", async () => {
    const value = await findCamera(central, options.camera, options.signal);
    return { value, detail: `${value.name || "(no name)"} ${value.device.addrHex()}` };
  });
  let open = await openCamera(heard.device, options.signal);
  const before = runningOf(await open.client.list());
  if (before && sameHash(before.hash, hash)) {
    yield { type: "info", message: `The camera runs this version already: ${before.version}.` };
    if (!before.confirmed && options.confirm) yield* confirmTrial(heard, open, hash, options);
    else await open.connection.disconnect();
    return;
  }
  open = yield* upload(bundle, heard, open, options);
  yield* step("try", "Trial", async () => {
    await asked(() => open.client.mark(hash));
    await reset(open);
    open = await again(heard, open, options.signal);
    return { value: undefined, detail: await begun(open, hash) };
  });
  yield* confirmTrial(heard, open, hash, options);
}

/** Uploads, and goes on where a link that ends has left off. */
async function* upload(
  bundle: Buffer,
  heard: Heard,
  opened: OpenCamera,
  { signal }: DeployOptions,
): Operation<OpenCamera> {
  const sha = new Uint8Array(createHash("sha256").update(bundle).digest());
  const file = new Uint8Array(bundle);
  return yield* step("upload", "Upload", async (progress) => {
    let open = opened;
    const startMs = performance.now();
    let resumed: number | undefined;
    const onProgress = (offset: number): void => {
      resumed ??= offset;
      const seconds = (performance.now() - startMs) / 1000;
      const rate = (offset - Math.min(resumed, offset)) / Math.max(seconds, 0.001);
      progress(offset, file.length, rateText(offset, file.length, rate));
    };
    for (let attempt = 1; ; attempt++) {
      try {
        await asked(() => open.client.upload(file, sha, onProgress));
        break;
      } catch (error) {
        if (open.connection.isConnected() || attempt === 5 || error instanceof ToolError) throw error;
        open = await again(heard, open, signal);
      }
    }
    const seconds = (performance.now() - startMs) / 1000;
    const rate = file.length / 1024 / seconds;
    return { value: open, detail: `${file.length} bytes, ${rate.toFixed(1)} KB/s` };
  });
}

/** What a progress line says behind its bytes. */
export function rateText(offset: number, length: number, bytesPerSecond: number): string {
  if (bytesPerSecond <= 0) return "";
  const left = Math.ceil((length - offset) / bytesPerSecond);
  return `${(bytesPerSecond / 1024).toFixed(1)} KB/s, ${left} s left`;
}

async function* confirmTrial(
  heard: Heard,
  opened: OpenCamera,
  hash: Uint8Array,
  { confirm, signal, trialSeconds }: DeployOptions,
): Operation {
  let open = opened;
  yield* step("confirm", confirm ? "Confirmation" : "Trial goes on", async () => {
    const untilMs = performance.now() + trialSeconds * 1000;
    for (;;) {
      const running = runningOf(await listed(() => open.client.list()));
      if (!running || !sameHash(running.hash, hash)) throw await reverted(open, running);
      if (running.confirmed) {
        await open.connection.disconnect().catch(() => undefined);
        return { value: undefined, detail: `version ${running.version} has confirmed itself` };
      }
      if (performance.now() >= untilMs) break;
      await delay(Math.min(LOOK_MS, untilMs - performance.now()), undefined, { signal });
      if (!open.connection.isConnected()) open = await again(heard, open, signal);
    }
    const { version } = runningOf(await open.client.list())!;
    if (confirm) await asked(() => open.client.confirm());
    await open.connection.disconnect().catch(() => undefined);
    const detail = confirm
      ? `version ${version} stays`
      : `version ${version}; unless it is confirmed, the next reset ends it`;
    return { value: undefined, detail };
  });

  /** A link that ends meanwhile is made again: the camera may have started anew. */
  async function listed<T>(look: () => Promise<T>): Promise<T> {
    try {
      return await look();
    } catch (error) {
      if (open.connection.isConnected()) throw error;
      open = await again(heard, open, signal);
      return look();
    }
  }
}

/** What the camera says of the trial that begins. @throws ToolError when it is over already */
async function begun(open: OpenCamera, hash: Uint8Array): Promise<string> {
  const running = runningOf(await open.client.list());
  if (!running || !sameHash(running.hash, hash)) throw await reverted(open, running);
  return `version ${running.version} runs`;
}

/** Whatever became of the trial, as the camera says it. */
async function reverted(
  { client, connection }: OpenCamera,
  running: ListedImage | undefined,
): Promise<ToolError> {
  const { revert } = await client.read([64, 1]).catch(() => ({ revert: undefined }));
  await connection.disconnect().catch(() => undefined);
  const now = running ? `runs version ${running.version} again` : "runs the application of its image again";
  return new ToolError(
    `The camera has gone back, and ${now}. ${typeof revert === "string" ? revert : ""}`.trim(),
  );
}

/** Resets the camera, and waits until its link has ended. */
async function reset({ client, connection }: OpenCamera): Promise<void> {
  await asked(() => client.reset());
  await connection.disconnected({ timeoutMs: 10_000, disconnect: false }).catch(() => undefined);
}

/** Connects again. */
async function again(heard: Heard, { connection }: OpenCamera, signal: AbortSignal): Promise<OpenCamera> {
  await connection.disconnect().catch(() => undefined);
  const untilMs = performance.now() + RETURN_MS;
  for (;;) {
    try {
      return await openCamera(heard.device, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ToolError) throw error;
      if (performance.now() < untilMs) continue;
      throw new ToolError(`The camera has not come back: ${(error as Error).message}`);
    }
  }
}

const runningOf = (images: readonly ListedImage[]): ListedImage | undefined =>
  images.find(({ active }) => active);

const sameHash = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);

/** What the camera refuses is for the person at the keyboard. */
async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw said(error);
  }
}

function said(error: unknown): unknown {
  return error instanceof ManagementError ? new ToolError(`The camera refuses: ${error.message}`) : error;
}
