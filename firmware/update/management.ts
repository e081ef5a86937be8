/** The management server of a camera: its groups of commands on its slots, offered over GATT. */
import { Allowance } from "../ble/allowance.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { GattServer } from "../ble/gatt/server/server.ts";
import type { Clock, LogLevel } from "../platform/platform.ts";
import type { Access } from "./access.ts";
import { Commands } from "./commands.ts";
import { consoleGroup } from "./console-group.ts";
import type { ConsoleLines } from "./console-lines.ts";
import { GROUP } from "./errors.ts";
import { ERASE_REFILL_MS, ERASES_MAX, ImageGroup } from "./image-group.ts";
import { type CameraInfo, osGroup } from "./os-group.ts";
import { ManagementService } from "./service.ts";
import type { UpdateStore } from "./store.ts";

/** What the server is handed. */
export interface ManagementPort {
  readonly clock: Clock;
  readonly gatt: Pick<GattServer, "offer" | "updates">;
  readonly store: UpdateStore;
  readonly access: Access;
  readonly lines: ConsoleLines;
  /** Entropy. */
  random(length: number): Uint8Array;
  info(): CameraInfo;
  /** See `Host.whenCompleted`. */
  whenDelivered(connection: Connection, callback: () => void): void;
  /** A client that may manage the camera has asked for something. */
  onUse(connection: Connection): void;
  /** Ends all links, and starts the camera again. */
  reset(): void;
  log(level: LogLevel, message: string, error?: unknown): void;
}

export class Management {
  private readonly port: ManagementPort;
  private readonly service: ManagementService;
  private readonly startedAtMs: number;
  /** Made when the first client comes: a camera that nobody manages keeps nothing for it. */
  private image: ImageGroup | undefined = undefined;
  private known: Commands | undefined = undefined;

  constructor(port: ManagementPort) {
    const { access, clock, gatt, log } = port;
    this.port = port;
    this.startedAtMs = clock.now();
    this.service = new ManagementService({
      ...{ clock, gatt, access },
      commands: () => this.commands(),
      whenDelivered: (connection, callback) => port.whenDelivered(connection, callback),
      onUse: (connection) => port.onUse(connection),
      onEnd: (client) => this.image?.forget(client),
      log: (level, message) => log(level, message),
    });
  }

  private commands(): Commands {
    if (this.known) return this.known;
    const { port, startedAtMs } = this;
    const { clock, lines, log, store } = port;
    const image = new ImageGroup({
      ...{ store, clock, erases: new Allowance(clock, ERASES_MAX, ERASE_REFILL_MS) },
      random: (length) => port.random(length),
      log: (level, message) => log(level, message),
    });
    const os = osGroup({
      ...{ clock, startedAtMs },
      info: () => port.info(),
      busy: (client) => image.busyFor(client),
      reset: () => port.reset(),
      log: (message) => log("info", message),
    });
    const groups = {
      [GROUP.OS]: os,
      [GROUP.IMAGE]: image.commands,
      [GROUP.CONSOLE]: consoleGroup(store, lines),
    };
    this.image = image;
    this.known = new Commands(groups, (error) => log("error", "update: a command failed", error));
    return this.known;
  }

  /** A link has ended. */
  ended(connection: Connection): void {
    this.service.ended(connection);
  }
}
