/** Characteristics of a peer, their descriptors, and the values that the peer sends. */

import type { Operation } from "../ble/att/client-role.ts";
import type { Inboxes } from "../ble/gatt/client/client.ts";
import { discoverDescriptors } from "../ble/gatt/client/discovery.ts";
import type { Inbox } from "../ble/gatt/client/inbox.ts";
import type { RemoteCharacteristic, RemoteDescriptor } from "../ble/gatt/client/remote.ts";
import { writeReliably, writeValue } from "../ble/gatt/client/writes.ts";
import { checkedValue, type Value } from "../ble/gatt/server/values.ts";
import { CCCD, PROPERTY, TYPE } from "../ble/gatt/types.ts";
import {
  checkInteger,
  checkKeys,
  type KeyTable,
  type OptionKeys,
  SIGNAL_KEYS,
  WAIT_KEYS,
} from "../ble/option-keys.ts";
import { UUID } from "../ble/uuid.ts";
import type { ClientService } from "./client-service.ts";
import { CLIENT_WRITE_KEYS, ClientValue, type ClientWriteOptions } from "./client-value.ts";
import { Discovery, type Look } from "./discovery.ts";
import { ProtocolError } from "./errors.ts";
import { ValueIterator } from "./value-iterator.ts";
import { checkWait, NO_LIMITS, type Pending, type Signal, type WaitOptions } from "./wait.ts";

/** GAP Device Name (Vol 3, Part C, 12.1). */
const DEVICE_NAME = 0x2a00;

/** Values of a characteristic that may wait, at most. */
const QUEUE_LIMIT = 1000;

/** What `write` of a characteristic takes. */
export interface CharacteristicWriteOptions extends ClientWriteOptions {
  /** Have the peer repeat the value before it takes it, which it has to support (Extended Properties). */
  readonly reliable?: boolean;
}

const WRITE_KEYS: OptionKeys<CharacteristicWriteOptions> = { ...CLIENT_WRITE_KEYS, reliable: "flag" };
const SUBSCRIBE_KEYS: OptionKeys<SubscribeOptions> = {
  ...WAIT_KEYS,
  notify: "flag",
  indicate: "flag",
  queueSize: "number",
};

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

/** A characteristic of a peer. */
export class ClientCharacteristic extends ClientValue {
  readonly service: ClientService;
  private readonly remote: RemoteCharacteristic;
  /** Once it was subscribed to, or waited for. Objects for the same characteristic share them. */
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
    const all = (): ClientDescriptor[] => remote.descriptors.map((each) => new ClientDescriptor(this, each));
    const look: Look<ClientDescriptor> = async (limits, onBegin) => {
      if (isTaken) return undefined;
      await client.run(
        limits,
        (operation, context) => discoverDescriptors(operation, service.remote, remote, context),
        0,
        onBegin,
      );
      isTaken = true;
      return all();
    };
    const known = service.remote.isCovered(remote) ? all() : undefined;
    return new Discovery("descriptors", client, options, look, known);
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

  protected override get writeKeys(): KeyTable {
    return WRITE_KEYS;
  }

  override async read(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    const value = await super.read(options);
    if (this.uuid.short === DEVICE_NAME) this.client.named(value);
    return value;
  }

  override async write(data: Value, options: CharacteristicWriteOptions = NO_LIMITS): Promise<void> {
    if (!options.reliable) return super.write(data, options);
    checkWait("write", options, this.writeKeys);
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
    checkWait("subscribe", options, SUBSCRIBE_KEYS);
    const { indicate = false, notify = !indicate, queueSize } = options;
    if (notify) this.mustHave(PROPERTY.NOTIFY, "notifications");
    if (indicate) this.mustHave(PROPERTY.INDICATE, "indications");
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
    checkWait("notified", options);
    this.mustHave(PROPERTY.NOTIFY, "notifications");
    return this.take(this.open().notifications, options);
  }

  /**
   * The next indication, or the oldest that waits; see `notified`. The stack confirms it as it comes.
   * @throws as `notified`.
   */
  async indicated(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    checkWait("indicated", options);
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
    checkKeys("notifications", options, SIGNAL_KEYS);
    this.mustHave(PROPERTY.NOTIFY, "notifications");
    const inbox = this.open().notifications;
    return new ValueIterator((limits, onBegin) => this.take(inbox, limits, onBegin), options);
  }

  /** As `notifications`, for indications. */
  indications(options: { readonly signal?: Signal } = NO_LIMITS): AsyncIterableIterator<Uint8Array> {
    checkKeys("indications", options, SIGNAL_KEYS);
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
  if (size !== undefined) checkInteger("queueSize", size, 1, QUEUE_LIMIT);
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
