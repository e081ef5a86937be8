/** What the parts of the module `power` share: what they are handed, and the checks of numbers. */
import { shown } from "../ble/text.ts";
import type { LogLevel, PowerLines, Signals } from "../platform/platform.ts";
import type { Retained } from "./retained.ts";

/** Thirty days. */
export const DURATION_MAX_MS = 2_592_000_000;

/** What the module is handed. */
export interface PowerPort {
  readonly lines: PowerLines;
  readonly retained: Retained;
  readonly signals: Signals;
  /** Calls back once, at least so much later, unless the function that it returns is called before. */
  wait(delayMs: number, callback: () => void): () => void;
  /** Switches the radio off. Never rejects. */
  radioOff(): Promise<void>;
  /** Begins to start the radio, which has had no supply for so long at least, for who asks for it soon. */
  prepareRadio(offForMs: number): void;
  /** Whether the radio has been used since this start of the camera. */
  radioWasUsed(): boolean;
  log(level: LogLevel, message: string, error?: unknown): void;
  /** @throws an error with code `not-supported`. */
  unsupported(what: string): never;
}

/** More than the battery of a camera has; millivolts by mistake are above it. */
export const VOLTS_MAX = 100;

/** @throws TypeError for what is no number, RangeError for one that is no integer of that range. */
export function checkMs(name: string, value: number, min: number, max: number): void {
  checkNumber(
    name,
    value,
    Number.isInteger(value) && value >= min && value <= max,
    `an integer from ${min} to ${max}`,
  );
}

/** @throws TypeError for what is no number, RangeError for one that is no voltage of a battery. */
export function checkVolts(name: string, value: number): void {
  checkNumber(
    name,
    value,
    value > 0 && value <= VOLTS_MAX,
    `a number of volts above 0, at most ${VOLTS_MAX}`,
  );
}

function checkNumber(name: string, value: unknown, isInRange: boolean, range: string): void {
  if (typeof value === "number" && isInRange) return;
  const message = `${name} is ${shown(value)}; it is ${range}`;
  throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
}
