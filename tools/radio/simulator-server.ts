/** The simulator in real time, over sockets: each connection is the H4 line of a controller, all in one air. */
import { createServer, type Server, type Socket } from "node:net";
import type { Cyw43Chip } from "../../simulator/chips/cyw43.ts";
import { Controller } from "../../simulator/controller/controller.ts";
import type { ControllerOptions } from "../../simulator/controller/options.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { FROM_HOST, H4Framer } from "../../simulator/h4.ts";
import { Air } from "../../simulator/link.ts";
import { Phone } from "../../simulator/phone/phone.ts";
import { PhoneSecurity } from "../../simulator/phone/security.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { ChipServer } from "./chip-server.ts";
import { holdBack } from "./hold-back.ts";
import { createRealClock } from "./real-clock.ts";

export interface SimulatorServerOptions {
  /** `tcp:HOST:PORT`, where port 0 is any free one, or `unix:PATH`; `tcp:127.0.0.1:0` by default. */
  readonly listen?: string;
  /** The same seed gives the same losses and random numbers, as far as real time lets them come in the same order. */
  readonly seed?: number;
  /** Probability that a packet is lost in the air, 0 to 1. */
  readonly loss?: number;
  /** The make of the controllers. */
  readonly controller?: Partial<ControllerOptions>;
  /** Called when a connection came, went, or was closed because its bytes made no sense. */
  readonly onChange?: (message: string) => void;
}

export class SimulatorServer {
  readonly clock = createRealClock();
  readonly air: Air;
  /** Controllers that are connected, in the order of their connections. */
  readonly controllers: Controller[] = [];
  private readonly options: SimulatorServerOptions;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly phoneControllers: Controller[] = [];
  private readonly chips: ChipServer[] = [];
  private devices = 0;

  constructor(options: SimulatorServerOptions = {}) {
    this.options = options;
    this.air = new Air(this.clock, options.seed);
    this.air.loss = options.loss ?? 0;
    this.server = createServer((socket) => this.accept(socket));
  }

  /** Begins to listen, and resolves with where: `tcp:HOST:PORT` or `unix:PATH`. */
  async listen(): Promise<string> {
    const listen = this.options.listen ?? "tcp:127.0.0.1:0";
    const [kind, ...rest] = listen.split(":");
    const target = rest.join(":");
    const split = target.lastIndexOf(":");
    if (target === "" || (kind !== "unix" && (kind !== "tcp" || split < 1))) {
      throw new RangeError(`cannot listen at ${listen}: give tcp:HOST:PORT or unix:PATH`);
    }
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      if (kind === "unix") this.server.listen(target, resolve);
      else this.server.listen(Number(target.slice(split + 1)), target.slice(0, split), resolve);
    });
    const address = this.server.address();
    if (typeof address === "string" || address === null) return `unix:${target}`;
    return `tcp:${address.address}:${address.port}`;
  }

  /** A virtual phone with a controller of its own in the same air. */
  addPhone(): Phone {
    const controller = this.createController();
    this.phoneControllers.push(controller);
    const random = new SeededRandom((this.options.seed ?? 1) * 1000 + this.devices);
    const address = random.bytes(6);
    address[0] = address[0]! | 0xc0;
    const security = new PhoneSecurity(simulatedCrypto, (length) => random.bytes(length));
    const phone = new Phone(this.clock, (packet) => controller.receive(packet), address, security);
    controller.onPacket = (packet) => setImmediate(() => phone.receive(packet));
    return phone;
  }

  /** A chip of the CYW43 family in this air, and where its camera finds it. */
  async addChip(): Promise<{ readonly chip: Cyw43Chip; readonly hci: string; readonly lines: string }> {
    const controller = this.createController();
    this.phoneControllers.push(controller);
    const server = new ChipServer(controller);
    this.chips.push(server);
    return { chip: server.chip, ...(await server.listen()) };
  }

  /** Takes the air away, closes every connection, and stops time: phones wait for ever. */
  async close(): Promise<void> {
    for (const controller of [...this.controllers, ...this.phoneControllers]) controller.die();
    for (const chip of this.chips) await chip.close();
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.clock.stop();
  }

  private createController(): Controller {
    this.devices++;
    const publicAddress = new Uint8Array([0x00, 0x1b, 0xdc, 0x00, 0x00, this.devices & 0xff]);
    return new Controller(this.air, { publicAddress, ...this.options.controller });
  }

  private accept(socket: Socket): void {
    const controller = this.createController();
    const name = `controller ${this.devices}`;
    const report = this.options.onChange ?? (() => undefined);
    this.sockets.add(socket);
    this.controllers.push(controller);
    report(`${name} connected`);
    socket.setNoDelay(true);
    controller.onPacket = (packet) => {
      if (!socket.destroyed) socket.write(packet);
    };
    const takes = holdBack(socket);
    controller.hostTakes = takes;
    const framer = new H4Framer(FROM_HOST, (packet) => controller.receive(packet));
    socket.on("data", (bytes) => {
      const isSound = framer.push(bytes);
      takes();
      if (isSound) return;
      report(`${name} lost the framing of its host's bytes, and hung up`);
      socket.destroy();
    });
    socket.on("error", (error) => report(`${name}: ${error.message}`));
    socket.on("close", () => {
      // A host that is gone takes its controller's power along: peers notice by their supervision timeout.
      controller.die();
      this.sockets.delete(socket);
      this.controllers.splice(this.controllers.indexOf(controller), 1);
      report(`${name} disconnected${violationsOf(controller)}`);
    });
  }
}

function violationsOf({ violations }: Controller): string {
  return violations.length === 0 ? "" : `; its host did wrong: ${violations.join("; ")}`;
}
