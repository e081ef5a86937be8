/** What the parts of the server share: the database, who is notified, and the counters. */
import type { Clock, LogLevel } from "../../../platform/platform.ts";
import { textOf } from "../../text.ts";
import { TYPE } from "../types.ts";
import type { ClientMemory } from "./client-state.ts";
import { type Attribute, Database } from "./database.ts";
import type { ServerSession } from "./session.ts";

/** Called with everything that clients do with the application's values and descriptors, whoever registered them. */
export interface GattWatcher {
  /**
   * Before a client reads from offset 0: an ATT error code refuses, 0 leaves it to the attribute's own hook. Undefined is no
   * answer, which refuses what demands authorization, and counts as 0 elsewhere.
   */
  onRead(client: unknown, attribute: Attribute): number | undefined;
  /** After a client's write was stored. */
  onWritten(client: unknown, attribute: Attribute): void;
  /** An indication has been confirmed, or the link ended before. */
  onIndicated(client: unknown, attribute: Attribute, confirmed: boolean): void;
}

/** Keeps sessions of bonded clients from link to link. */
export interface SessionKeeper {
  /**
   * The client's link is encrypted with its bond's key: from now on the session is that bond's. What the client has written
   * on this link already counts more than what is recalled. Returns the values whose subscriptions hold again.
   */
  recall(session: ServerSession, memory: ClientMemory): readonly Attribute[];
  /** Lets subscriptions hold again whose characteristic is in the database now. Returns the values. */
  revive(session: ServerSession): readonly Attribute[];
  /** The subscription to this value of the former database does not hold in the one that took its place. */
  suspend(session: ServerSession, former: Database, handle: number, configuration: number): void;
  /** Keeps what is known of the client, where its session is a bond's. False when it cannot be kept. */
  save(session: ServerSession, isUrgent: boolean): boolean;
  /**
   * Keeps the subscription that a client asks for, before it is answered. False when it cannot be kept, so that it has to be
   * refused; it does not hold yet.
   */
  keepSubscription(session: ServerSession, handle: number, configuration: number): boolean;
  /** The session ends, or nothing more can be sent in it: what is known of the client is kept as it is. */
  part(session: ServerSession): void;
}

/** What the server is handed for itself. */
export interface ServerPort {
  readonly clock: Clock;
  /** A client has subscribed to something, or has ended that. */
  onSubscriptions?(): void;
  log(level: LogLevel, message: string, error?: unknown): void;
}

export class ServerContext {
  database = new Database();
  /** Costs nothing while there is none. */
  watcher: GattWatcher | undefined = undefined;
  /** Where the image has the feature `security`; without it all clients are anonymous. */
  keeper: SessionKeeper | undefined = undefined;
  readonly port: ServerPort;
  /** Of the database as it is (Vol 3, Part G, 7.3). */
  databaseHash: () => Uint8Array = () => new Uint8Array(16);
  /** Handles up to here belong to the mandatory services. */
  lastGenericHandle = 0;
  /** Handles above it belong to services of the firmware itself. */
  lastApplicationHandle = 0;
  /** Write commands that were dropped: too long, not allowed, or for no attribute (Vol 3, Part F, 3.4.5.3). */
  droppedCommands = 0;
  /** Requests that came before their predecessor's answer (Vol 3, Part F, 3.3.2). */
  droppedRequests = 0;
  /** Whether the log has said that a client asks more than the application answers. */
  hasWarnedOfQuestions = false;

  constructor(port: ServerPort) {
    this.port = port;
  }

  log(level: LogLevel, message: string): void {
    this.port.log(level, message);
  }

  /** Whether this is a value or descriptor of the application: no declaration, no CCCD, nothing of the firmware's own services. */
  isOfApplication({ handle, type, configures }: Attribute): boolean {
    const isTheirs = handle > this.lastGenericHandle && handle <= this.lastApplicationHandle;
    return isTheirs && !configures && (type.short & ~3) !== TYPE.PRIMARY_SERVICE;
  }

  /** The watcher of this attribute, if there is one. */
  watcherOf(attribute: Attribute): GattWatcher | undefined {
    return this.watcher && this.isOfApplication(attribute) ? this.watcher : undefined;
  }

  /** A peer has configured the value otherwise than before. */
  reportSubscription(peer: unknown, attribute: Attribute, configuration: number): void {
    this.port.onSubscriptions?.();
    try {
      attribute.hooks?.onSubscribe?.(peer, configuration);
    } catch (error) {
      this.blame(attribute, error);
    }
  }

  /** Notes what the application threw or answered: nothing that it does in a hook may end the stack. */
  blame(attribute: Attribute, error: unknown): void {
    const message = `gatt: the application's handler for ${attribute.type} failed: ${textOf(error)}`;
    this.port.log("error", message, error);
  }
}
