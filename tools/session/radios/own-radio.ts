/** The radio with which this computer reaches a camera. */
import { ToolError } from "../../events.ts";
import { startBridge } from "./bridge.ts";
import { connectController } from "./controller.ts";
import type { Radio, RadioChoice } from "./radio.ts";

/** It, with what a person calls it. */
export interface OwnRadio {
  readonly name: string;
  readonly radio: Radio;
}

/** @throws ToolError in one line when it is not there, or is a whole air and no controller. */
export async function startOwnRadio(choice: RadioChoice, signal: AbortSignal): Promise<OwnRadio> {
  if (choice.kind === "bridge")
    return { name: choice.transport, radio: await startBridge(choice.transport, signal) };
  if (choice.kind === "controller")
    return { name: choice.hci, radio: await connectController(choice.hci, signal) };
  throw new ToolError(
    "Name the controller to use with --radio: what `obscura run --no-phone` prints, for one.",
  );
}
