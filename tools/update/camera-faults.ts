/** What the person at the keyboard is told when a camera that was heard does not connect, does not answer, or leaves. */
import { DeviceDisconnectedError, TimeoutError } from "../../firmware/aioble/errors.ts";
import { BleError, HciError } from "../../firmware/ble/errors.ts";
import { CborError } from "../../firmware/update/cbor.ts";
import { ToolError } from "../events.ts";
import { ManagementError } from "./management-client.ts";

const REMEDY =
  "Bring it nearer, end what else is connected to it, or switch it off and on; then run this again.";

/**
 * A ToolError in one sentence or two for what a camera has done: its refusals, its silence, the end of its link, answers that
 * are none. Other errors come back as they are, those of this computer's controller among them.
 */
export function cameraFault(error: unknown): unknown {
  if (error instanceof ManagementError) return new ToolError(`The camera refuses: ${error.message}`);
  if (error instanceof CborError)
    return new ToolError(
      `The camera's answer is malformed (${error.message}): is it a camera of Obscura? Name another with --camera.`,
    );
  if (!(error instanceof BleError) || error instanceof HciError) return error;
  if (error instanceof TimeoutError)
    return new ToolError(
      `The camera was heard, but neither connects nor answers within ${error.timeoutMs / 1000} s. ${REMEDY}`,
    );
  if (error instanceof DeviceDisconnectedError)
    return new ToolError(`The link to the camera has ended. ${error.message} ${REMEDY}`);
  return new ToolError(`The camera does not do what was asked: ${error.message} ${REMEDY}`);
}
