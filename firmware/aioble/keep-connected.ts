/** One connection to a device after the other: it is looked for again whenever its link has ended. */
import { BleError, isControllerFailure } from "../ble/errors.ts";
import type { OptionKeys } from "../ble/option-keys.ts";
import type { Timer } from "../platform/platform.ts";
import type { Central, ConnectOptions } from "./central.ts";
import type { Core } from "./core.ts";
import type { Device } from "./device.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { endUnwanted } from "./peripheral.ts";
import { Stream } from "./stream.ts";

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 60_000;
/** A link that lasted for so long was a good one: the pauses begin anew. */
const STEADY_MS = 10_000;

/** What `Device.keepConnected` takes beside what `connect` does; `timeoutMs` is for each attempt. */
export interface KeepConnectedOptions extends ConnectOptions {
  /** Milliseconds between the end of a link, or of an attempt, and the next attempt: 500 at first when left out. */
  readonly firstPauseMs?: number;
  /** Each pause is twice the one before, up to this: 60,000 when left out. */
  readonly maxPauseMs?: number;
}

const PAUSE_KEYS: OptionKeys<Omit<KeepConnectedOptions, keyof ConnectOptions>> = {
  firstPauseMs: "number",
  maxPauseMs: "number",
};

/** Why a stream ended its own attempt. */
const LEFT = new Error("the stream of connections was left");

/** Failures of an attempt that the next may not have, beside those of a controller that does not work. */
const PASSING: readonly string[] = [
  "connecting-while-connected",
  "controller-busy",
  "controller-refused",
  "timeout",
  "too-many-connections",
];

const isPassing = (error: unknown): error is BleError =>
  isControllerFailure(error) || (error instanceof BleError && PASSING.includes(error.code));

/** @throws RangeError for a pause that is none. */
function checkPauses(firstPauseMs: number, maxPauseMs: number): void {
  if (!(firstPauseMs >= 0 && firstPauseMs <= maxPauseMs && maxPauseMs <= 86_400_000)) {
    throw new RangeError(
      `firstPauseMs ${firstPauseMs} and maxPauseMs ${maxPauseMs} are out of range: 0 to 86,400,000, the first at most the second`,
    );
  }
}

/** See `Device.keepConnected`. */
export function keepConnected(
  core: Core,
  central: Central,
  device: Device,
  given: KeepConnectedOptions,
): Stream<DeviceConnection> {
  central.check(given, PAUSE_KEYS);
  const { firstPauseMs = FIRST_PAUSE_MS, maxPauseMs = MAX_PAUSE_MS, signal, ...options } = given;
  checkPauses(firstPauseMs, maxPauseMs);
  const { clock, host } = core;
  const aborter = new core.signals.AbortController();
  let pauseMs = firstPauseMs;
  let timer: Timer;
  let endPause: (() => void) | undefined;
  let pumping: Promise<void> = Promise.resolve();
  const unobserve = host.observe({ onStopping: () => void stream.return() });
  const onAbort = (): void => stream.end({ error: signal!.reason });
  const stream = new Stream<DeviceConnection>({
    onEnd() {
      unobserve();
      signal?.removeEventListener("abort", onAbort);
      aborter.abort(LEFT);
      endPause?.();
      return pumping;
    },
    onLeft(connections) {
      for (const { link } of connections) endUnwanted(core, link);
    },
  });

  const pause = async (): Promise<void> => {
    if (stream.isEnded) return;
    await new Promise<void>((resolve) => {
      endPause = resolve;
      timer = clock.setTimer(resolve, pauseMs);
    });
    clock.clearTimer(timer);
    pauseMs = Math.min(maxPauseMs, Math.max(1, pauseMs * 2));
  };
  const attempt = async (): Promise<void> => {
    const connection = await central.connect(device, { ...options, signal: aborter.signal });
    if (stream.isEnded) return endUnwanted(core, connection.link);
    const upMs = clock.now();
    stream.push(connection);
    await connection.disconnected({ signal: aborter.signal });
    stream.discard((untaken) => untaken === connection);
    if (clock.now() - upMs >= STEADY_MS) pauseMs = firstPauseMs;
  };
  const pump = async (): Promise<void> => {
    while (!stream.isEnded) {
      try {
        await attempt();
      } catch (error) {
        if (error === LEFT) return;
        if (!isPassing(error)) throw error;
        core.log("info", `aioble: ${device} is not connected: ${error.message}`);
      }
      await pause();
    }
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort);
  pumping = pump().catch((error: unknown) => stream.end({ error }));
  return stream;
}
