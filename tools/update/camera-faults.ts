/** What the person at the keyboard is told when a camera that was heard does not connect, does not answer, or leaves. */
import { DeviceDisconnectedError, TimeoutError } from "../../firmware/aioble/errors.ts";
import { BleError, HciError } from "../../firmware/ble/errors.ts";
import { PairingError } from "../../firmware/ble/smp/failure.ts";
import { CborError } from "../../firmware/update/cbor.ts";
import { ToolError } from "../events.ts";
import { ManagementError } from "./management-client.ts";

const REMEDY =
  "Bring it nearer, end what else is connected to it, or switch it off and on; then run this again.";

/** What to do where the two keys of a bond differ, or one side has none. */
export const PAIR_ANEW =
  "If it is your camera, switch it off and on, and run this again with --pair-anew within five minutes: that deletes this computer's bond with it, and pairs. A device that only claims to be the camera brings this about, too.";

/** The way in for a device that the camera knows by its address alone: see docs/over-the-air.md. */
const RECOVER =
  "switch it on three times in a row, the first two times for 1 to 10 s, and run this with --pair-anew within five minutes: no application runs then, and it takes the place of that bond.";

/** A bond without the right gets it in a window, as it is: see docs/over-the-air.md. */
const WITHOUT_RIGHT =
  "the bond was made outside of a pairing window. Switch the camera off and on, and run this again within five minutes";
/** Such a key gets no right in a window: whoever heard the pairing has it. */
const LEGACY_KEY =
  "their key is one by legacy pairing. Switch the camera off and on, and run this again with --pair-anew within five minutes";

/** Error of the management protocol. */
const ACCESS_DENIED = 11;
/** Key Rejected (Vol 3, Part H, 3.5.5): the identity that was given belongs to the bond of another. */
const KEY_REJECTED = 0x0f;

/** Connection Terminated due to MIC Failure (Vol 1, Part F, 1.3): the other side has encrypted with another key. */
const MIC_FAILURE = 0x3d;
/** Connection Timeout: what a controller that drops such packets comes to. */
const CONNECTION_TIMEOUT = 0x08;

const OTHER_KEY = `Where it ends so each time as soon as it is connected, the camera has another key than this computer. ${PAIR_ANEW}`;

/** Whether a link that was being opened has failed by its encryption: keys that differ. */
export function isKeyFault(error: unknown): boolean {
  if (error instanceof DeviceDisconnectedError) return error.reason === MIC_FAILURE;
  return error instanceof PairingError && error.source === "controller";
}

/**
 * What to say where a camera does not let this computer in; undefined for another error.
 * @param link what its key was worth: whether it is a bond's, and whether LE Secure Connections made it
 */
export function refusalFault(
  error: unknown,
  link: { readonly bonded: boolean; readonly secureConnections: boolean },
): ToolError | undefined {
  if (error instanceof ManagementError && error.rc === ACCESS_DENIED && link.bonded)
    return new ToolError(
      `The camera is bonded with this computer, and does not let it manage: ${link.secureConnections ? WITHOUT_RIGHT : LEGACY_KEY}; where it is refused once more, another device was first: do both again.`,
    );
  if (error instanceof PairingError && error.code === "bond-not-saved")
    return new ToolError(`The bond with the camera cannot be kept. ${error.message}`);
  if (error instanceof PairingError && error.source === "peer" && error.reason === KEY_REJECTED)
    return new ToolError(
      `The camera keeps the bond that it has with this computer, or with a device of the same address. Switch the camera off and on, and run this again within five minutes. Where it still keeps it, it knows another computer by that: ${RECOVER}`,
    );
  if (error instanceof PairingError || (error instanceof ManagementError && error.rc === ACCESS_DENIED))
    return new ToolError(
      `The camera does not let this computer in: ${error.message} Switch the camera off and on, and run this again within five minutes: in that time it takes the first device that comes.`,
    );
  return undefined;
}

/**
 * A ToolError in one sentence or two for what a camera has done: its refusals, its silence, the end of its link, answers that
 * are none. Other errors come back as they are, those of this computer's controller among them.
 */
export function cameraFault(error: unknown): unknown {
  if (error instanceof ManagementError && error.message.toLowerCase().startsWith("a trial is running"))
    return new ToolError(
      "A version is on trial on the camera, which takes no other meanwhile: --end-trial resets the camera to end it first; by itself it ends 300 s after it began.",
    );
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
    return new ToolError(
      `The link to the camera has ended. ${error.message} ${REMEDY}${error.reason === CONNECTION_TIMEOUT ? ` ${OTHER_KEY}` : ""}`,
    );
  return new ToolError(`The camera does not do what was asked: ${error.message} ${REMEDY}`);
}
