/** What a peer's GATT server has: services, characteristics and descriptors, found by `DeviceConnection.services`. */
import type { Operation } from "../ble/att/client-role.ts";
import type { Inboxes } from "../ble/gatt/client/client.ts";
import {
  discoverCharacteristics,
  discoverDescriptors,
  discoverIncludes,
} from "../ble/gatt/client/discovery.ts";
import type { Inbox } from "../ble/gatt/client/inbox.ts";
import { readValue } from "../ble/gatt/client/reads.ts";
import type { RemoteCharacteristic, RemoteDescriptor, RemoteService } from "../ble/gatt/client/remote.ts";
import { WRITE_OVERHEAD, writeReliably, writeValue } from "../ble/gatt/client/writes.ts";
import { checkedValue, type Value } from "../ble/gatt/server/values.ts";
import { CCCD, PROPERTY, TYPE } from "../ble/gatt/types.ts";
import { UUID } from "../ble/uuid.ts";
import type { ConnectionClient } from "./client.ts";
import type { DeviceConnection } from "./device.ts";
import { Discovery } from "./discovery.ts";
import { ProtocolError } from "./errors.ts";
import { ValueIterator } from "./value-iterator.ts";
import { checkTimeout, NO_LIMITS, type Pending, type Signal, type WaitOptions } from "./wait.ts";

/** Values of a characteristic that may wait, at most. */
const QUEUE_LIMIT = 1000;

/** What `write` of a client takes. */
export interface ClientWriteOptions extends WaitOptions {
  /**
   * True: wait until the peer has taken the value. False: only send it. Left out: wait if the characteristic has `write` and
   * not `writeNoResponse`, or if the value is too long to be only sent.
   */
  readonly response?: boolean;
}

/** What `write` of a characteristic takes. */
export interface CharacteristicWriteOptions extends ClientWriteOptions {
  /** Have the peer repeat the value before it takes it, which it has to support (Extended Properties). */
  readonly reliable?: boolean;
}

/** What `subscribe` takes. Neither `notify` nor `indicate` ends the subscription. */
export interface SubscribeOptions extends WaitOptions {
  /** Notifications; true when left out, unless `indicate` is. */
  readonly notify?: boolean;
  /** Indications, which the stack confirms. */
  readonly indicate?: boolean;
  /** Values of each kind that wait until they are taken: 1 to 1,000, 16 when left out. The oldest goes when one more comes. */
  readonly queueSize?: number;
}

/** @throws TypeError for anything but a UUID. */
export function checkUuid(uuid: unknown): void {
  if (!(uuid instanceof UUID)) throw new TypeError("give the bluetooth.UUID that you look for");
}

/** The first that is found. @throws TypeError for anything but a UUID. */
async function firstOf<T>(uuid: UUID, discover: () => Discovery<T>): Promise<T | undefined> {
  checkUuid(uuid);
  return discover().first();
}

/** A service of a peer. It keeps what was found of it; `DeviceConnection.service` looks anew. */
export class ClientService {
  readonly connection: DeviceConnection;
  readonly uuid: UUID;
  /** Not for applications. */
  readonly client: ConnectionClient;
  /** Not for applications. */
  readonly remote: RemoteService;
  private readonly known = new Map<RemoteCharacteristic, ClientCharacteristic>();

  /** Not for applications: `DeviceConnection.services` finds services. */
  constructor(client: ConnectionClient, remote: RemoteService) {
    this.client = client;
    this.connection = client.connection;
    this.remote = remote;
    this.uuid = remote.uuid;
  }

  /**
   * Its characteristics in the order of their handles, or those with this UUID (Vol 3, Part G, 4.6). The time that
   * `timeoutMs` (2,000) gives is for what the peer takes for all of them.
   * @throws TypeError or RangeError at once for a bad argument.
   * @throws A step rejects with TimeoutError, the signal's reason, DeviceDisconnectedError, GattError, ProtocolError, BleError
   * `operation-queue-full` or `too-many-attributes`.
   */
  characteristics(uuid?: UUID, options: WaitOptions = NO_LIMITS): Discovery<ClientCharacteristic> {
    if (uuid !== undefined) checkUuid(uuid);
    const { client, remote } = this;
    let taken = 0;
    return new Discovery(client.core.clock, options, async (limits, onBegin) => {
      if (taken === remote.characteristics.length) {
        if (remote.isComplete) return undefined;
        await client.run(
          limits,
          (operation, context) => discoverCharacteristics(operation, remote, context),
          0,
          onBegin,
        );
      }
      const fresh = remote.characteristics.slice(taken);
      taken += fresh.length;
      return fresh
        .filter((each) => uuid === undefined || each.uuid.equals(uuid))
        .map((each) => this.characteristicOf(each));
    });
  }

  /**
   * The first characteristic with this UUID; undefined when there is none.
   * @throws as `characteristics`.
   */
  characteristic(uuid: UUID, options?: WaitOptions): Promise<ClientCharacteristic | undefined> {
    return firstOf(uuid, () => this.characteristics(uuid, options));
  }

  /**
   * The services that it includes, primary or not (Vol 3, Part G, 4.5.1).
   * @throws as `characteristics`.
   */
  includedServices(options: WaitOptions = NO_LIMITS): Discovery<ClientService> {
    const { client, remote } = this;
    let isTaken = false;
    return new Discovery(client.core.clock, options, async (limits, onBegin) => {
      if (isTaken) return undefined;
      if (!remote.hasAllIncludes) {
        await client.run(
          limits,
          (operation, context) => discoverIncludes(operation, remote, context),
          0,
          onBegin,
        );
      }
      isTaken = true;
      return remote.includes.map(({ service }) => new ClientService(client, service));
    });
  }

  private characteristicOf(remote: RemoteCharacteristic): ClientCharacteristic {
    const known = this.known.get(remote) ?? new ClientCharacteristic(this, remote);
    this.known.set(remote, known);
    return known;
  }

  toString(): string {
    return `ClientService(${this.uuid})`;
  }
}

/** A value of a peer: that of a characteristic, or a descriptor. */
export abstract class ClientValue {
  readonly connection: DeviceConnection;
  readonly uuid: UUID;
  /** Not for applications. */
  readonly client: ConnectionClient;
  /** Not for applications: handle of the value. */
  readonly handle: number;

  constructor(client: ConnectionClient, handle: number, uuid: UUID) {
    this.client = client;
    this.connection = client.connection;
    this.handle = handle;
    this.uuid = uuid;
  }

  /** Sum of the properties of the value: 0x02 read, 0x04 write without response, 0x08 write, 0x10 notify, 0x20 indicate. */
  abstract get properties(): number;

  abstract toString(): string;

  /** Not for applications. @throws TypeError unless it has one of these properties. */
  mustHave(properties: number, what: string): void {
    if ((this.properties & properties) === 0) throw new TypeError(`${this} does not allow ${what}`);
  }

  /**
   * Reads the value, also one that is longer than a packet (Vol 3, Part G, 4.8).
   * @param options without `timeoutMs` the peer may be silent for 1,000 milliseconds.
   * @throws TypeError when the characteristic has no `read` property, TimeoutError, the signal's reason,
   * DeviceDisconnectedError, GattError when the peer refuses, ProtocolError, BleError `operation-queue-full`.
   */
  async read(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    this.mustHave(PROPERTY.READ, "read");
    return this.client.run(options, (operation, context) => readValue(operation, context, this.handle));
  }

  /**
   * Writes the value; with a response also one that is longer than a packet, which the peer takes as a whole (Vol 3, Part G,
   * 4.9). Without a response it resolves when the value has left for the controller: await it, or the queue of 32 fills. Such
   * a write overtakes operations that wait for the peer.
   * @throws TypeError for no bytes and no string, or when the characteristic does not allow it. RangeError for more than 512
   * bytes, or more than `mtu` - 3 without a response.
   * @throws As `read`, and BleError `send-queue-full` without a response.
   */
  async write(data: Value, options: ClientWriteOptions = NO_LIMITS): Promise<void> {
    const value = checkedValue(data);
    checkTimeout(options.timeoutMs);
    this.mustHave(PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE, "write");
    const room = this.connection.mtu - WRITE_OVERHEAD;
    const mayCommand = (this.properties & PROPERTY.WRITE_WITHOUT_RESPONSE) !== 0;
    const mayRequest = (this.properties & PROPERTY.WRITE) !== 0;
    const response = options.response ?? (mayRequest && !(mayCommand && value.length <= room));
    if (response) {
      this.mustHave(PROPERTY.WRITE, "write with a response");
      const write = { handle: this.handle, value };
      return this.client.run(
        options,
        (operation, context) => writeValue(operation, context, write),
        value.length,
      );
    }
    this.mustHave(PROPERTY.WRITE_WITHOUT_RESPONSE, "write without a response");
    if (value.length > room) {
      throw new RangeError(
        `${value.length} bytes do not fit a write without a response: at most ${room}, which is mtu - 3`,
      );
    }
    return this.command(value, options);
  }

  private command(value: Uint8Array, options: WaitOptions): Promise<void> {
    const { client, connection, handle } = this;
    return connection.scope.wait<void>(options, (pending) => {
      const outcome = client.gatt.writeCommand({ handle, value });
      if (outcome === "sent") pending.resolve();
      else if (outcome === "full") pending.reject(connection.queueFull());
      else connection.whenSent(() => pending.resolve());
    });
  }
}

/** A characteristic of a peer. */
export class ClientCharacteristic extends ClientValue {
  readonly service: ClientService;
  private readonly remote: RemoteCharacteristic;
  private readonly known = new Map<RemoteDescriptor, ClientDescriptor>();
  /** Once it was subscribed to, or waited for. */
  private inboxes: Inboxes | undefined = undefined;

  /** Not for applications: `ClientService.characteristics` finds them. */
  constructor(service: ClientService, remote: RemoteCharacteristic) {
    super(service.client, remote.valueHandle, remote.uuid);
    this.service = service;
    this.remote = remote;
  }

  override get properties(): number {
    return this.remote.properties;
  }

  /**
   * Its descriptors in the order of their handles (Vol 3, Part G, 4.7.1).
   * @throws as `ClientService.characteristics`.
   */
  descriptors(options: WaitOptions = NO_LIMITS): Discovery<ClientDescriptor> {
    const { client, remote, service } = this;
    let isTaken = false;
    return new Discovery(client.core.clock, options, async (limits, onBegin) => {
      if (isTaken) return undefined;
      if (!service.remote.isCovered(remote)) {
        await client.run(
          limits,
          (operation, context) => discoverDescriptors(operation, service.remote, remote, context),
          0,
          onBegin,
        );
      }
      isTaken = true;
      return remote.descriptors.map((each) => this.descriptorOf(each));
    });
  }

  /**
   * The first descriptor with this UUID; undefined when there is none.
   * @throws as `descriptors`.
   */
  async descriptor(uuid: UUID, options?: WaitOptions): Promise<ClientDescriptor | undefined> {
    checkUuid(uuid);
    for await (const found of this.descriptors(options)) if (found.uuid.equals(uuid)) return found;
    return undefined;
  }

  private descriptorOf(remote: RemoteDescriptor): ClientDescriptor {
    const known = this.known.get(remote) ?? new ClientDescriptor(this, remote);
    this.known.set(remote, known);
    return known;
  }

  override async write(data: Value, options: CharacteristicWriteOptions = NO_LIMITS): Promise<void> {
    if (!options.reliable) return super.write(data, options);
    const value = checkedValue(data);
    this.mustHave(PROPERTY.EXTENDED, "reliable writes");
    const { client, handle } = this;
    return client.run(
      options,
      (operation, context) => writeReliably(operation, context, [{ handle, value }]),
      value.length,
    );
  }

  /**
   * Asks the peer for notifications or indications of the value, or ends that (Vol 3, Part G, 4.10 and 4.11). What comes from
   * then on waits for `notified`, `indicated` or their loops.
   * @throws TypeError when the characteristic does not have what is asked for, RangeError for a bad `queueSize`.
   * @throws As `read`; ProtocolError when it has no Client Characteristic Configuration.
   */
  async subscribe(options: SubscribeOptions = NO_LIMITS): Promise<void> {
    const { indicate = false, notify = !indicate, queueSize } = options;
    if (notify) this.mustHave(PROPERTY.NOTIFY, "notifications");
    if (indicate) this.mustHave(PROPERTY.INDICATE, "indications");
    checkTimeout(options.timeoutMs);
    checkQueueSize(queueSize);
    const configuration = (notify ? CCCD.NOTIFY : 0) | (indicate ? CCCD.INDICATE : 0);
    // Before the peer hears of it: its first value may come before its answer.
    if (configuration !== 0 && this.connection.isConnected()) {
      const inboxes = this.open();
      if (queueSize !== undefined) {
        inboxes.notifications.resize(queueSize);
        inboxes.indications.resize(queueSize);
      }
    }
    await this.client.run(options, (operation) => this.configure(operation, configuration));
  }

  private async configure(operation: Operation, configuration: number): Promise<void> {
    const { gatt } = this.client;
    const { remote } = this;
    await discoverDescriptors(operation, this.service.remote, remote, gatt);
    const cccd = remote.descriptors.find(
      ({ uuid }) => uuid.short === TYPE.CLIENT_CHARACTERISTIC_CONFIGURATION,
    );
    if (!cccd) throw new ProtocolError(`${this} has no client characteristic configuration`);
    const value = new Uint8Array([configuration & 0xff, configuration >> 8]);
    await writeValue(operation, gatt, { handle: cccd.handle, value });
  }

  /**
   * The next notification, or the oldest that waits. Each is handed out once. What the peer sends before anybody waits is
   * kept from `subscribe` on, `queueSize` values of it.
   * @throws TypeError without the `notify` property, TimeoutError, the signal's reason; DeviceDisconnectedError when nothing
   * waits any more and the link is down.
   */
  async notified(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    this.mustHave(PROPERTY.NOTIFY, "notifications");
    return this.take(this.open().notifications, options);
  }

  /**
   * The next indication, or the oldest that waits; see `notified`. The stack confirms it as it comes.
   * @throws as `notified`.
   */
  async indicated(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    this.mustHave(PROPERTY.INDICATE, "indications");
    return this.take(this.open().indications, options);
  }

  /**
   * `notified` again and again, until the loop is left. It throws DeviceDisconnectedError once the link is down and every
   * value was handed out.
   * @param options a signal; its reason is thrown in the loop.
   * @throws TypeError without the `notify` property.
   */
  notifications(options: { readonly signal?: Signal } = NO_LIMITS): AsyncIterableIterator<Uint8Array> {
    this.mustHave(PROPERTY.NOTIFY, "notifications");
    const inbox = this.open().notifications;
    return new ValueIterator((limits, onBegin) => this.take(inbox, limits, onBegin), options);
  }

  /** As `notifications`, for indications. */
  indications(options: { readonly signal?: Signal } = NO_LIMITS): AsyncIterableIterator<Uint8Array> {
    this.mustHave(PROPERTY.INDICATE, "indications");
    const inbox = this.open().indications;
    return new ValueIterator((limits, onBegin) => this.take(inbox, limits, onBegin), options);
  }

  /** Notifications and indications that were dropped because nobody took the ones before. */
  get droppedValues(): number {
    const { inboxes } = this;
    return inboxes ? inboxes.notifications.dropped + inboxes.indications.dropped : 0;
  }

  /** Where its values wait; those of a link that has ended are still there. */
  private open(): Inboxes {
    const { client, connection, handle } = this;
    if (!this.inboxes || (connection.isConnected() && !client.gatt.hasInboxes(handle))) {
      this.inboxes = client.gatt.inboxesOf(handle);
    }
    return this.inboxes;
  }

  private take(
    inbox: Inbox,
    options: WaitOptions,
    onBegin?: (pending: Pending<Uint8Array>) => void,
  ): Promise<Uint8Array> {
    checkTimeout(options.timeoutMs);
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const value = inbox.take();
    if (value) return Promise.resolve(value);
    const wait = this.connection.scope.start<Uint8Array>(options);
    if (wait.isOver) return wait.promise;
    wait.onEnd = () => inbox.leave(wait);
    inbox.join(wait);
    onBegin?.(wait);
    return wait.promise;
  }

  override toString(): string {
    return `ClientCharacteristic(${this.uuid})`;
  }
}

function checkQueueSize(size: number | undefined): void {
  if (size === undefined || (Number.isInteger(size) && size >= 1 && size <= QUEUE_LIMIT)) return;
  throw new RangeError(`queueSize ${size} is out of range: 1 to 1,000`);
}

/** A descriptor of a peer's characteristic. Whether it may be read or written only its peer can tell. */
export class ClientDescriptor extends ClientValue {
  readonly characteristic: ClientCharacteristic;

  /** Not for applications: `ClientCharacteristic.descriptors` finds them. */
  constructor(characteristic: ClientCharacteristic, remote: RemoteDescriptor) {
    super(characteristic.client, remote.handle, remote.uuid);
    this.characteristic = characteristic;
  }

  override get properties(): number {
    return PROPERTY.READ | PROPERTY.WRITE;
  }

  override toString(): string {
    return `ClientDescriptor(${this.uuid})`;
  }
}
