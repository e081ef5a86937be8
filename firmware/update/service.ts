/** The management service on GATT: frames in Write Commands, answers in notifications. */
import type { Connection } from "../ble/gap/connection.ts";
import type { Attribute } from "../ble/gatt/server/database.ts";
import type { GattServer } from "../ble/gatt/server/server.ts";
import { PROPERTY } from "../ble/gatt/types.ts";
import { UUID } from "../ble/uuid.ts";
import type { Clock, LogLevel } from "../platform/platform.ts";
import { type Access, refusalOf, requirementsOf } from "./access.ts";
import type { Commands } from "./commands.ts";
import type { CommandError } from "./errors.ts";
import { ManagementSession } from "./session.ts";

/** Made when the image is: at start nothing is left to do. */
export const SERVICE_UUID = new UUID("8d53dc1d-1db7-4cd3-868b-8a527460aa84");
export const CHARACTERISTIC_UUID = new UUID("da2e7828-fbce-4e01-ae9e-261174997c48");

/** Bytes of one write or notification: a whole attribute value. */
const FRAGMENT_MAX = 512;

/** Bytes of a notification before its value: opcode and handle (Vol 3, Part F, 3.4.7.1). */
const NOTIFICATION_HEADER = 3;

/** What the service is handed. */
export interface ServicePort {
  readonly clock: Clock;
  readonly gatt: Pick<GattServer, "offer" | "updates">;
  /** Asked for when the first client comes. */
  commands(): Commands;
  readonly access: Access;
  /** See `Host.whenCompleted`. */
  whenDelivered(connection: Connection, callback: () => void): void;
  /** A client that may not has asked for something. Returns whether that has made it one that may: see `claimWindow` of the SMP. */
  claim(connection: Connection): boolean;
  /** A client that may manage the camera has asked for something. */
  onUse(connection: Connection): void;
  /** What was asked for in this session has no owner any more. */
  onEnd(client: object): void;
  log(level: LogLevel, message: string): void;
}

export class ManagementService {
  private readonly port: ServicePort;
  private readonly sessions = new Map<Connection, ManagementSession>();
  private attribute!: Attribute;
  /** Incomplete frames of all clients that were dropped, since the start. */
  droppedFrames = 0;

  /** Offers the service. */
  constructor(port: ServicePort) {
    this.port = port;
    const requirements = requirementsOf(port.access);
    const definition = {
      uuid: SERVICE_UUID,
      characteristics: [
        {
          uuid: CHARACTERISTIC_UUID,
          properties: PROPERTY.WRITE_WITHOUT_RESPONSE | PROPERTY.NOTIFY,
          value: new Uint8Array(0),
          maxLength: FRAGMENT_MAX,
          hooks: {
            onWritten: (client: unknown, value: Uint8Array) => this.written(client as Connection, value),
          },
          ...(requirements ? { requirements } : {}),
        },
      ],
    };
    port.gatt.offer(definition, ([attribute]) => {
      this.attribute = attribute!;
    });
  }

  /** A link has ended. */
  ended(connection: Connection): void {
    const session = this.sessions.get(connection);
    if (!session) return;
    this.sessions.delete(connection);
    session.end();
    this.port.onEnd(session);
  }

  private written(connection: Connection, value: Uint8Array): void {
    const session = this.sessions.get(connection) ?? this.open(connection);
    // What a client wrote is nobody else's to see.
    this.attribute.value = new Uint8Array(0);
    session.receive(value);
  }

  private open(connection: Connection): ManagementSession {
    const { port } = this;
    const { access, clock, gatt } = port;
    const { account } = connection.server;
    let hasRefused = false;
    let hasDropped = false;
    const session = new ManagementSession({
      clock,
      commands: port.commands(),
      refusal: (): CommandError | undefined => {
        let error = refusalOf(access, connection);
        if (error && port.claim(connection)) error = refusalOf(access, connection);
        if (!error) port.onUse(connection);
        else if (!hasRefused) {
          hasRefused = true;
          port.log(
            "warning",
            `update: link ${connection.handle} may not manage this camera: ${error.message}`,
          );
        }
        return error;
      },
      reserve: (bytes) => account.take(bytes),
      release: (bytes) => account.give(bytes),
      fragmentLength: () => Math.min(FRAGMENT_MAX, connection.bearer.mtu - NOTIFICATION_HEADER),
      send: (fragment) => {
        if (!connection.isConnected) return "gone";
        const outcome = gatt.updates.notify(connection.server, this.attribute, fragment);
        if (outcome === "full") return "full";
        return outcome === "unsubscribed" ? "gone" : "sent";
      },
      onDropped: () => {
        this.droppedFrames++;
        if (hasDropped) return;
        hasDropped = true;
        port.log("warning", `update: dropped an incomplete request of link ${connection.handle}`);
      },
      whenDelivered: (callback) => port.whenDelivered(connection, callback),
    });
    this.sessions.set(connection, session);
    return session;
  }
}
