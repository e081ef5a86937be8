/** The module `power` on one camera. The compiler holds `createPower` to the declarations in index.ts. */
import { checkKeys, type OptionKeys } from "../ble/option-keys.ts";
import { shown } from "../ble/text.ts";
import { isWake, WAKE_SOURCES, type WakeSource } from "../platform/platform.ts";
import { DutyCycle } from "./duty-cycle.ts";
import type { DeepSleepOptions, DutyCycleOptions, Json, LowBatteryOptions } from "./index.ts";
import { lowBattery } from "./low-battery.ts";
import { checkMs, DURATION_MAX_MS, type PowerPort } from "./port.ts";
import type { Kept } from "./retained.ts";

const DEEP_SLEEP_KEYS: OptionKeys<DeepSleepOptions> = { durationMs: "number", wakeOn: "list", state: "any" };
const DUTY_CYCLE_KEYS: OptionKeys<DutyCycleOptions<unknown>> = {
  intervalMs: "number",
  deadlineMs: "number",
  state: "any",
  wakeOn: "list",
  lowVolts: "number",
  onLowBattery: true,
  burst: true,
};

/** What the module `power` exports. */
export type Power = typeof import("./index.ts");

/** The module, bound to a camera. */
export function createPower(port: PowerPort): Power {
  const { lines, retained } = port;
  let state: Kept | undefined;
  let isRead = false;
  /** What the start before left. Read once: what is written later is for the next start. */
  const found = (): typeof state => {
    if (!isRead) state = retained.read();
    isRead = true;
    return state;
  };
  /** What will put the camera to sleep: a second one would write over what the first keeps. */
  let claim: Claim | undefined;
  const claimed = async (by: Claim, run: () => Promise<never>): Promise<never> => {
    claim = by;
    try {
      return await run();
    } finally {
      claim = undefined;
    }
  };
  prepareRadio(port, found);
  return {
    wakeCause: lines.startCause,
    wakeSources: lines.wakeSources,
    retainedState: () => found()?.app as Json | undefined,
    batteryVolts: () => lines.batteryVolts(),
    async deepSleep(options: DeepSleepOptions = {}): Promise<never> {
      checkKeys("deepSleep", options, DEEP_SLEEP_KEYS);
      const { durationMs, wakeOn = lines.wakeSources.filter((source) => source !== "timer") } = options;
      if (durationMs !== undefined) checkMs("durationMs", durationMs, 1, DURATION_MAX_MS);
      checkSources(port, wakeOn);
      checkSleep(port);
      checkUnclaimed("deepSleep", claim);
      if (durationMs === undefined && wakeOn.every((source) => source === "timer")) {
        throw new RangeError(
          "nothing would wake the camera: give durationMs, or wakeOn with another source than the timer",
        );
      }
      // How long the radio is off is not known here: it is switched off behind this.
      const radio = port.radioWasUsed() ? {} : undefined;
      if (options.state !== undefined) retained.write({ app: options.state, radio });
      const wakeAtMs = durationMs === undefined ? Number.POSITIVE_INFINITY : lines.rtcNow() + durationMs;
      return claimed("deepSleep", async () => {
        await port.radioOff();
        return lines.deepSleep(wakeAtMs, wakeOn);
      });
    },
    lowBattery: (options: LowBatteryOptions) => lowBattery(port, options),
    dutyCycle: <S>(options: DutyCycleOptions<S>) => {
      checkKeys("dutyCycle", options, DUTY_CYCLE_KEYS);
      checkSources(port, options.wakeOn === undefined ? [] : options.wakeOn);
      const cycle = new DutyCycle(port, options);
      checkSleep(port);
      checkUnclaimed("dutyCycle", claim);
      return claimed("dutyCycle", () => cycle.run(found()));
    },
  };
}

type Claim = "deepSleep" | "dutyCycle";

/** @throws TypeError when the camera is on its way to sleep already. */
function checkUnclaimed(what: Claim, claim: Claim | undefined): void {
  if (claim === undefined) return;
  throw new TypeError(
    claim === "dutyCycle"
      ? `${what} cannot be called while dutyCycle runs: return from the burst what the next one is given, and the camera sleeps until it is due`
      : `${what} cannot be called behind deepSleep: the camera is falling asleep`,
  );
}

/** A camera that woke and has used its radio the last time will use it again: its start begins at once. */
function prepareRadio({ lines, prepareRadio }: PowerPort, found: () => Kept | undefined): void {
  if (!isWake(lines.startCause)) return;
  const radio = found()?.radio;
  if (!radio) return;
  const { offAtMs } = radio;
  prepareRadio(offAtMs === undefined ? 0 : Math.max(0, lines.rtcNow() - offAtMs));
}

/** Before anything is ended for a sleep that does not come. Every board that can sleep has the timer. */
function checkSleep({ lines, unsupported }: PowerPort): void {
  if (!lines.wakeSources.includes("timer")) unsupported("Deep sleep");
}

function checkSources({ lines, unsupported }: PowerPort, sources: readonly WakeSource[]): void {
  for (const source of sources) {
    if (!WAKE_SOURCES.includes(source))
      throw new TypeError(`wakeOn has ${shown(source)}; sources are ${WAKE_SOURCES.join(", ")}`);
    if (!lines.wakeSources.includes(source)) unsupported(`Waking by ${source}`);
  }
}
