/** Deep sleep and the battery, on the natives. */
import { type PowerLines, WAKE_SOURCES, type WakeSource } from "../platform.ts";
import type { Native } from "./native.ts";

export function createPowerLines(native: Native): PowerLines {
  const { wakeSources, retainedBytes } = native.powerFigures();
  const bits = (sources: readonly WakeSource[]): number =>
    sources.reduce((sum, source) => sum | (1 << WAKE_SOURCES.indexOf(source)), 0);
  return {
    startCause: native.resetCause(),
    wakeSources: WAKE_SOURCES.filter((_, at) => (wakeSources >> at) & 1),
    retainedBytes,
    readRetained: native.powerRetained,
    writeRetained: native.powerRetain,
    rtcNow: native.powerRtcNow,
    deepSleep(wakeAtMs, sources) {
      const timer: readonly WakeSource[] = wakeAtMs < Number.POSITIVE_INFINITY ? ["timer"] : [];
      return native.powerDeepSleep(wakeAtMs, bits([...timer, ...sources]));
    },
    batteryVolts: native.powerBattery,
  };
}
