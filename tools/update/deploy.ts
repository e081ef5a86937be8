/** `obscura deploy`: from an application to a camera that runs it, over the air. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CborMap } from "../../firmware/update/cbor.ts";
import { applicationKind, findApplication } from "../build/application.ts";
import {
  InterruptedError,
  type Operation,
  type Progress,
  type StepResult,
  step,
  ToolError,
  UsageError,
} from "../events.ts";
import { buildRoot } from "../paths.ts";
import { cameraFault } from "./camera-faults.ts";
import {
  type Finder,
  findCamera,
  forgetCamera,
  type Heard,
  lastingAddress,
  type OpenCamera,
  openCamera,
} from "./camera-finder.ts";
import { again, type CameraChoice, withCentral } from "./central-session.ts";
import { readSigned } from "./format.ts";
import { type ListedImage, ManagementError } from "./management-client.ts";
import { readBody } from "./manifest.ts";
import { readBundle, type SignOptions, signApplication } from "./sign.ts";

/** Most seconds until a confirmation: as long as a camera tries a version. */
export const TRIAL_SECONDS_MAX = 300;

/** How long a new version has to run before it is confirmed, when nobody says. */
export const TRIAL_SECONDS = 5;

/** What to say where a camera that tries a version stays away. */
const TRIAL_ENDS = `A trial ends by itself ${TRIAL_SECONDS_MAX} s after it began: the camera goes back then.`;

/** From one look to the next. */
const LOOK_MS = 1000;
/** What to deploy, and where. */
export interface DeployOptions extends Omit<SignOptions, "unsigned" | "output">, CameraChoice {
  /** Seconds that the new version runs before it is confirmed. */
  readonly trialSeconds: number;
  /** Whether it is confirmed; else its trial goes on, and ends with the next reset. */
  readonly confirm: boolean;
  /** Resets the camera to end the trial of another version first. */
  readonly endTrial?: boolean;
}

/** What one deployment leaves for the next, and for who interrupts it. */
export interface DeployState {
  /** What an interruption leaves on the camera; undefined while that is nothing. */
  left?: keyof typeof LEFT | undefined;
  /** Address of the camera that was found, where it stays the same. */
  camera?: string | undefined;
  /** Hash of the version whose trial was begun here and not ended, in hexadecimal digits. */
  trial?: string | undefined;
  /** Whether the bond was deleted. */
  isPairedAnew?: boolean;
}

/** By what was done last. */
const LEFT = {
  upload:
    "The camera has a part of the upload, and tries nothing: the next deploy of this version goes on from there.",
  bundle:
    "The camera has the whole upload, and tries nothing: the next deploy of this version goes on from there.",
  mark: "The camera may have the version marked by now, and then tries it after its next reset.",
  trial:
    "The version is on trial on the camera, which ends by itself after 300 s, or with the next reset; until then a deploy of this version confirms it.",
  confirmation: "The version may be confirmed on the camera already.",
  revocation: "The key may be revoked on the camera already.",
} as const;

/** What there is to say of a bundle that is built. */
type TrialOptions = Omit<DeployOptions, keyof SignOptions | "radio"> & {
  readonly state?: DeployState;
  /** It takes back a key, and nothing is to be tried. */
  readonly isRevocation?: boolean;
};

/**
 * Builds, signs, and brings the bundle to the camera; a file that is signed, with the ending `.bin`, as it is.
 * @param state kept from one deployment to the next, where they follow each other
 * @throws UsageError for a file that is not there; ToolError for one that is no such bundle, and when the camera does not keep it; InterruptedError when the signal leaves something on the camera.
 */
export async function* deploy(options: DeployOptions, state: DeployState = {}): Operation {
  const { application } = options;
  const signed = applicationKind(application) === "signed" ? readSignedFile(application) : undefined;
  // Beside the bytecode lies what cameras of this computer run: that is not to change under them.
  const folder = join(buildRoot, "deploy", options.board);
  mkdirSync(folder, { recursive: true });
  state.left = undefined;
  const work = withCentral(options, async function* (central, signal) {
    if (signed) return yield* deployFile(signed.file, central, { ...options, ...signed, signal, state });
    const output = join(folder, `${nameOf(application)}.bin`);
    const file = yield* signApplication({ ...options, output });
    signal.throwIfAborted();
    yield* deployFile(readFileSync(file), central, { ...options, signal, state });
  });
  yield* sayingWhatIsLeft(work, options.signal, state);
}

/**
 * Runs a deployment.
 * @throws InterruptedError when the signal was aborted and leaves something on the camera, also where the work was done by then:
 * nothing is shown behind an interruption, and who interrupts is to know
 */
export async function* sayingWhatIsLeft(work: Operation, signal: AbortSignal, state: DeployState): Operation {
  try {
    yield* work;
    signal.throwIfAborted();
  } catch (error) {
    if (signal.aborted && state.left) throw new InterruptedError(LEFT[state.left]);
    throw error;
  }
}

const nameOf = (application: string): string =>
  applicationKind(application) === "bytecode"
    ? basename(application, ".xsb")
    : findApplication(application).name;

/** Options of the command line that say how something is built and signed. */
const SIGNING_OPTIONS = ["--board", "--manifest", "--key", "--app-version", "--counter"];
/** Those that say how it is tried: a revocation is not. */
const TRIAL_OPTIONS = ["--trial", "--no-confirm"];

/**
 * Nobody is to believe that an option has been heeded that means nothing for a file.
 * @param given the options on the command line
 * @throws as `deploy`
 */
export function checkGiven(application: string, given: readonly string[]): void {
  const kind = applicationKind(application);
  if (kind === "source") return;
  const without = (why: string, options: readonly string[]): void => {
    const useless = options.filter((option) => given.includes(option));
    if (useless.length > 0)
      throw new UsageError(`${application} ${why}: leave ${useless.join(" and ")} out.`);
  };
  if (kind === "bytecode") return without("is built already", ["--manifest"]);
  without("is signed already", SIGNING_OPTIONS);
  if (readSignedFile(application).isRevocation) without("is a revocation, which is not tried", TRIAL_OPTIONS);
}

/** A bundle or a revocation that somebody has signed. @throws as `deploy` */
function readSignedFile(application: string) {
  const file = readBundle(application);
  const isRevocation = readBody(readSigned(file).body).kind === "revocation";
  return { file, isRevocation };
}

/** Brings a signed bundle to the camera. */
export async function* deployFile(bundle: Buffer, central: Finder, options: TrialOptions): Operation {
  const { digest } = readSigned(bundle);
  const hash = new Uint8Array(digest);
  const { endTrial = false, pairAnew = false, signal, state = {} } = options;
  const { heard, opened, before } = yield* cameraStep("find", "Camera", signal, async () => {
    const heard = await findCamera(central, state.camera ?? options.camera, signal);
    state.camera = lastingAddress(heard);
    if (pairAnew && !state.isPairedAnew) await forgetCamera(heard, signal);
    state.isPairedAnew = true;
    const opened = await openCamera(heard, signal);
    const before = runningOf(await opened.client.list());
    const detail = `${heard.name || "(no name)"} ${heard.device.addrHex()}`;
    return { value: { heard, opened, before }, detail };
  });
  if (before && sameHash(before.hash, hash)) {
    yield { type: "info", message: `The camera runs this version already: ${before.version}.` };
    if (!before.confirmed && options.confirm) yield* confirmTrial(heard, opened, hash, options);
    else await opened.connection.disconnect().catch(() => undefined);
    return;
  }
  let open = opened;
  // Nobody else's trial is ended unless that is asked for: the camera refuses the upload.
  if (before && !before.confirmed && (endTrial || state.trial === hexOf(before.hash)))
    open = yield* cameraStep("end-trial", "End of the trial", signal, async () => {
      await reset(open);
      const value = await again(heard, open, options);
      const running = runningOf(await value.client.list());
      state.trial = undefined;
      const what = await whatRuns(value, running);
      return { value, detail: what ? `${what} runs` : "no application runs, but the recovery service" };
    });
  open = yield* upload(bundle, heard, open, options);
  state.left = "bundle";
  if (options.isRevocation) return yield* revoke(open, hash, options);
  yield* cameraStep("try", "Trial", signal, async () => {
    state.left = "mark";
    await open.client.mark(hash);
    signal.throwIfAborted();
    state.trial = hexOf(hash);
    state.left = "trial";
    await reset(open);
    open = await again(heard, open, options, TRIAL_ENDS);
    return { value: undefined, detail: await begun(open, hash) };
  });
  yield* confirmTrial(heard, open, hash, options);
}

/** Has the camera carry out a revocation that is there: at once, without a trial. */
function revoke({ client, connection }: OpenCamera, hash: Uint8Array, options: TrialOptions): Operation {
  const { signal, state = {} } = options;
  return cameraStep("revoke", "Revocation", signal, async () => {
    state.left = "revocation";
    await client.mark(hash);
    await connection.disconnect().catch(() => undefined);
    return { value: undefined, detail: "the key signs nothing any more for this camera" };
  });
}

/** A step that a camera has a part in: what it does wrong ends the step with a sentence. */
function cameraStep<T>(
  name: string,
  title: string,
  signal: AbortSignal,
  work: (progress: Progress) => Promise<StepResult<T>>,
): Operation<T> {
  return step(name, title, async (progress) => {
    try {
      // Nothing is begun behind an interruption: what has not been marked is not to be tried.
      signal.throwIfAborted();
      return await work(progress);
    } catch (error) {
      // Where the radio has gone, all links have ended: that is the reason, and not the camera.
      signal.throwIfAborted();
      throw cameraFault(error);
    }
  });
}

/** Uploads, and goes on where a link that ends has left off. */
async function* upload(
  bundle: Buffer,
  heard: Heard,
  opened: OpenCamera,
  options: TrialOptions,
): Operation<OpenCamera> {
  const sha = new Uint8Array(createHash("sha256").update(bundle).digest());
  const file = new Uint8Array(bundle);
  return yield* cameraStep("upload", "Upload", options.signal, async (progress) => {
    let open = opened;
    const startMs = performance.now();
    let resumed: number | undefined;
    const onProgress = (offset: number): void => {
      if (options.state) options.state.left = "upload";
      options.signal.throwIfAborted();
      resumed ??= offset;
      const seconds = (performance.now() - startMs) / 1000;
      const rate = (offset - Math.min(resumed, offset)) / Math.max(seconds, 0.001);
      progress(offset, file.length, rateText(offset, file.length, rate));
    };
    for (let attempt = 1; ; attempt++) {
      try {
        await open.client.upload(file, sha, onProgress);
        break;
      } catch (error) {
        if (open.connection.isConnected() || attempt === 5 || error instanceof ManagementError) throw error;
        open = await again(heard, open, options);
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
  options: TrialOptions,
): Operation {
  const { confirm, signal, state = {}, trialSeconds } = options;
  state.left = "trial";
  let open = opened;
  yield* cameraStep("confirm", confirm ? "Confirmation" : "Trial goes on", signal, async () => {
    const untilMs = performance.now() + trialSeconds * 1000;
    let version: string;
    for (;;) {
      const running = runningOf(await listed(() => open.client.list()));
      if (!running || !sameHash(running.hash, hash)) throw await reverted(open, running);
      if (running.confirmed) {
        await open.connection.disconnect().catch(() => undefined);
        return { value: undefined, detail: `version ${running.version} has confirmed itself` };
      }
      ({ version } = running);
      if (performance.now() >= untilMs) break;
      await delay(Math.min(LOOK_MS, untilMs - performance.now()), undefined, { signal });
      if (!open.connection.isConnected()) open = await again(heard, open, options, TRIAL_ENDS);
    }
    signal.throwIfAborted();
    if (confirm) {
      state.left = "confirmation";
      await open.client.confirm();
      state.trial = undefined;
    }
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
      open = await again(heard, open, options, TRIAL_ENDS);
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
async function reverted(open: OpenCamera, running: ListedImage | undefined): Promise<ToolError> {
  const { revert } = await trialState(open);
  const what = await whatRuns(open, running);
  await open.connection.disconnect().catch(() => undefined);
  const now = what
    ? `The camera has gone back, and runs ${what} again.`
    : "The camera runs no application, but its recovery service.";
  return new ToolError(`${now} ${typeof revert === "string" ? revert : ""}`.trim());
}

/** The application that runs; undefined where the recovery service does. @param running the bundle that is active */
async function whatRuns(open: OpenCamera, running: ListedImage | undefined): Promise<string | undefined> {
  if (running) return `version ${running.version}`;
  const { running: kind } = await trialState(open);
  return kind === "recovery" ? undefined : "the application of its image";
}

/** What the camera says of its trial, where it says so: cameras of other makers have no such command. */
const trialState = ({ client }: OpenCamera): Promise<CborMap> => client.read([64, 1]).catch(() => ({}));

/** Resets the camera, and waits until its link has ended. */
async function reset({ client, connection }: OpenCamera): Promise<void> {
  try {
    await client.reset();
  } catch (error) {
    // A camera may be gone before its answer has left it.
    if (connection.isConnected()) throw error;
  }
  await connection.disconnected({ timeoutMs: 10_000, disconnect: false }).catch(() => undefined);
}

const runningOf = (images: readonly ListedImage[]): ListedImage | undefined =>
  images.find(({ active }) => active);

const hexOf = (hash: Uint8Array): string => Buffer.from(hash).toString("hex");

const sameHash = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);
