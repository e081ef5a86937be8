/** Services, characteristics and descriptors that the camera offers. */

import type {
  Attribute,
  CharacteristicDefinition,
  DescriptorDefinition,
} from "../ble/gatt/server/database.ts";
import {
  bytesOf,
  checkedValue,
  DEFAULT_CAPACITY,
  ownBytes,
  setValue,
  type Value,
} from "../ble/gatt/server/values.ts";
import { PROPERTY, TYPE } from "../ble/gatt/types.ts";
import { checkInteger, checkKeys, FORCE_KEYS, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { UUID } from "../ble/uuid.ts";
import type { CapturedWrite } from "./capture.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { FORMAT_KEYS, formatBytes, type PresentationFormat } from "./presentation-format.ts";
import type { ProtectionOptions } from "./protection.ts";
import { AttributeHooks, ServerAttribute } from "./server-attribute.ts";
import { checkWait, NO_LIMITS, type WaitOptions } from "./wait.ts";

/** Properties of characteristics that clients can be notified of. */
const UPDATES = PROPERTY.NOTIFY | PROPERTY.INDICATE;

/** What is wrong with the argument of `notifyMultiple`. */
const UPDATES_TEXT = "notifyMultiple takes a list of Characteristics, or [Characteristic, value]";

/** How long `indicate` waits by default. */
const INDICATE_TIMEOUT_MS = 1000;

/** What clients may do with a characteristic, and its first value. All false by default. */
export interface CharacteristicOptions<Capture extends boolean = boolean> extends ProtectionOptions {
  readonly read?: boolean;
  /** Write with response. */
  readonly write?: boolean;
  /** Write without response. */
  readonly writeNoResponse?: boolean;
  readonly notify?: boolean;
  readonly indicate?: boolean;
  readonly initial?: Value;
  /** Keep every write in the capture queue, for `written` to return one by one. */
  readonly capture?: Capture;
  /** A text for people: Characteristic User Description (Vol 3, Part G, 3.3.3.2). */
  readonly description?: string;
  /** How generic clients show the value. */
  readonly format?: PresentationFormat;
  /** Announce reliable writes (Vol 3, Part G, 4.9.5). */
  readonly reliableWrite?: boolean;
}

/** What a `BufferedCharacteristic` takes besides. */
export interface BufferOptions {
  /** Room in bytes, 1..512; 20 by default. */
  readonly maxLen?: number;
  /**
   * Add what clients write to the value, until `read` empties it; a write that has no room left is refused. With `capture`
   * the queue takes each write, and the value is empty again.
   */
  readonly append?: boolean;
}

/** What clients may do with a descriptor, and its first value. */
export interface DescriptorOptions extends ProtectionOptions {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly initial?: Value;
}

const PROTECTION_KEYS: OptionKeys<ProtectionOptions> = {
  security: true,
  minKeySize: "number",
  authorize: true,
};
const DESCRIPTOR_KEYS: OptionKeys<DescriptorOptions> = {
  ...PROTECTION_KEYS,
  read: "flag",
  write: "flag",
  initial: true,
};
const CHARACTERISTIC_KEYS: OptionKeys<CharacteristicOptions> = {
  ...DESCRIPTOR_KEYS,
  writeNoResponse: "flag",
  notify: "flag",
  indicate: "flag",
  capture: "flag",
  description: "text",
  format: FORMAT_KEYS,
  reliableWrite: "flag",
};
const BUFFERED_KEYS: OptionKeys<CharacteristicOptions & BufferOptions> = {
  ...CHARACTERISTIC_KEYS,
  maxLen: "number",
  append: "flag",
};
const WRITE_KEYS = { sendUpdate: "flag" } as const;
const INDICATE_KEYS = { ...WAIT_KEYS, ...FORCE_KEYS } as const;
const SERVICE_KEYS = { secondary: "flag", includes: "list" } as const;

/** A service. Characteristics attach themselves to it. */
export class Service {
  readonly uuid: UUID;
  readonly characteristics: Characteristic<boolean>[] = [];
  readonly secondary: boolean;
  readonly includes: readonly Service[];
  /** Not for applications: who offers it now; undefined while it is not registered. */
  core: Core | undefined = undefined;

  /**
   * @param options `secondary`: only there to be included by others; `includes`: services registered with this one.
   * @throws TypeError when `uuid` is no UUID, and for a wrong option.
   */
  constructor(
    uuid: UUID,
    options: { readonly secondary?: boolean; readonly includes?: readonly Service[] } = {},
  ) {
    if (!(uuid instanceof UUID)) throw new TypeError("Service needs a bluetooth.UUID");
    checkKeys("Service", options, SERVICE_KEYS);
    const { includes = [] } = options;
    if (!includes.every((each) => each instanceof Service))
      throw new TypeError("Service: includes has something that is no Service");
    this.uuid = uuid;
    this.secondary = options.secondary ?? false;
    this.includes = includes;
  }
}

/** An attribute that is added to what is registered, and not registered with it in the same turn, is seen by nobody. */
function warnOfAddition(core: Core, item: ServerAttribute<unknown>, owner: string): void {
  void Promise.resolve().then(() => {
    if (item.registration) return;
    core.host.log(
      "warning",
      `aioble: ${item.uuid} was added to ${owner} after registerServices: no client sees it until that is called again`,
    );
  });
}

/** A characteristic of a service of ours. Subclasses may define `onRead`, `onWrite` and `onSubscribe`. */
export class Characteristic<Capture extends boolean = false> extends ServerAttribute<
  Capture extends true ? CapturedWrite : DeviceConnection
> {
  /** Sum of the property bits (Vol 3, Part G, 3.3.1.1). */
  readonly flags: number;
  readonly descriptors: Descriptor[] = [];
  private warnedOfSendUpdate = false;

  /**
   * A client changed its subscription to this value; neither, too, when its link ends or another registration
   * ends its subscription. `subscribers` has changed already. One that is assigned after registering is called for changes
   * from then on.
   */
  onSubscribe?(connection: DeviceConnection, wants: { notify: boolean; indicate: boolean }): void;

  /**
   * Appends itself to `service`, to be registered with it.
   * @throws TypeError for a wrong argument, RangeError for an initial value of more than 512 bytes, a figure of `format` or a
   * key size that there is not.
   */
  constructor(service: Service, uuid: UUID, options: CharacteristicOptions<Capture> = {}) {
    if (!(service instanceof Service)) throw new TypeError("Characteristic needs a Service");
    const isBuffered =
      new.target.prototype instanceof BufferedCharacteristic || new.target === BufferedCharacteristic;
    checkKeys("Characteristic", options, isBuffered ? BUFFERED_KEYS : CHARACTERISTIC_KEYS);
    const format = options.format && formatBytes(options.format);
    const {
      read = false,
      write = false,
      writeNoResponse = false,
      notify = false,
      indicate = false,
    } = options;
    const uses = { read, write: write || writeNoResponse, subscribe: notify || indicate };
    super(uuid, "Characteristic", options, uses, options.capture ?? false);
    this.flags =
      (read ? PROPERTY.READ : 0) |
      (write ? PROPERTY.WRITE : 0) |
      (writeNoResponse ? PROPERTY.WRITE_WITHOUT_RESPONSE : 0) |
      (notify ? PROPERTY.NOTIFY : 0) |
      (indicate ? PROPERTY.INDICATE : 0) |
      (options.reliableWrite ? PROPERTY.EXTENDED : 0);
    service.characteristics.push(this as Characteristic<boolean>);
    if (service.core) warnOfAddition(service.core, this, `service ${service.uuid}`);
    this.addStandardDescriptors(options, format);
  }

  private addStandardDescriptors(
    options: CharacteristicOptions<boolean>,
    format: Uint8Array | undefined,
  ): void {
    const add = (type: number, initial: Value): void => {
      new Descriptor(this as Characteristic<boolean>, new UUID(type), { read: true, initial });
    };
    if (options.reliableWrite) add(TYPE.CHARACTERISTIC_EXTENDED_PROPERTIES, new Uint8Array([1, 0]));
    if (options.description !== undefined) add(TYPE.CHARACTERISTIC_USER_DESCRIPTION, options.description);
    if (format) add(TYPE.CHARACTERISTIC_PRESENTATION_FORMAT, format);
  }

  protected override get isWritable(): boolean {
    return (this.flags & (PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE)) !== 0;
  }

  /** Clients that want to be notified of this value now. */
  get subscribers(): DeviceConnection[] {
    const registration = this.registration;
    if (!registration) return [];
    const { core, attribute } = registration;
    const { connections, updates } = core;
    return [...connections.values()].filter(({ link }) => updates.isSubscribed(link.server, attribute));
  }

  /**
   * Sets the value that clients read. With `sendUpdate` every client that subscribed is notified of it, or indicated when
   * it asked only for that. Nobody waits for a slow client: one that has 32 notifications waiting misses this one (the
   * others do not), and of several indications that wait for its confirmation only the latest value is sent. For a value
   * that no client may miss, await `notify` or `indicate` for each of `subscribers`.
   * @returns how many clients were notified.
   * @throws RangeError for more than 512 bytes.
   */
  override write(data: Value, options?: { readonly sendUpdate?: boolean }): number {
    // What is called most looks nothing up: a key that is misspelt is not `sendUpdate`.
    if (options !== undefined && options?.sendUpdate !== true) checkKeys("write", options, WRITE_KEYS);
    const value = checkedValue(data);
    const registration = this.registration;
    if (!registration) {
      this.value = value;
      return 0;
    }
    setValue(registration.attribute, value);
    if (!options?.sendUpdate) return 0;
    const core = registration.core;
    if ((this.flags & UPDATES) === 0) this.warnOfSendUpdate(core);
    return core.updates.notifySubscribers(registration.attribute);
  }

  private warnOfSendUpdate(core: Core): void {
    if (this.warnedOfSendUpdate) return;
    this.warnedOfSendUpdate = true;
    core.host.log(
      "warning",
      `aioble: sendUpdate of ${this.uuid} reaches nobody: it was declared without notify: true or indicate: true`,
    );
  }

  /**
   * Notifies one client of `data`, or of the current value, cut to its `mtu` - 3 bytes; the log says once for each client
   * that it was cut. A client that has not subscribed is not notified (Vol 3, Part G, 3.3.3.3), which the log says once too,
   * unless `force` says so, which does not conform.
   *
   * A producer that awaits each call is as fast as its client: nothing is lost, and at most one notification waits. One
   * that does not await may have 32 waiting; what is more is refused, not kept.
   * @returns a promise of whether it was sent, once the controller has taken it. It rejects with
   * DeviceDisconnectedError when the link is down or ends before, with BleError `send-queue-full` when 32 wait already.
   * @throws TypeError when the characteristic lacks `notify` or is not registered.
   */
  notify(
    connection: DeviceConnection,
    data?: Value,
    options?: { readonly force?: boolean },
  ): Promise<boolean> {
    if (options !== undefined && options?.force !== true) checkKeys("notify", options, FORCE_KEYS);
    const registration = this.registration ?? this.registered("notify");
    if ((this.flags & PROPERTY.NOTIFY) === 0) this.mustHave(PROPERTY.NOTIFY, "notify");
    const { attribute, core } = registration;
    let value = attribute.value;
    if (data !== undefined) value = data?.constructor === Uint8Array ? data : bytesOf(data);
    const link = connection?.link;
    // A string has a `link` of its own.
    if (typeof link !== "object") throw noConnection("notify");
    if (link.disconnectReason !== undefined) return Promise.reject(connection.gone());
    const outcome = core.updates.notify(link.server, attribute, value, options?.force);
    return outcome === "sent" ? core.yes : connection.sent(outcome);
  }

  /**
   * Notifies one client of several values: in as few packets as hold them when the client announced that it understands
   * that (Multiple Handle Value Notification, Vol 3, Part G, 4.10.2), else one by one. Values that it has not subscribed
   * are left out.
   * @param updates characteristics, each alone for its current value or with the value to send.
   * @returns a promise of whether anything was sent, once the controller has taken all of it. It rejects as that of
   * `notify`; when 32 wait already, what stood first in `updates` may have been sent.
   * @throws TypeError as `notify`, for each of them, before anything is sent.
   */
  static notifyMultiple(
    connection: DeviceConnection,
    updates: readonly (Characteristic<boolean> | readonly [Characteristic<boolean>, Value])[],
  ): Promise<boolean> {
    if (!Array.isArray(updates)) throw new TypeError(UPDATES_TEXT);
    let updater: Core["updates"] | undefined;
    const pairs = updates.map((update): readonly [Attribute, Uint8Array] => {
      const [characteristic, data] = Array.isArray(update) ? update : [update];
      if (!(characteristic instanceof Characteristic)) throw new TypeError(UPDATES_TEXT);
      const { core, attribute } = characteristic.registered("notifyMultiple");
      characteristic.mustHave(PROPERTY.NOTIFY, "notify");
      updater = core.updates;
      return [attribute, data === undefined ? attribute.value : bytesOf(data)];
    });
    if (typeof connection?.link !== "object") throw noConnection("notifyMultiple");
    if (!connection.isConnected()) return Promise.reject(connection.gone());
    return connection.sent(updater?.notifyMultiple(connection.link.server, pairs) ?? "unsubscribed");
  }

  /**
   * Indicates `data`, or the current value, to one client and waits until it has confirmed. Indications to one client go
   * out one at a time, in order, whatever they are of. A client that has not subscribed is not notified, which the log says
   * once, unless `force` says so, which does not conform (Vol 3, Part G, 3.3.3.3).
   *
   * One that has left blocks the others until it is confirmed, also when this wait has timed out. After 30 s without a
   * confirmation the link is ended (Vol 3, Part F, 3.3.3).
   * @returns a promise of whether it was sent; false also when the client unsubscribed, or other services were registered,
   * before its turn came.
   * @throws TypeError as `notify`; the promise rejects with TimeoutError after `timeoutMs` (1,000 by default),
   * DeviceDisconnectedError, BleError `send-queue-full` when 32 wait already.
   */
  indicate(
    connection: DeviceConnection,
    data?: Value,
    options: WaitOptions & { readonly force?: boolean } = NO_LIMITS,
  ): Promise<boolean> {
    checkWait("indicate", options, INDICATE_KEYS);
    const { core, attribute } = this.registered("indicate");
    this.mustHave(PROPERTY.INDICATE, "indicate");
    const value = data === undefined ? attribute.value : ownBytes(data);
    if (typeof connection?.link !== "object") throw noConnection("indicate");
    if (!connection.isConnected()) return Promise.reject(connection.gone());
    const { updates } = core;
    const { server } = connection.link;
    let withdraw = (): void => {};
    return connection.scope.wait<boolean>(
      { timeoutMs: INDICATE_TIMEOUT_MS, ...options },
      (pending) => {
        const indication = {
          attribute,
          value,
          onConfirmed: (confirmed: boolean) => {
            if (confirmed) pending.resolve(true);
            else if (connection.isConnected() && !connection.isSilenced) pending.resolve(false);
          },
        };
        const outcome = updates.indicate(server, indication, options.force);
        if (outcome === "waiting") withdraw = () => updates.withdraw(server, indication);
        else if (outcome === "full") pending.reject(connection.queueFull());
        else pending.resolve(false);
      },
      () => withdraw(),
    );
  }

  private mustHave(property: number, name: string): void {
    if ((this.flags & property) === 0) {
      throw new TypeError(`characteristic ${this.uuid} was declared without ${name}: true`);
    }
  }

  /** Not for applications: room for a client's value. */
  capacity(length: number): number {
    return Math.max(DEFAULT_CAPACITY, length);
  }

  /** Not for applications: how the server shall offer this characteristic. */
  definition(core: Core): CharacteristicDefinition {
    const value = this.stored;
    return {
      uuid: this.uuid,
      properties: this.flags,
      value,
      maxLength: this.capacity(value.length),
      append: this.append,
      descriptors: this.descriptors.map((descriptor) => descriptor.definition(core)),
      hooks: new AttributeHooks(core, this),
      requirements: this.requirements,
    };
  }
}

/** A characteristic with more room than 20 bytes, which may collect what clients write. */
export class BufferedCharacteristic<Capture extends boolean = false> extends Characteristic<Capture> {
  /** Room in bytes. */
  readonly maxLen: number;

  /** @throws as Characteristic, RangeError when `maxLen` is no whole number of 1..512 or smaller than the initial value. */
  constructor(service: Service, uuid: UUID, options: CharacteristicOptions<Capture> & BufferOptions = {}) {
    checkKeys("Characteristic", options, BUFFERED_KEYS);
    const { maxLen = DEFAULT_CAPACITY, append = false } = options;
    checkInteger("maxLen", maxLen, 1, 512);
    const initial = checkedValue(options.initial ?? new Uint8Array(0));
    if (initial.length > maxLen) {
      throw new RangeError(`initial has ${initial.length} bytes, more than maxLen ${maxLen}`);
    }
    super(service, uuid, options);
    this.maxLen = maxLen;
    this.append = append;
  }

  /** Where clients append, `maxLen` is the limit whatever the camera has put there itself. */
  override capacity(length: number): number {
    return this.append ? this.maxLen : Math.max(this.maxLen, length);
  }
}

/** A descriptor of a characteristic of ours. Subclasses may define `onRead` and `onWrite`. */
export class Descriptor extends ServerAttribute<DeviceConnection> {
  readonly characteristic: Characteristic<boolean>;
  private readonly readable: boolean;
  private readonly writable: boolean;

  /** Appends itself to `characteristic`. @throws as Characteristic. */
  constructor(characteristic: Characteristic<boolean>, uuid: UUID, options: DescriptorOptions = {}) {
    if (!(characteristic instanceof Characteristic)) throw new TypeError("Descriptor needs a Characteristic");
    checkKeys("Descriptor", options, DESCRIPTOR_KEYS);
    const { read = false, write = false } = options;
    super(uuid, "Descriptor", options, { read, write, subscribe: false }, false);
    this.characteristic = characteristic;
    this.readable = read;
    this.writable = write;
    characteristic.descriptors.push(this);
    const { registration } = characteristic;
    if (registration) warnOfAddition(registration.core, this, `characteristic ${characteristic.uuid}`);
  }

  protected override get isWritable(): boolean {
    return this.writable;
  }

  /** Not for applications: how the server shall offer this descriptor. */
  definition(core: Core): DescriptorDefinition {
    const value = this.stored;
    return {
      uuid: this.uuid,
      read: this.readable,
      write: this.writable,
      value,
      maxLength: Math.max(DEFAULT_CAPACITY, value.length),
      hooks: new AttributeHooks(core, this),
      requirements: this.requirements,
    };
  }
}

function noConnection(call: string): TypeError {
  return new TypeError(`${call}() needs the connection of a client first, from advertise() or connections()`);
}
