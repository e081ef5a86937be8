/** A controller of the user's that listens at a socket. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { parseHci } from "../../camera/command.ts";
import { ToolError } from "../../events.ts";
import type { Radio } from "./radio.ts";

/** How long a controller may take to accept the connection. */
const patienceMs = 5000;

/**
 * Connects to the controller at once, and gives the camera that very connection: some programs serve only one. A camera
 * that starts again gets a new one.
 * @throws ToolError when nothing listens there.
 */
export async function connectController(hci: string, signal: AbortSignal): Promise<Radio> {
  let first: Socket | undefined = await open(hci, signal);
  const sockets = new Set<Socket>([first]);
  const server = createServer({ noDelay: true }, (camera) => {
    // It may have waited for long.
    const controller = first && !first.destroyed ? first : connect(optionsOf(hci));
    first = undefined;
    for (const [from, to] of [
      [camera, controller],
      [controller, camera],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  return {
    hci: `tcp:127.0.0.1:${address.port}`,
    detail: `the controller at ${hci}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function optionsOf(hci: string) {
  const target = parseHci(hci);
  return target.kind === "tcp"
    ? { host: target.host, port: target.port, noDelay: true }
    : { path: target.path };
}

async function open(hci: string, signal: AbortSignal): Promise<Socket> {
  const socket = connect(optionsOf(hci));
  const limit = AbortSignal.timeout(patienceMs);
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, limit]) });
    // What the controller says before the camera comes is for the camera.
    return socket.pause();
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    const why = limit.aborted ? `no answer in ${patienceMs / 1000} s` : reason(error);
    throw new ToolError(`No controller listens at ${hci} (${why}); docs/radio.md shows how to start one`);
  }
}

/** A name with several addresses fails with an error that holds those of each. */
function reason(error: unknown): string {
  const { errors } = error as AggregateError;
  const [{ code, message }] = (errors ?? [error]) as [NodeJS.ErrnoException];
  const words: Record<string, string> = {
    ECONNREFUSED: "connection refused",
    EACCES: "permission denied",
    ENOENT: "no such socket",
    ENOTFOUND: "unknown host",
    EHOSTUNREACH: "host unreachable",
  };
  return words[code ?? ""] ?? message;
}
