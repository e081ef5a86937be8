/** Services and characteristics that the camera offers. */
import { BleError } from "../ble/errors.ts";
import { type Attribute, MAX_VALUE_LENGTH, PROPERTY, type ServiceDefinition } from "../ble/gatt/database.ts";
import { utf8Encode } from "../ble/utf8.ts";
import { UUID } from "../ble/uuid.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

/** Room for a client's value by default: what fits one write at the default MTU. */
export const DEFAULT_CAPACITY = 20;

/** A value: bytes, or text that is sent as UTF-8. */
export type Value = Uint8Array | string;

/** What clients may do with a characteristic, and its first value. All false by default. */
export interface CharacteristicOptions {
  readonly read?: boolean;
  /** Write with response. */
  readonly write?: boolean;
  /** Write without response. */
  readonly writeNoResponse?: boolean;
  readonly notify?: boolean;
  readonly initial?: Value;
}

/** A new array with these bytes: what the application does with its own afterwards must not change a value. */
function ownBytes(value: Value): Uint8Array {
  if (typeof value === "string") return utf8Encode(value);
  if (!(value instanceof Uint8Array)) throw new TypeError("a value is a Uint8Array or a string");
  return new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.length));
}

function checkedValue(value: Value): Uint8Array {
  const bytes = ownBytes(value);
  if (bytes.length > MAX_VALUE_LENGTH) {
    throw new RangeError(`the value has ${bytes.length} bytes; an attribute holds at most 512`);
  }
  return bytes;
}

/** A primary service. Characteristics attach themselves to it. */
export class Service {
  readonly uuid: UUID;
  readonly characteristics: Characteristic[] = [];

  /** @throws TypeError when `uuid` is no UUID. */
  constructor(uuid: UUID) {
    if (!(uuid instanceof UUID)) throw new TypeError("Service needs a bluetooth.UUID");
    this.uuid = uuid;
  }
}

/** A characteristic's place in the server while it is registered. */
interface Registration {
  readonly core: Core;
  readonly attribute: Attribute;
}

/** A characteristic of a service of ours. */
export class Characteristic {
  readonly uuid: UUID;
  /** Sum of the property bits (Vol 3, Part G, 3.3.1.1). */
  readonly flags: number;
  private stored: Uint8Array;
  private registration: Registration | undefined = undefined;
  /** Who wrote last, until somebody has waited for it. */
  private lastWriter: DeviceConnection | undefined = undefined;
  private readonly waiting = new Set<Pending<DeviceConnection>>();

  /**
   * Appends itself to `service`, to be registered with it.
   * @throws TypeError for a wrong argument, RangeError for an initial value of more than 512 bytes.
   */
  constructor(service: Service, uuid: UUID, options: CharacteristicOptions = {}) {
    if (!(service instanceof Service)) throw new TypeError("Characteristic needs a Service");
    if (!(uuid instanceof UUID)) throw new TypeError("Characteristic needs a bluetooth.UUID");
    this.uuid = uuid;
    this.flags =
      (options.read ? PROPERTY.READ : 0) |
      (options.write ? PROPERTY.WRITE : 0) |
      (options.writeNoResponse ? PROPERTY.WRITE_WITHOUT_RESPONSE : 0) |
      (options.notify ? PROPERTY.NOTIFY : 0);
    this.stored = checkedValue(options.initial ?? new Uint8Array(0));
    service.characteristics.push(this);
  }

  /** The current value: what was written last, by us or by a client. */
  read(): Uint8Array {
    return ownBytes(this.registration ? this.registration.attribute.value : this.stored);
  }

  /**
   * Sets the value that clients read. With `sendUpdate` every client that subscribed is notified of it.
   * @throws RangeError for more than 512 bytes.
   */
  write(data: Value, options: { readonly sendUpdate?: boolean } = {}): void {
    const value = checkedValue(data);
    const registration = this.registration;
    if (!registration) {
      this.stored = value;
      return;
    }
    const { core, attribute } = registration;
    attribute.value = value;
    if (value.length > attribute.maxLength) attribute.maxLength = value.length;
    if (options.sendUpdate) core.host.gatt.updates.tellSubscribers(attribute);
  }

  /**
   * Notifies one client of `data`, or of the current value. A client that has not subscribed is not told (Vol 3,
   * Part G, 3.3.3.3), and neither is anyone of more than its `mtu` - 3 bytes.
   * @returns a promise of whether the client had subscribed, once the controller has taken the notification.
   * @throws TypeError when the characteristic lacks `notify` or is not registered, DeviceDisconnectedError when the
   * link is down, BleError `send-queue-full` when 32 wait already.
   */
  notify(connection: DeviceConnection, data?: Value): Promise<boolean> {
    const registration = this.registered("notify");
    if ((this.flags & PROPERTY.NOTIFY) === 0) {
      throw new TypeError(`characteristic ${this.uuid} was declared without notify: true`);
    }
    connection.check();
    const { core, attribute } = registration;
    const value = data === undefined ? attribute.value : typeof data === "string" ? utf8Encode(data) : data;
    if (!(value instanceof Uint8Array)) throw new TypeError("a value is a Uint8Array or a string");
    const outcome = core.host.gatt.updates.notify(connection.link.client, attribute, value);
    if (outcome === "sent") return core.yes;
    if (outcome === "unsubscribed") return core.no;
    if (outcome === "full") {
      throw new BleError(
        "send-queue-full",
        `${connection.device} takes notifications more slowly than they come: await each notify() before the next.`,
      );
    }
    return connection.scope.wait<boolean>({}, (pending) => {
      connection.link.link.whenSent(() => pending.resolve(true));
    });
  }

  /**
   * Waits for a client to write: resolves with its connection, at once when a write has come since the last time. Once
   * for "there is something new", not once for each write; fetch the value with `read`.
   * @throws TypeError when no client may write this characteristic.
   */
  written(options: WaitOptions = {}): Promise<DeviceConnection> {
    const { core } = this.registered("written");
    if ((this.flags & (PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE)) === 0) {
      throw new TypeError(
        `characteristic ${this.uuid} was declared without write: true or writeNoResponse: true`,
      );
    }
    checkTimeout(options.timeoutMs);
    const writer = this.lastWriter;
    if (writer) {
      this.lastWriter = undefined;
      return Promise.resolve(writer);
    }
    let mine: Pending<DeviceConnection>;
    return core.scope.wait<DeviceConnection>(
      options,
      (pending) => {
        mine = pending;
        this.waiting.add(pending);
      },
      () => this.waiting.delete(mine),
    );
  }

  private registered(what: string): Registration {
    if (!this.registration) {
      throw new TypeError(
        `${what}() on characteristic ${this.uuid}, which is not registered: call registerServices first`,
      );
    }
    return this.registration;
  }

  private onWritten(connection: DeviceConnection | undefined): void {
    if (!connection) return;
    if (this.waiting.size === 0) {
      this.lastWriter = connection;
      return;
    }
    for (const pending of [...this.waiting]) pending.resolve(connection);
  }

  /** Not for applications: how the server shall offer this characteristic. */
  definition(core: Core): ServiceDefinition["characteristics"][number] {
    const value = this.read();
    return {
      uuid: this.uuid,
      properties: this.flags,
      value,
      maxLength: Math.max(DEFAULT_CAPACITY, value.length),
      hooks: { onWritten: (link) => this.onWritten(core.connectionOf(link)) },
    };
  }

  /** Not for applications: the server offers it as `attribute`, or no longer. */
  register(core: Core, attribute: Attribute | undefined): void {
    this.stored = this.read();
    this.registration = attribute ? { core, attribute } : undefined;
  }
}

/** The services that are registered now. */
export class Server {
  private readonly core: Core;
  private services: readonly Service[] = [];

  constructor(core: Core) {
    this.core = core;
  }

  /** See `aioble.registerServices`. */
  registerServices(...services: Service[]): void {
    for (const service of services) {
      if (!(service instanceof Service)) throw new TypeError("registerServices takes Service objects");
    }
    const definitions = services.map((service) => ({
      uuid: service.uuid,
      characteristics: service.characteristics.map((characteristic) => characteristic.definition(this.core)),
    }));
    const attributes = this.core.host.gatt.register(definitions);
    for (const service of this.services) {
      for (const characteristic of service.characteristics) characteristic.register(this.core, undefined);
    }
    for (const [index, service] of services.entries()) {
      for (const [at, characteristic] of service.characteristics.entries()) {
        characteristic.register(this.core, attributes[index]![at]);
      }
    }
    this.services = services;
  }
}
