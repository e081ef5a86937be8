/** A modelled chip behind two sockets: its H4 line, and the lines beside it (boards/common/chip_lines.h). */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Cyw43Chip } from "../../simulator/chips/cyw43.ts";
import type { Controller } from "../../simulator/controller/controller.ts";
import { holdBack } from "./hold-back.ts";

/** As `enum chip_line`. */
const LINE = { POWER: 1, WAKE: 2, READY: 3, BAUD: 4 } as const;

const REQUEST_SIZE = 5;
const BAUD_TOLERANCE = 0.025;

export class ChipServer {
  readonly chip: Cyw43Chip;
  /** Bytes from the chip that were noise at the host's rate. */
  noise = 0;
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  /** The host's end of the H4 line, while it is open. */
  private line: Socket | undefined = undefined;
  private takes: () => boolean = () => true;
  private hostBaudRate = 115_200;

  constructor(controller: Controller) {
    this.chip = new Cyw43Chip(controller, { onBytes: (bytes, baudRate) => this.send(bytes, baudRate) });
    controller.hostTakes = () => this.takes();
  }

  /** Begins to listen on two free ports. */
  async listen(): Promise<{ readonly hci: string; readonly lines: string }> {
    const hci = await this.serve((socket) => this.acceptLine(socket));
    const lines = await this.serve((socket) => this.acceptLines(socket));
    return { hci, lines };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private async serve(accept: (socket: Socket) => void): Promise<string> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.sockets.delete(socket));
      accept(socket);
    });
    this.servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the chip has no port");
    return `tcp:127.0.0.1:${address.port}`;
  }

  private acceptLine(socket: Socket): void {
    this.line = socket;
    const takes = holdBack(socket);
    this.takes = takes;
    socket.on("data", (bytes) => {
      this.chip.receive(bytes, this.hostBaudRate);
      takes();
    });
    socket.on("close", () => {
      if (this.line !== socket) return;
      this.line = undefined;
      this.takes = () => true;
    });
  }

  private acceptLines(socket: Socket): void {
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (; rest.length >= REQUEST_SIZE; rest = rest.subarray(REQUEST_SIZE)) {
        const answer = Buffer.alloc(4);
        answer.writeUInt32LE(this.obey(rest[0]!, rest.readUInt32LE(1)));
        socket.write(answer);
      }
    });
    // A host that is gone takes its chip's supply along.
    socket.on("close", () => this.chip.power(false));
  }

  private obey(line: number, value: number): number {
    if (line === LINE.POWER) this.chip.power(value !== 0);
    else if (line === LINE.WAKE) this.chip.wake(value !== 0);
    else if (line === LINE.BAUD) this.hostBaudRate = value;
    else if (line === LINE.READY) return this.chip.isReady() ? 1 : 0;
    return value;
  }

  private send(bytes: Uint8Array, baudRate: number): void {
    if (Math.abs(baudRate / this.hostBaudRate - 1) > BAUD_TOLERANCE) this.noise += bytes.length;
    else if (this.line && !this.line.destroyed) this.line.write(bytes);
  }
}
