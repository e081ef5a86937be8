/** The GATT server: reads, writes and subscriptions of every client (Vol 3, Part G, 4; Vol 3, Part F, 3.4). */

import type { LogLevel } from "../../platform/platform.ts";
import type { AttBearer } from "../att/bearer.ts";
import { ATT_ERROR } from "../att/errors.ts";
import {
  readBlobRequest,
  readBlobResponse,
  readRequest,
  readResponse,
  writeCommand,
  writeRequest,
  writeResponse,
} from "../att/pdus.ts";
import { copyBytes } from "../codec.ts";
import { UUID } from "../uuid.ts";
import { type Attribute, CCCD, Database, PROPERTY, type ServiceDefinition } from "./database.ts";
import { Discovery } from "./discovery.ts";

/** Generic Access (Vol 3, Part C, 12) and Generic Attribute (Vol 3, Part G, 7). */
const GENERIC_ACCESS = 0x1800;
const DEVICE_NAME = 0x2a00;
const APPEARANCE = 0x2a01;
const GENERIC_ATTRIBUTE = 0x1801;
const SERVICE_CHANGED = 0x2a05;

/** A client of this server: one per link. */
export class RemoteClient {
  readonly bearer: AttBearer;
  /** What the host knows this client by; handed to hooks. */
  readonly owner: unknown;
  /** CCCD values that are not zero, by the handle of the characteristic's value. */
  readonly configurations = new Map<number, number>();
  /** Last handle of a change that came while Service Changed for an earlier one waits for its confirmation; else 0. */
  changedSince = 0;

  constructor(bearer: AttBearer, owner: unknown) {
    this.bearer = bearer;
    this.owner = owner;
  }
}

/** What became of a notification: on its way to the peer, waiting for the controller, not asked for, or no room. */
export type NotifyOutcome = "sent" | "queued" | "unsubscribed" | "full";

/** What the server is handed. */
export interface GattServerPort {
  log(level: LogLevel, message: string): void;
}

export class GattServer {
  readonly clients = new Set<RemoteClient>();
  /** Write commands that were dropped: too long, not allowed, or for no attribute (Vol 3, Part F, 3.4.5.3). */
  droppedCommands = 0;
  /** Notifications that a client missed because its queue was full. */
  droppedNotifications = 0;
  private readonly port: GattServerPort;
  private database = new Database();
  private discovery: Discovery;
  private deviceName: Uint8Array = new Uint8Array(0);
  private appearance: Uint8Array = new Uint8Array(2);
  private nameAttribute: Attribute | undefined;
  private appearanceAttribute: Attribute | undefined;
  private serviceChanged: Attribute | undefined;

  constructor(port: GattServerPort) {
    this.port = port;
    this.discovery = this.rebuild([]).discovery;
  }

  /**
   * Replaces the database by the mandatory services and these; returns the attributes of the characteristics' values,
   * service by service. Subscriptions to the old database end, and clients that asked for it are sent Service Changed.
   * @throws RangeError when the database has no room for all of them.
   */
  register(services: readonly ServiceDefinition[]): Attribute[][] {
    const lastBefore = this.database.lastHandle;
    const { discovery, values } = this.rebuild(services);
    this.discovery = discovery;
    this.announceChange(Math.max(lastBefore, this.database.lastHandle));
    return values;
  }

  private rebuild(services: readonly ServiceDefinition[]) {
    const database = new Database();
    const [name, appearance] = database.add({
      uuid: new UUID(GENERIC_ACCESS),
      characteristics: [
        { uuid: new UUID(DEVICE_NAME), properties: PROPERTY.READ, value: this.deviceName, maxLength: 0 },
        { uuid: new UUID(APPEARANCE), properties: PROPERTY.READ, value: this.appearance, maxLength: 0 },
      ],
    });
    const [serviceChanged] = database.add({
      uuid: new UUID(GENERIC_ATTRIBUTE),
      characteristics: [
        {
          uuid: new UUID(SERVICE_CHANGED),
          properties: PROPERTY.INDICATE,
          value: new Uint8Array(4),
          maxLength: 0,
        },
      ],
    });
    const values = services.map((service) => database.add(service));
    this.database = database;
    this.nameAttribute = name;
    this.appearanceAttribute = appearance;
    this.serviceChanged = serviceChanged;
    return {
      values,
      discovery: new Discovery(database, (client, attribute) => this.readFor(client, attribute)),
    };
  }

  /** Vol 3, Part G, 7.1: the affected range is everything, since every handle may have moved. */
  private announceChange(lastHandle: number): void {
    const changed = this.serviceChanged!;
    for (const client of this.clients) {
      const wanted = client.configurations.get(changed.handle);
      client.configurations.clear();
      if (wanted === undefined) continue;
      client.configurations.set(changed.handle, wanted);
      this.indicateChange(client, changed.handle, lastHandle);
    }
  }

  private indicateChange(client: RemoteClient, handle: number, lastHandle: number): void {
    if (client.bearer.indicating) {
      client.changedSince = Math.max(client.changedSince, lastHandle);
      return;
    }
    const range = new Uint8Array([0x01, 0x00, lastHandle & 0xff, lastHandle >> 8]);
    client.bearer.indicate(handle, range, (confirmed) => {
      const since = client.changedSince;
      client.changedSince = 0;
      if (confirmed && since > 0) this.indicateChange(client, handle, since);
    });
  }

  /** The Device Name characteristic, UTF-8 bytes (Vol 3, Part C, 12.1). */
  setDeviceName(name: Uint8Array): void {
    this.deviceName = name;
    this.nameAttribute!.value = name;
  }

  /** The Appearance characteristic (Vol 3, Part C, 12.2). */
  setAppearance(appearance: number): void {
    this.appearance = new Uint8Array([appearance & 0xff, appearance >> 8]);
    this.appearanceAttribute!.value = this.appearance;
  }

  /** A link came up. */
  open(bearer: AttBearer, owner: unknown): RemoteClient {
    const client = new RemoteClient(bearer, owner);
    this.clients.add(client);
    return client;
  }

  /** A link is gone: its subscriptions are forgotten. */
  close(client: RemoteClient): void {
    this.clients.delete(client);
    client.configurations.clear();
  }

  /** Serves one request or command; the range starts after the opcode. */
  serve(client: RemoteClient, opcode: number, view: DataView, start: number, length: number): void {
    if (opcode === writeRequest.opcode) this.writeRequested(client, view, start, length);
    else if (opcode === writeCommand.opcode) this.writeCommanded(client, view, start, length);
    else if (opcode === readRequest.opcode) this.readRequested(client, view, start, length);
    else if (opcode === readBlobRequest.opcode) this.readBlobRequested(client, view, start, length);
    else this.discovery.serve(client, opcode, view, start, length);
  }

  /** 3.4.4.3 */
  private readRequested(client: RemoteClient, view: DataView, start: number, length: number): void {
    if (length !== 2) return client.bearer.refuse(readRequest.opcode, 0, ATT_ERROR.INVALID_PDU);
    this.answerRead(client, readRequest.opcode, readResponse.opcode, view.getUint16(start, true), 0);
  }

  /** 3.4.4.5 */
  private readBlobRequested(client: RemoteClient, view: DataView, start: number, length: number): void {
    if (length !== 4) return client.bearer.refuse(readBlobRequest.opcode, 0, ATT_ERROR.INVALID_PDU);
    const handle = view.getUint16(start, true);
    const offset = view.getUint16(start + 2, true);
    this.answerRead(client, readBlobRequest.opcode, readBlobResponse.opcode, handle, offset);
  }

  private answerRead(
    client: RemoteClient,
    opcode: number,
    response: number,
    handle: number,
    offset: number,
  ): void {
    const bearer = client.bearer;
    const attribute = this.database.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    const value = offset === 0 ? this.readFor(client, attribute) : this.valueFor(client, attribute);
    if (typeof value === "number") return bearer.refuse(opcode, handle, value);
    if (offset > value.length) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_OFFSET);
    bearer.respondWithValue(response, value, offset, Math.min(value.length, offset + bearer.mtu - 1));
  }

  /** A read from the start of the value, which the application may refuse. */
  private readFor(client: RemoteClient, attribute: Attribute): Uint8Array | number {
    return this.ask(client, attribute) || this.valueFor(client, attribute);
  }

  /** The application's word on a read; an exception in it refuses the read and is reported. */
  private ask(client: RemoteClient, attribute: Attribute): number {
    const onRead = attribute.hooks?.onRead;
    if (!onRead || !attribute.readable) return 0;
    try {
      return onRead(client.owner) ?? 0;
    } catch (error) {
      this.port.log("error", `gatt: onRead of ${attribute.type} failed: ${error}`);
      return ATT_ERROR.UNLIKELY_ERROR;
    }
  }

  /** The value as this client sees it, or why it may not. */
  private valueFor(client: RemoteClient, attribute: Attribute): Uint8Array | number {
    if (!attribute.readable) return ATT_ERROR.READ_NOT_PERMITTED;
    if (attribute.configures) {
      const configuration = client.configurations.get(attribute.configures.handle) ?? 0;
      return new Uint8Array([configuration & 0xff, configuration >> 8]);
    }
    return attribute.value;
  }

  /** 3.4.5.1 */
  private writeRequested(client: RemoteClient, view: DataView, start: number, length: number): void {
    const bearer = client.bearer;
    if (length < 2) return bearer.refuse(writeRequest.opcode, 0, ATT_ERROR.INVALID_PDU);
    const handle = view.getUint16(start, true);
    const attribute = this.database.at(handle);
    const error = !attribute
      ? ATT_ERROR.INVALID_HANDLE
      : !attribute.writable
        ? ATT_ERROR.WRITE_NOT_PERMITTED
        : length - 2 > attribute.maxLength
          ? ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH
          : 0;
    if (error) return bearer.refuse(writeRequest.opcode, handle, error);
    if (attribute!.configures) return this.configure(client, attribute!, view, start + 2, length - 2);
    attribute!.value = copyBytes(view, start + 2, length - 2);
    bearer.respondEmpty(writeResponse.opcode);
    this.written(client, attribute!);
  }

  /** 3.4.5.3: never answered, whatever is wrong with it. */
  private writeCommanded(client: RemoteClient, view: DataView, start: number, length: number): void {
    const attribute = length < 2 ? undefined : this.database.at(view.getUint16(start, true));
    if (!attribute?.writableWithoutResponse || length - 2 > attribute.maxLength) {
      this.droppedCommands++;
      return;
    }
    attribute.value = copyBytes(view, start + 2, length - 2);
    this.written(client, attribute);
  }

  private written(client: RemoteClient, attribute: Attribute): void {
    this.tell(attribute, "onWritten", () => attribute.hooks?.onWritten?.(client.owner));
  }

  /** A write to a CCCD (Vol 3, Part G, 3.3.3.3). The response goes out before anything that it enables. */
  private configure(
    client: RemoteClient,
    cccd: Attribute,
    view: DataView,
    start: number,
    length: number,
  ): void {
    const bearer = client.bearer;
    if (length !== 2)
      return bearer.refuse(writeRequest.opcode, cccd.handle, ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
    const configuration = view.getUint16(start, true);
    if ((configuration & ~cccd.allowedConfiguration) !== 0) {
      return bearer.refuse(writeRequest.opcode, cccd.handle, ATT_ERROR.CCCD_IMPROPERLY_CONFIGURED);
    }
    const target = cccd.configures!;
    const before = client.configurations.get(target.handle) ?? 0;
    if (configuration === 0) client.configurations.delete(target.handle);
    else client.configurations.set(target.handle, configuration);
    bearer.respondEmpty(writeResponse.opcode);
    if (configuration !== before) {
      this.tell(target, "onSubscribe", () => target.hooks?.onSubscribe?.(client.owner, configuration));
    }
  }

  /** What an application does in a hook must never end the stack. */
  private tell(attribute: Attribute, name: string, hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.port.log("error", `gatt: ${name} of ${attribute.type} failed: ${error}`);
    }
  }

  /** Whether this client asked to be notified of the value. */
  isSubscribed(client: RemoteClient, attribute: Attribute): boolean {
    return ((client.configurations.get(attribute.handle) ?? 0) & CCCD.NOTIFY) !== 0;
  }

  /** Notifies one client if it subscribed. The value is taken over by the call. */
  notify(client: RemoteClient, attribute: Attribute, value: Uint8Array): NotifyOutcome {
    if (!this.isSubscribed(client, attribute)) return "unsubscribed";
    if (!client.bearer.canQueue) return "full";
    return client.bearer.notify(attribute.handle, value) ? "sent" : "queued";
  }

  /** Notifies every client that subscribed of the current value. One whose queue is full misses it, and is counted. */
  notifySubscribers(attribute: Attribute): void {
    for (const client of this.clients) {
      if (this.notify(client, attribute, attribute.value) === "full") this.droppedNotifications++;
    }
  }
}
