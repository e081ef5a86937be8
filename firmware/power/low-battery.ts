/** The event of a low battery. */
import { checkKeys, type OptionKeys } from "../ble/option-keys.ts";
import type { LowBatteryOptions } from "./index.ts";
import { checkMs, checkVolts, DURATION_MAX_MS, type PowerPort } from "./port.ts";

const INTERVAL_MS = 60_000;
const INTERVAL_MIN_MS = 100;

const KEYS: OptionKeys<LowBatteryOptions> = { lowVolts: "number", intervalMs: "number", signal: true };

/** See index.ts. */
export function lowBattery(
  { lines, unsupported, wait }: PowerPort,
  options: LowBatteryOptions,
): Promise<number> {
  checkKeys("lowBattery", options, KEYS);
  const { lowVolts, intervalMs = INTERVAL_MS, signal } = options;
  checkVolts("lowVolts", lowVolts);
  checkMs("intervalMs", intervalMs, INTERVAL_MIN_MS, DURATION_MAX_MS);
  return new Promise((resolve, reject) => {
    if (lines.batteryVolts() === undefined) unsupported("Measuring the battery");
    let endWait: (() => void) | undefined;
    const onAbort = (): void => {
      endWait?.();
      reject(signal!.reason);
    };
    const measure = (): void => {
      const volts = lines.batteryVolts();
      if (volts === undefined || volts >= lowVolts) {
        endWait = wait(intervalMs, measure);
        return;
      }
      signal?.removeEventListener("abort", onAbort);
      resolve(volts);
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort);
    measure();
  });
}
