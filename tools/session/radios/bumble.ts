/** The radio of others: rootcanal's controllers and a central on Bumble, both of tools/rig. */
import { join } from "node:path";
import { ToolError } from "../../events.ts";
import { root, venvProgram } from "../../paths.ts";
import { Program } from "../../program.ts";
import type { CentralEvent } from "../../rig/events.ts";
import type { CentralReceiver, CentralSession, Radio } from "./radio.ts";

/** What tools/rig/controller.py says when its controllers listen. */
interface ControllersReady {
  readonly event: "ready";
  readonly kind: string;
  readonly controllers: readonly [{ readonly hci: string }, { readonly hci: string }];
}

/**
 * Starts two controllers in one air: the camera's and the central's.
 * @param folder where the controllers' log goes
 * @param isAnonymous the central's has no public address
 */
export async function startBumble(folder: string, signal: AbortSignal, isAnonymous = false): Promise<Radio> {
  const said: string[] = [];
  const script = join(root, "tools/rig/controller.py");
  let ready: (line: string) => void = () => undefined;
  const firstLine = new Promise<string>((resolve) => {
    ready = resolve;
  });
  const command = [venvProgram("python"), script, "--log", join(folder, "controller.log")];
  if (isAnonymous) command.push("--anonymous");
  const program = new Program("controller", command as [string, ...string[]], (text) => {
    said.push(text);
    if (text.startsWith("{")) ready(text);
  });
  const stop = () => program.stop();
  const interrupted = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const text = await Promise.race([firstLine, program.exited.then(() => undefined), interrupted]);
  if (text === undefined) {
    await stop();
    signal.throwIfAborted();
    throw new ToolError("The virtual controllers did not start", said.join("\n"));
  }
  const { kind, controllers } = JSON.parse(text) as ControllersReady;
  const [{ hci }, { hci: neighbour }] = controllers;
  const central = {
    name: "central",
    start: (receiver: CentralReceiver) => startCentral(neighbour, receiver),
  };
  return { hci, detail: `${kind}, and a central on Bumble`, neighbour, central, stop };
}

function startCentral(hci: string, receiver: CentralReceiver): CentralSession {
  const script = join(root, "tools/rig/central.py");
  const program = new Program("central", [venvProgram("python"), script, "--hci", hci], (text) => {
    if (text.startsWith("{")) receiver.onCentralEvent(JSON.parse(text) as CentralEvent);
    else receiver.onLine(text);
  });
  return {
    ended: program.exited.then((how) =>
      how === 0 ? undefined : "The central did not see everything that it looked for",
    ),
    stop: () => program.stop(),
  };
}
