/** A modelled chip behind two sockets: its H4 line, and the lines beside it (boards/common/chip_lines.h). */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Cyw43Chip, START_BAUD } from "../../simulator/chips/cyw43.ts";
import type { Controller } from "../../simulator/controller/controller.ts";
import { holdBack } from "./hold-back.ts";

/** As `enum chip_line`. */
const LINE = { POWER: 1, WAKE: 2, READY: 3, BAUD: 4, RTS: 5, HOST_WAKE: 6 } as const;

const FRAME_SIZE = 5;
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
  private hostBaudRate = START_BAUD;
  /** The host's end of the lines. */
  private lines: Socket | undefined = undefined;

  constructor(controller: Controller) {
    this.chip = new Cyw43Chip(controller, {
      onBytes: (bytes, baudRate) => this.send(bytes, baudRate),
      onHostWake: (wanted) => this.lines?.write(frame(LINE.HOST_WAKE, wanted ? 1 : 0)),
      onReady: (isReady) => this.lines?.write(frame(LINE.READY, isReady ? 1 : 0)),
    });
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
    this.lines = socket;
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (; rest.length >= FRAME_SIZE; rest = rest.subarray(FRAME_SIZE)) {
        socket.write(frame(rest[0]!, this.obey(rest[0]!, rest.readUInt32LE(1))));
      }
    });
    socket.on("close", () => {
      if (this.lines === socket) this.lines = undefined;
      // A host that is gone takes its chip's supply along, and stops no UART.
      this.chip.power(false);
      this.chip.setHostTakes(true);
    });
  }

  private obey(line: number, value: number): number {
    if (line === LINE.POWER) this.chip.power(value !== 0);
    else if (line === LINE.WAKE) this.chip.wake(value !== 0);
    else if (line === LINE.BAUD) this.hostBaudRate = value;
    else if (line === LINE.RTS) this.chip.setHostTakes(value !== 0);
    return value;
  }

  private send(bytes: Uint8Array, baudRate: number): void {
    if (Math.abs(baudRate / this.hostBaudRate - 1) > BAUD_TOLERANCE) this.noise += bytes.length;
    else if (this.line && !this.line.destroyed) this.line.write(bytes);
  }
}

/** An answer, or what CTS or HOST_WAKE shows. */
function frame(line: number, value: number): Buffer {
  const bytes = Buffer.alloc(FRAME_SIZE);
  bytes[0] = line;
  bytes.writeUInt32LE(value, 1);
  return bytes;
}
