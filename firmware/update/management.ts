/** The management server of a camera: its groups of commands on its slots, offered over GATT. */
import { Allowance } from "../ble/allowance.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { textOf } from "../ble/text.ts";
import type { LogLevel } from "../platform/platform.ts";
import { Commands } from "./commands.ts";
import { consoleGroup } from "./console-group.ts";
import type { ConsoleLines } from "./console-lines.ts";
import { GROUP } from "./errors.ts";
import { ImageGroup, SLOT_CHANGE_REFILL_MS, SLOT_CHANGES_MAX } from "./image-group.ts";
import { type CameraInfo, osGroup } from "./os-group.ts";
import { ManagementService, type ServicePort } from "./service.ts";
import type { UpdateStore } from "./store.ts";

/** What the server is handed. */
export interface ManagementPort
  extends Pick<ServicePort, "access" | "claim" | "clock" | "gatt" | "onUse" | "whenDelivered"> {
  /** Asked for when the first client comes. */
  readonly store: UpdateStore;
  readonly lines: ConsoleLines;
  /** Entropy. */
  random(length: number): Uint8Array;
  info(): CameraInfo;
  /** Ends all links, and starts the camera again. */
  reset(): void;
  log(level: LogLevel, message: string, error?: unknown): void;
}

/** It is its service's port too: another object for that, with closures, would lie on the heap of every camera. */
export class Management implements ServicePort {
  private readonly port: ManagementPort;
  private readonly service: ManagementService;
  private readonly startedAtMs: number;
  /** Made when the first client comes: a camera that nobody manages keeps nothing for it. */
  private image: ImageGroup | undefined = undefined;
  private known: Commands | undefined = undefined;

  constructor(port: ManagementPort) {
    this.port = port;
    this.startedAtMs = port.clock.now();
    this.service = new ManagementService(this);
  }

  get access(): ServicePort["access"] {
    return this.port.access;
  }

  get clock(): ServicePort["clock"] {
    return this.port.clock;
  }

  get gatt(): ServicePort["gatt"] {
    return this.port.gatt;
  }

  whenDelivered(connection: Connection, callback: () => void): void {
    this.port.whenDelivered(connection, callback);
  }

  claim(connection: Connection): boolean {
    return this.port.claim(connection);
  }

  onUse(connection: Connection): void {
    this.port.onUse(connection);
  }

  onEnd(client: object): void {
    this.image?.forget(client);
  }

  log(level: LogLevel, message: string): void {
    this.port.log(level, message);
  }

  commands(): Commands {
    if (this.known) return this.known;
    const { port, startedAtMs } = this;
    const { clock, lines, store } = port;
    const image = new ImageGroup({
      ...{ store, clock, changes: new Allowance(clock, SLOT_CHANGES_MAX, SLOT_CHANGE_REFILL_MS) },
      random: (length) => port.random(length),
      log: (level, message) => port.log(level, message),
    });
    const os = osGroup({
      ...{ clock, startedAtMs },
      info: () => port.info(),
      busy: (client) => image.busyFor(client),
      reset: () => port.reset(),
      log: (message) => port.log("info", message),
    });
    const groups = {
      [GROUP.OS]: os,
      [GROUP.IMAGE]: image.commands,
      [GROUP.CONSOLE]: consoleGroup(store, lines, () => this.service.droppedFrames),
    };
    this.image = image;
    this.known = new Commands(groups, (error) =>
      port.log("error", `update: a command failed: ${textOf(error)}`, error),
    );
    return this.known;
  }

  /** A link has ended. */
  ended(connection: Connection): void {
    this.service.ended(connection);
  }
}
