/** What commands over the air share: a central on the radio, and a camera that is connected to again. */
import { setTimeout as delay } from "node:timers/promises";
import { BleError, HciError } from "../../firmware/ble/errors.ts";
import { type Central, startCentral } from "../central/central.ts";
import { type Operation, StepFailed, ToolError, type ToolEvent, withEvents } from "../events.ts";
import { EventQueue } from "../session/queue.ts";
import { startOwnRadio } from "../session/radios/own-radio.ts";
import type { RadioChoice } from "../session/radios/radio.ts";
import { cameraFault } from "./camera-faults.ts";
import { bondsFile, type Heard, type OpenCamera, openCamera } from "./camera-finder.ts";

/** How long a camera may take to be there again after a reset, a trial that fails among it. */
const RETURN_MS = 90_000;
/** From one attempt to connect again to the next. */
const AGAIN_MS = 200;

/** Which camera, and by which radio. */
export interface CameraChoice {
  /** A controller at a socket, or one that Bumble's bridge opens. */
  readonly radio: RadioChoice;
  /** Name or address; the only one that is there when left out. */
  readonly camera?: string;
  /** File that keeps this computer's bonds; one for all cameras when left out. */
  readonly bonds?: string;
  /** How long the camera may take to be there again after a reset or the end of its link; 90 s when left out. */
  readonly returnMs?: number;
  /** Deletes this computer's bond with the camera that was found, and pairs anew. */
  readonly pairAnew?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs an operation with a central on the radio.
 * @param work its signal is aborted when the radio has gone, too
 * @throws ToolError before it runs when the radio is not there, and as soon as it has gone
 */
export async function* withCentral(
  { bonds = bondsFile(), radio, signal }: Omit<CameraChoice, "camera" | "returnMs">,
  work: (central: Central, signal: AbortSignal) => Operation,
): Operation {
  const { name, radio: started } = await startOwnRadio(radio, signal);
  const warnings: string[] = [];
  const beside = new EventQueue<ToolEvent>();
  const gone = new AbortController();
  const onGone = (): void =>
    gone.abort(
      new ToolError(
        `The controller at ${name} has gone: for a camera of \`obscura run\`, its session has ended; --keep-going keeps that when its application fails.`,
      ),
    );
  let central: Central | undefined;
  try {
    const onWait = (message: string): void => beside.put({ type: "info", message });
    central = startCentral(started.hci, bonds, (line) => warnings.push(line), { onGone, onWait });
    yield* withEvents(work(central, AbortSignal.any([signal, gone.signal])), beside);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StepFailed) throw error;
    gone.signal.throwIfAborted();
    if (error instanceof HciError)
      throw new ToolError(`The controller at ${name} does not work: ${error.message}`, warnings.join("\n"));
    throw cameraFault(error);
  } finally {
    await central?.stop().catch((error: unknown) => {
      // A controller that has failed cannot end its links: what went wrong before says more.
      if (!(error instanceof BleError)) throw error;
    });
    await started.stop();
  }
}

/**
 * Connects again to a camera whose link ends, or has ended.
 * @param outlook what is to be expected of a camera that stays away, a sentence
 * @throws ToolError when it does not let us in, and when it is not there within `returnMs`
 */
export async function again(
  heard: Heard,
  { connection }: OpenCamera,
  { returnMs = RETURN_MS, signal }: Pick<CameraChoice, "returnMs" | "signal">,
  outlook = "",
): Promise<OpenCamera> {
  await connection.disconnect().catch(() => undefined);
  const untilMs = performance.now() + returnMs;
  for (;;) {
    try {
      return await openCamera(heard, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ToolError) throw error;
      const { message } = cameraFault(error) as Error;
      if (performance.now() >= untilMs)
        throw new ToolError(`The camera has not come back. ${message} ${outlook}`.trim());
      // What fails at once is not tried in a tight loop.
      await delay(AGAIN_MS, undefined, { signal });
    }
  }
}
