/** `obscura logs`: a camera's console over the air. */
import { setTimeout as delay } from "node:timers/promises";
import type { Operation } from "../events.ts";
import { buildRoot } from "../paths.ts";
import { mapsIn } from "../trace/maps.ts";
import { Tracer } from "../trace/trace.ts";
import { type Finder, findCamera, forgetCamera, openCamera } from "./camera-finder.ts";
import { again, type CameraChoice, withCentral } from "./central-session.ts";

/** How often the camera is asked for what is new. */
const LOOK_MS = 500;

/** What to show. */
export interface LogsOptions extends CameraChoice {
  /** Folders with the maps of builds that were made elsewhere. */
  readonly maps: readonly string[];
  /** What the camera has, and no more. */
  readonly once?: boolean;
}

/** Shows the lines that the camera has kept, and those that come, until the signal; stacks in TypeScript. */
export function logs(options: LogsOptions): Operation {
  return withCentral(options, (central, signal) => followLogs(central, { ...options, signal }));
}

/** As `logs`, with a central that runs. @throws errors of the central where the camera does not connect, or does not answer */
export async function* followLogs(
  central: Finder,
  { camera, maps, once = false, pairAnew = false, ...choice }: Omit<LogsOptions, "radio">,
): Operation {
  const { signal } = choice;
  const heard = await findCamera(central, camera, signal);
  if (pairAnew) await forgetCamera(heard, signal);
  const source = heard.name || heard.device.addrHex();
  const tracer = new Tracer(mapsIn([buildRoot, ...maps]));
  let open = await openCamera(heard, signal);
  for (let from = 0; ; ) {
    try {
      const { first, next, lines } = await open.client.read([64, 0], { from });
      if (typeof first === "number" && first > from)
        yield { type: "warning", message: `${first - from} lines have gone before they could be read` };
      for (const line of Array.isArray(lines) ? lines : [])
        yield { type: "line", source, text: tracer.line(String(line)) };
      from = typeof next === "number" ? next : from;
      if (Array.isArray(lines) && lines.length > 0) continue;
      if (once) break;
      await delay(LOOK_MS, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (open.connection.isConnected()) throw error;
      yield { type: "info", message: "The camera has gone; its console begins anew when it is back." };
      open = await again(heard, open, choice);
      from = 0;
    }
  }
  await open.connection.disconnect().catch(() => undefined);
}
