/** What the parts of the module `power` share: what they are handed, and the checks of times. */
import type { LogLevel, PowerLines, Signals } from "../platform/platform.ts";
import type { Retained } from "./retained.ts";

/** Thirty days. */
export const DURATION_MAX_MS = 2_592_000_000;

/** What the module is handed. */
export interface PowerPort {
  readonly lines: PowerLines;
  readonly retained: Retained;
  readonly signals: Signals;
  /** Calls back once, at least so much later. */
  wait(delayMs: number, callback: () => void): void;
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

/** @throws RangeError unless `value` is an integer of that range. */
export function checkMs(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} is ${value}; it is an integer from ${min} to ${max}`);
  }
}
