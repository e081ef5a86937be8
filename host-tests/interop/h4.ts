/** HCI packets on a byte stream: the UART transport layer, "H4" (Vol 4, Part A, 2), for the peers of the rig. */
import { EventEmitter } from "node:events";
import { connect, type Socket } from "node:net";
import { within } from "./wait.ts";

/** H4 packet types. */
export const h4 = { command: 1, acl: 2, event: 4 } as const;

/** Position of the length field after the type byte, and its size in bytes. */
const lengthFields: Record<number, { header: number; at: number; size: 1 | 2 } | undefined> = {
  [h4.command]: { header: 3, at: 2, size: 1 },
  [h4.acl]: { header: 4, at: 2, size: 2 },
  [h4.event]: { header: 2, at: 1, size: 1 },
};

/** Cuts a stream into whole packets, type byte included, however finely it was chopped. */
export class H4Splitter {
  private pending = Buffer.alloc(0);

  /** @throws RangeError when a byte that is no packet type stands where a packet must begin. */
  push(bytes: Buffer): Buffer[] {
    this.pending = Buffer.concat([this.pending, bytes]);
    const packets: Buffer[] = [];
    for (;;) {
      const type = this.pending[0];
      if (type === undefined) return packets;
      const field = lengthFields[type];
      if (field === undefined) throw new RangeError(`0x${type.toString(16)} is not an H4 packet type`);
      if (this.pending.length < 1 + field.header) return packets;
      const total = 1 + field.header + this.pending.readUIntLE(1 + field.at, field.size);
      if (this.pending.length < total) return packets;
      packets.push(this.pending.subarray(0, total));
      this.pending = this.pending.subarray(total);
    }
  }
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
    const splitter = new H4Splitter();
    socket.on("data", (bytes: Buffer) => {
      for (const packet of splitter.push(bytes)) this.emit("data", packet);
    });
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
