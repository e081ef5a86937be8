/**
 * Stands between a camera and its controller: hands packets through, records them, falls silent, lies.
 * The camera's socket stays open whatever the controller behind it does, as a UART would.
 */
import { createServer, type Server, type Socket } from "node:net";
import { FROM_CONTROLLER, FROM_HOST } from "../../simulator/h4.ts";
import { BtsnoopWriter } from "./btsnoop.ts";
import { connectHci, createFramer } from "./h4.ts";
import { Mailbox } from "./wait.ts";

/** HCI_Reset (Vol 4, Part E, 7.3.2) with its H4 type byte. */
const resetCommand = Buffer.from("01030c00", "hex");

export class HciProxy {
  /** What the camera connects to. */
  readonly hci: string;
  /** Every HCI Reset of the camera, whether the controller gets it or not. */
  readonly resets = new Mailbox<void>();
  /** Whole packets from the camera so far. */
  packetsFromCamera = 0;

  private readonly server: Server;
  private readonly controllerHci: string;
  private readonly snoop: BtsnoopWriter | undefined;
  private camera: Socket | undefined;
  private controller: Socket | undefined;
  private isMute = false;

  private constructor(server: Server, hci: string, controllerHci: string, snoop: BtsnoopWriter | undefined) {
    this.server = server;
    this.hci = hci;
    this.controllerHci = controllerHci;
    this.snoop = snoop;
    server.on("connection", (socket) => this.acceptCamera(socket));
  }

  /** Opens a proxy on a free port, in front of the controller at `controllerHci`. */
  static async open(controllerHci: string, snoopPath?: string): Promise<HciProxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    const snoop = snoopPath === undefined ? undefined : new BtsnoopWriter(snoopPath);
    return new HciProxy(server, `tcp:127.0.0.1:${address.port}`, controllerHci, snoop);
  }

  /** From now on the controller takes everything and says nothing; its radio falls silent too. */
  mute(): void {
    this.isMute = true;
    this.controller?.destroy();
    this.controller = undefined;
  }

  /** A fresh controller answers from now on. */
  async unmute(): Promise<void> {
    this.isMute = false;
    await this.attachController();
  }

  /** Bytes to the camera, as if the controller had sent them. */
  inject(bytes: Uint8Array): void {
    this.camera?.write(bytes);
  }

  async close(): Promise<void> {
    this.camera?.destroy();
    this.controller?.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private acceptCamera(socket: Socket): void {
    this.camera?.destroy();
    this.camera = socket;
    socket.on("error", () => undefined);
    // A camera may speak before its controller is connected; nothing of that may be lost.
    const attached = this.isMute ? Promise.resolve() : this.attachController();
    const cut = createFramer(FROM_HOST, (packet) => {
      this.packetsFromCamera++;
      this.snoop?.write(packet, "sent");
      if (packet.equals(resetCommand)) this.resets.put();
      void attached.then(() => this.controller?.write(packet));
    });
    socket.on("data", cut);
    socket.on("close", () => {
      if (this.camera !== socket) return;
      this.controller?.destroy();
      this.controller = undefined;
      this.camera = undefined;
    });
  }

  private async attachController(): Promise<void> {
    this.controller?.destroy();
    const controller = await connectHci(this.controllerHci);
    this.controller = controller;
    const cut = createFramer(FROM_CONTROLLER, (packet) => {
      this.snoop?.write(packet, "received");
      this.camera?.write(packet);
    });
    controller.on("data", (bytes: Buffer) => {
      if (this.controller === controller) cut(bytes);
    });
  }
}
