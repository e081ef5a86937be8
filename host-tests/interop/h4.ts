/** HCI packets on a byte stream: the UART transport layer, "H4" (Vol 4, Part A, 2), for the peers of the rig. */
import { EventEmitter } from "node:events";
import { connect, type Socket } from "node:net";
import { FROM_CONTROLLER, H4Framer } from "../../simulator/h4.ts";
import { within } from "./wait.ts";

/** H4 packet types. */
export const h4 = { command: 1, acl: 2, event: 4 } as const;

/** Longest payload that an ACL packet can announce: whoever watches a line cuts what it is sent. */
const LONGEST = 0xffff;

/** Cuts what a host or a controller sends into packets, and throws RangeError where framing is lost. */
export function createFramer(
  accepted: readonly number[],
  onPacket: (packet: Buffer) => void,
): (bytes: Buffer) => void {
  const framer = new H4Framer(accepted, (packet) => onPacket(Buffer.from(packet.buffer)), { limit: LONGEST });
  return (bytes) => {
    if (!framer.push(bytes)) throw new RangeError("the bytes are no H4 packets");
  };
}

/** Connects to `tcp:HOST:PORT` or `unix:PATH`. */
export async function connectHci(hci: string): Promise<Socket> {
  const [kind, ...rest] = hci.split(":");
  const socket =
    kind === "unix"
      ? connect({ path: rest.join(":") })
      : connect({ host: rest[0] ?? "", port: Number(rest[1]), noDelay: true });
  await within(
    new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    }),
    `a controller at ${hci}`,
  );
  socket.on("error", () => undefined);
  return socket;
}

/**
 * The host's side of an H4 socket, as ble-host wants its transport: emits "data" with one whole packet at a time,
 * and "close".
 */
export class H4Transport extends EventEmitter {
  private readonly socket: Socket;

  private constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.on(
      "data",
      createFramer(FROM_CONTROLLER, (packet) => this.emit("data", packet)),
    );
    socket.on("close", () => this.emit("close"));
  }

  static async open(hci: string): Promise<H4Transport> {
    return new H4Transport(await connectHci(hci));
  }

  write(packet: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(packet);
  }

  /** Closes the socket without a "close" event: ble-host takes that as a fault. */
  close(): void {
    this.removeAllListeners("close");
    this.socket.destroy();
  }
}
