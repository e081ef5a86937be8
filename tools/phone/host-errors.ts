/** What our own stack says of a failure, as the steps of a script know it. */
import { GattError } from "../../firmware/ble/att/errors.ts";
import { BleError, HciError } from "../../firmware/ble/errors.ts";
import { PairingError } from "../../firmware/ble/smp/failure.ts";
import { AttErrorResponse, PairingFailedError, PhoneError } from "../../simulator/phone/errors.ts";

/** A request, for the sentence about its refusal. */
export interface Asked {
  /** Its opcode. */
  readonly request: number;
  /** The attribute's handle; the first of a range. */
  readonly handle: number;
}

/** The error for whoever waits for a step; what is none of the stack's stays as it is. */
export function phoneErrorOf(
  error: unknown,
  { request, handle }: Asked = { request: 0, handle: 0 },
): unknown {
  if (error instanceof GattError) return new AttErrorResponse(request, handle, error.status);
  if (error instanceof PairingError) return pairingErrorOf(error);
  if (error instanceof HciError) return new PhoneError(error.message, error.status);
  if (error instanceof BleError) return new PhoneError(error.message);
  return error;
}

function pairingErrorOf({ code, message, reason, source }: PairingError): PhoneError {
  if (source === "controller")
    return new PhoneError(`encryption failed with 0x${reason.toString(16)}`, reason);
  if (code !== "pairing-failed") return new PhoneError(message);
  return new PairingFailedError(reason, source === "peer" ? "camera" : "phone");
}
