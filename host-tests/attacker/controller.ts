/**
 * A controller that a test plays: the camera's HCI line, byte by byte. It answers commands as a healthy controller
 * does, at once, unless the test takes a command into its own hands; there is no radio, no clock and no peer in it,
 * links exist because the test says so. It shares nothing with the stack or with the simulator.
 *
 *     const controller = await Controller.listen();
 *     const reset = controller.hold(op.reset); // this one is not answered
 *     …start a camera at controller.hci…
 *     await reset;
 *     controller.send("04 3e 13 01 …"); // whatever bytes
 *     controller.answer(op.reset);
 *     await controller.advertising();
 *     const phone = controller.connect();
 *     assert.equal((await phone.request("0a 03 00"))[0], 0x0b);
 */
import { createServer, type Server, type Socket } from "node:net";
import { Mailbox } from "../interop/wait.ts";
import { bytes } from "./bytes.ts";
import {
  type Command,
  commandComplete,
  commandStatus,
  type Figures,
  op,
  returnParameters,
} from "./commands.ts";
import { H4Splitter, h4 } from "./h4.ts";
import { type ConnectOptions, connectionComplete, disconnectionComplete, Link } from "./link.ts";

/** Handles that links get; 0x0EFF is the last that there is (Vol 4, Part E, 5.4.2). */
const FIRST_HANDLE = 0x40;
const LAST_HANDLE = 0x0eff;

/** Packets that the report of a failed test shows. */
const SHOWN = 60;

interface Hold {
  readonly matches: (command: Command) => boolean;
  readonly take: (command: Command) => void;
}

/** Somebody who waits until the camera advertises. */
interface Listener {
  readonly box: { close(reason: Error): void };
  hear(): void;
}

export class Controller {
  /** What the camera connects to. */
  readonly hci: string;
  /** Every command, answered or not, in order. */
  readonly commands = new Mailbox<Command>();
  /** What the camera did that no host may do: bytes that are no packets, data beyond the controller's buffers. */
  readonly violations: string[] = [];
  /** Links by their handle. */
  readonly links = new Map<number, Link>();
  /** ACL packets that the controller holds now. */
  held = 0;
  /** Whether LE Set Advertising Enable was answered last with "on". */
  isAdvertising = false;
  /** How often advertising was switched on. */
  advertisements = 0;

  private readonly server: Server;
  private readonly figures: Figures;
  private readonly holds: Hold[] = [];
  private readonly trace: string[] = [];
  private readonly listeners: Listener[] = [];
  private camera: Socket | undefined;
  /** What was said while no camera listened. */
  private waiting: Buffer[] = [];
  private nextHandle = FIRST_HANDLE - 1;

  private constructor(server: Server, hci: string, figures: Figures) {
    this.server = server;
    this.hci = hci;
    this.figures = figures;
    server.on("connection", (socket) => this.accept(socket));
  }

  /** Listens on a free port, or on a UNIX socket at this path, which holds a few hundred bytes that nobody reads. */
  static async listen(
    { buffers = 8, packetLength = 251 }: Partial<Figures> = {},
    path?: string,
  ): Promise<Controller> {
    // A socket that does not flow is read until that many bytes wait in it.
    const server = createServer({ noDelay: true, highWaterMark: path === undefined ? 65_536 : 1 });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      if (path === undefined) server.listen(0, "127.0.0.1", resolve);
      else server.listen(path, resolve);
    });
    const address = server.address();
    if (address === null) throw new Error("the controller has no address");
    const hci = typeof address === "string" ? `unix:${address}` : `tcp:127.0.0.1:${address.port}`;
    return new Controller(server, hci, { buffers, packetLength });
  }

  /** Whether the controller takes what the camera sends: one that does not holds the line's other end back. */
  set isReading(value: boolean) {
    if (value) this.camera?.resume();
    else this.camera?.pause();
  }

  /** Bytes to the camera, whatever they are: hexadecimal text with or without spaces, or bytes. */
  send(what: string | Uint8Array): void {
    const data = bytes(what);
    this.note("→", data);
    if (this.camera === undefined) this.waiting.push(data);
    else this.camera.write(data);
  }

  /**
   * Takes the next such command into the test's hands: nothing answers it but `answer` and `refuse`, if the test calls
   * them. Resolves when it has come.
   */
  async hold(opcode: number, accept: (parameters: Buffer) => boolean = () => true): Promise<Command> {
    const box = new Mailbox<Command>();
    this.holds.push({
      matches: (command) => command.opcode === opcode && accept(command.parameters),
      take: (command) => box.put(command),
    });
    return box.take(`command 0x${opcode.toString(16)}`);
  }

  /** Answers a command: with these return parameters, or as a healthy controller. */
  answer(opcode: number, parameters?: string | Uint8Array): void {
    const returned = parameters === undefined ? returnParameters(opcode, this.figures) : bytes(parameters);
    this.send(commandComplete(opcode, returned));
  }

  /** Answers with Command Status. */
  status(opcode: number, status: number): void {
    this.send(commandStatus(opcode, status));
  }

  /** Answers as a healthy controller does, with what follows from it. */
  obey(command: Command): void {
    const { opcode, parameters } = command;
    switch (opcode) {
      case op.reset:
        this.forgetEverything();
        break;
      case op.leSetAdvertisingEnable:
        this.answer(opcode);
        this.setAdvertising(parameters[0] === 1);
        return;
      case op.readRssi: {
        const known = this.links.has(parameters.readUInt16LE(0));
        this.answer(opcode, Buffer.from([known ? 0 : 0x02, ...parameters, 0xc4]));
        return;
      }
      case op.disconnect: {
        const handle = parameters.readUInt16LE(0);
        const link = this.links.get(handle);
        this.status(opcode, link === undefined ? 0x02 : 0);
        // The reason that the camera hears is "local host terminated" (Vol 1, Part F, 1.3).
        link?.end(0x16);
        return;
      }
    }
    this.answer(opcode);
  }

  /** Resolves when the camera advertises, at once when it does already. */
  async advertising(): Promise<void> {
    await this.onAir(() => undefined);
  }

  /** A central connects: LE Connection Complete, whether the camera advertises or not. */
  connect(options: ConnectOptions = {}): Link {
    const handle = options.handle ?? this.freeHandle();
    const link = new Link(this, handle, this.figures.packetLength, options);
    this.links.set(handle, link);
    this.isAdvertising = false;
    this.send(connectionComplete(handle, options));
    return link;
  }

  /**
   * A central that waits until it hears the camera, and connects. Of several that wait the first one gets it, the others
   * wait for the next time.
   */
  connectWhenHeard(options: ConnectOptions = {}): Promise<Link> {
    return this.onAir(() => this.connect(options));
  }

  /** Lets nobody wait for the camera any longer: their promises reject with `reason`. */
  sendHome(reason: Error): void {
    for (const { box } of this.listeners.splice(0)) box.close(reason);
  }

  /** For links: the peer has taken `count` packets. */
  completed(handle: number, count: number): void {
    this.held -= count;
    this.send(Buffer.from([h4.event, 0x13, 5, 1, handle & 0xff, handle >> 8, count & 0xff, count >> 8]));
  }

  /** For links: it has ended, and what the controller held for it is free (Vol 4, Part E, 4.3). */
  ended(link: Link, reason: number): void {
    if (this.links.get(link.handle) !== link) return;
    this.forget(link);
    this.send(disconnectionComplete(link.handle, reason));
  }

  /** For links: it has ended, and nobody says so. */
  forget(link: Link): void {
    if (this.links.get(link.handle) !== link) return;
    this.links.delete(link.handle);
    this.held -= link.heldPackets;
    link.close();
  }

  /** The last packets, for the report of a failed test. */
  report(): string {
    return this.trace.slice(-SHOWN).join("\n");
  }

  async close(): Promise<void> {
    this.camera?.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** The next handle that no link has: those in use do not come again soon. */
  private freeHandle(): number {
    do this.nextHandle = this.nextHandle < LAST_HANDLE ? this.nextHandle + 1 : FIRST_HANDLE;
    while (this.links.has(this.nextHandle));
    return this.nextHandle;
  }

  private forgetEverything(): void {
    this.isAdvertising = false;
    for (const link of this.links.values()) link.close();
    this.links.clear();
    this.held = 0;
  }

  private setAdvertising(isOn: boolean): void {
    this.isAdvertising = isOn;
    if (isOn) this.advertisements++;
    this.hear();
  }

  /** Calls `then` when the camera advertises; who came first is served first. */
  private async onAir<T>(then: () => T): Promise<T> {
    const box = new Mailbox<T>();
    const listener: Listener = { box, hear: () => box.put(then()) };
    this.listeners.push(listener);
    this.hear();
    try {
      return await box.take("the camera to advertise");
    } finally {
      const index = this.listeners.indexOf(listener);
      if (index >= 0) this.listeners.splice(index, 1);
    }
  }

  private hear(): void {
    while (this.isAdvertising && this.listeners.length > 0) this.listeners.shift()?.hear();
  }

  /** A camera that restarts opens its line again; the radio goes on as it was. */
  private accept(socket: Socket): void {
    this.camera?.destroy();
    this.camera = socket;
    const splitter = new H4Splitter();
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => {
      try {
        for (const packet of splitter.push(data)) this.receive(packet);
      } catch (error) {
        this.violations.push(`${error}`);
        socket.destroy();
      }
    });
    socket.on("close", () => {
      if (this.camera === socket) this.camera = undefined;
    });
    for (const data of this.waiting.splice(0)) socket.write(data);
  }

  private receive(packet: Buffer): void {
    this.note("←", packet);
    if (packet[0] === h4.command) {
      const command = { opcode: packet.readUInt16LE(1), parameters: packet.subarray(4) };
      this.commands.put(command);
      const index = this.holds.findIndex(({ matches }) => matches(command));
      if (index >= 0) this.holds.splice(index, 1)[0]?.take(command);
      else this.obey(command);
    } else if (packet[0] === h4.acl) {
      this.receiveData(packet);
    } else {
      this.violations.push(`a host sent ${packet.toString("hex")}`);
    }
  }

  private receiveData(packet: Buffer): void {
    const handle = packet.readUInt16LE(1) & 0xfff;
    const data = packet.subarray(5);
    if (data.length > this.figures.packetLength)
      this.violations.push(`${data.length} bytes of data in a packet`);
    if (++this.held > this.figures.buffers)
      this.violations.push(`${this.held} packets of ${this.figures.buffers}`);
    const link = this.links.get(handle);
    // It crossed with the link's end, which freed its buffer.
    if (link === undefined) this.held--;
    else link.receive(data, ((packet.readUInt16LE(1) >> 12) & 3) === 1);
  }

  private note(arrow: string, packet: Buffer): void {
    this.trace.push(`${arrow} ${packet.subarray(0, 48).toString("hex")}${packet.length > 48 ? "…" : ""}`);
    if (this.trace.length > 4 * SHOWN) this.trace.splice(0, 2 * SHOWN);
  }
}
