/** The module `power` on one camera. The compiler holds `createPower` to the declarations in index.ts. */
import { checkKeys, type OptionKeys } from "../ble/option-keys.ts";
import { isWake, WAKE_SOURCES, type WakeSource } from "../platform/platform.ts";
import { DutyCycle } from "./duty-cycle.ts";
import type { DeepSleepOptions, DutyCycleOptions, Json, LowBatteryOptions } from "./index.ts";
import { lowBattery } from "./low-battery.ts";
import { checkMs, DURATION_MAX_MS, type PowerPort } from "./port.ts";
import type { Kept } from "./retained.ts";

const DEEP_SLEEP_KEYS: OptionKeys<DeepSleepOptions> = { durationMs: true, wakeOn: true, state: true };
const DUTY_CYCLE_KEYS: OptionKeys<DutyCycleOptions<unknown>> = {
  intervalMs: true,
  deadlineMs: true,
  state: true,
  wakeOn: true,
  lowVolts: true,
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
      if (durationMs === undefined && wakeOn.every((source) => source === "timer")) {
        throw new RangeError(
          "nothing would wake the camera: give durationMs, or wakeOn with another source than the timer",
        );
      }
      // How long the radio is off is not known here: it is switched off behind this.
      const radio = port.radioWasUsed() ? {} : undefined;
      if (options.state !== undefined) retained.write({ app: options.state, radio });
      const wakeAtMs = durationMs === undefined ? Number.POSITIVE_INFINITY : lines.rtcNow() + durationMs;
      await port.radioOff();
      return lines.deepSleep(wakeAtMs, wakeOn);
    },
    lowBattery: (options: LowBatteryOptions) => lowBattery(port, options),
    dutyCycle: <S>(options: DutyCycleOptions<S>) => {
      checkKeys("dutyCycle", options, DUTY_CYCLE_KEYS);
      checkSources(port, options.wakeOn ?? []);
      return new DutyCycle(port, options).run(found());
    },
  };
}

/** A camera that woke and has used its radio the last time will use it again: its start begins at once. */
function prepareRadio({ lines, prepareRadio }: PowerPort, found: () => Kept | undefined): void {
  if (!isWake(lines.startCause)) return;
  const radio = found()?.radio;
  if (!radio) return;
  const { offAtMs } = radio;
  prepareRadio(offAtMs === undefined ? 0 : Math.max(0, lines.rtcNow() - offAtMs));
}

function checkSources({ lines, unsupported }: PowerPort, sources: readonly WakeSource[]): void {
  if (!Array.isArray(sources)) {
    throw new TypeError(`wakeOn is a list of sources, such as ["${WAKE_SOURCES[1]}"]`);
  }
  for (const source of sources) {
    if (!WAKE_SOURCES.includes(source)) {
      throw new TypeError(`wakeOn has "${source}"; sources are ${WAKE_SOURCES.join(", ")}`);
    }
    if (!lines.wakeSources.includes(source)) unsupported(`Waking by ${source}`);
  }
}
