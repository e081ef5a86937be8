/** A controller of this computer, on a serial port, on USB or in the kernel, through one of Bumble's transports. */
import { join } from "node:path";
import { ToolError } from "../../events.ts";
import { root, venvProgram } from "../../paths.ts";
import { Program } from "../../program.ts";
import { bridgeAdvice, type FailureKind } from "./advice.ts";
import type { Radio } from "./radio.ts";

/** What tools/rig/bridge.py says. */
type BridgeEvent =
  | { readonly event: "ready"; readonly hci: string }
  | { readonly event: "failed"; readonly kind: FailureKind; readonly message: string }
  | { readonly event: "lost" };

/** The program that runs the bridge, and its arguments. */
const bridgeCommand = (transport: string): [string, string, string] => [
  venvProgram("python"),
  join(root, "tools/rig/bridge.py"),
  transport,
];

/**
 * Opens the controller and waits until it answers HCI Reset.
 * @throws ToolError that says what the user has to do.
 */
export async function startBridge(transport: string, signal: AbortSignal): Promise<Radio> {
  const said: string[] = [];
  let onEvent: (event: BridgeEvent | undefined) => void = () => undefined;
  let onLost: (why: string) => void = () => undefined;
  const first = new Promise<BridgeEvent | undefined>((resolve) => {
    onEvent = resolve;
  });
  const lost = new Promise<string>((resolve) => {
    onLost = resolve;
  });
  const command = bridgeCommand(transport);
  const program = new Program("bridge", command, (text) => {
    if (!text.startsWith('{"event"')) said.push(text);
    else onEvent(JSON.parse(text) as BridgeEvent);
  });
  let isStopping = false;
  void program.exited.then(() => {
    onEvent(undefined);
    if (!isStopping) onLost(`The controller at ${transport} is gone`);
  });
  signal.addEventListener("abort", () => onEvent(undefined), { once: true });
  const stop = (): Promise<void> => {
    isStopping = true;
    return program.stop();
  };
  const event = await first;
  if (event?.event === "ready") {
    const hint = "Look for it with a phone, in nRF Connect, LightBlue or any other Bluetooth LE scanner.";
    return { hci: event.hci, detail: `the controller at ${transport}, reset`, hint, lost, stop };
  }
  await stop();
  signal.throwIfAborted();
  if (event?.event === "failed") throw new ToolError(bridgeAdvice({ transport, command, ...event }));
  throw new ToolError(`The bridge to ${transport} did not start`, said.join("\n"));
}
