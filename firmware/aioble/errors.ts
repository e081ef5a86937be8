/** The errors of the module `aioble`. Their codes have headings in docs/errors.md. */
import { BleError } from "../ble/errors.ts";
import { statusText } from "../ble/hci/status.ts";

export { GattError, ProtocolError } from "../ble/att/errors.ts";
export { BleError, HciError } from "../ble/errors.ts";

/** The link to the peer ended while something waited for it, or was asked of it afterwards. */
export class DeviceDisconnectedError extends BleError {
  override name = "DeviceDisconnectedError";
  /** Controller error code (Vol 1, Part F, 1.3): 0x13 the peer ended it, 0x08 it went out of range, 0x16 we ended it. */
  readonly reason: number;

  constructor(reason: number) {
    super("device-disconnected", `The device is not connected: ${statusText(reason)}.`);
    this.reason = reason;
  }
}

/** Why a wait that belongs to no connection ended: `stop` was called. */
export function radioOff(): BleError {
  return new BleError("radio-off", "The radio was switched off while this waited.");
}

/** The deadline `timeoutMs` passed. */
export class TimeoutError extends BleError {
  override name = "TimeoutError";
  /** The deadline that passed, in milliseconds. */
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super("timeout", `Nothing happened within timeoutMs: ${timeoutMs}.`);
    this.timeoutMs = timeoutMs;
  }
}
