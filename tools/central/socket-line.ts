/** The H4 line to a controller at a socket, for a host that runs in this process. */
import { connect, type Socket } from "node:net";
import type { HciReceiver, HciTransport } from "../../firmware/platform/platform.ts";
import { FROM_CONTROLLER, H4Framer } from "../../simulator/h4.ts";
import { gatherPacket } from "../../simulator/line.ts";
import { parseHci } from "../camera/command.ts";

/** Bytes that may wait for the controller. */
const QUEUE_BYTES = 64 * 1024;

export class SocketLine implements HciTransport {
  private readonly hci: string;
  private readonly onGone: () => void;
  private socket: Socket | undefined = undefined;

  /**
   * @param hci `tcp:HOST:PORT` or `unix:PATH`
   * @param onGone called when the other side has closed, before the receiver learns of it
   */
  constructor(hci: string, onGone: () => void = () => undefined) {
    this.hci = hci;
    this.onGone = onGone;
  }

  /** A connection of its own for each session: behind a socket, that is a controller that knows of nothing before. */
  open(receiver: HciReceiver): void {
    this.close();
    const target = parseHci(this.hci);
    const socket = connect(target.kind === "tcp" ? { ...target, noDelay: true } : target);
    this.socket = socket;
    const framer = new H4Framer(FROM_CONTROLLER, (packet) => {
      // A receiver may keep what it is handed, and the bytes here are the socket's.
      const own = packet.slice();
      receiver.onPacket(new DataView(own.buffer, own.byteOffset, own.length));
    });
    socket.on("data", (bytes) => {
      if (this.socket === socket && !framer.push(bytes)) receiver.onFailure("framing");
    });
    socket.on("drain", () => {
      if (this.socket === socket) receiver.onWritable();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.socket !== socket) return;
      this.onGone();
      receiver.onFailure("gone");
    });
  }

  write(
    header: Uint8Array,
    headerLength: number,
    payload = new Uint8Array(0),
    start = 0,
    end = payload.length,
  ) {
    const { socket } = this;
    if (!socket || socket.destroyed || socket.writableLength > QUEUE_BYTES) return false;
    socket.write(gatherPacket(header, headerLength, payload, start, end));
    return true;
  }

  gather = gatherPacket;

  close(): void {
    const { socket } = this;
    this.socket = undefined;
    socket?.destroy();
  }
}
