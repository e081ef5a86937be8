/** The radio, advertising and the GATT server by numbers: handles, flags and events. */

import { type ConfigFunction, createConfig } from "../ble/config.ts";
import { BleError } from "../ble/errors.ts";
import type { AdvertisingOwner, AdvertisingSet } from "../ble/gap/advertising-set.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { Requirements } from "../ble/gatt/access.ts";
import type {
  Attribute,
  CharacteristicDefinition,
  DescriptorDefinition,
  ServiceDefinition,
  ValueHooks,
} from "../ble/gatt/server/database.ts";
import {
  bytesOf,
  checkedValue,
  DEFAULT_CAPACITY,
  ownBytes,
  setValue,
  type Value,
} from "../ble/gatt/server/values.ts";
import { MAX_VALUE_LENGTH } from "../ble/gatt/types.ts";
import type { Host } from "../ble/host.ts";
import { textOf } from "../ble/text.ts";
import { UUID } from "../ble/uuid.ts";
import { type IrqEvent, type IrqHandler, IrqSource } from "./irq.ts";

/** A descriptor: its UUID, and `FLAG_READ`, `FLAG_WRITE`, `FLAG_WRITE_NO_RESPONSE` and the flags of protection. */
export type DescriptorTuple = readonly [uuid: UUID, flags: number];
/** A characteristic: its UUID, its flags up to `FLAG_INDICATE` and those of protection, and its descriptors. */
export type CharacteristicTuple = readonly [
  uuid: UUID,
  flags: number,
  descriptors?: readonly DescriptorTuple[],
];
/** A service: its UUID and its characteristics. */
export type ServiceTuple = readonly [uuid: UUID, characteristics: readonly CharacteristicTuple[]];

/** What `gapAdvertise` sends. */
export interface GapAdvertiseOptions {
  /** Advertising data, at most 31 bytes; left out: that of the call before. */
  readonly advData?: Uint8Array | null;
  /** Scan response, at most 31 bytes; left out: that of the call before. */
  readonly respData?: Uint8Array | null;
  /** Whether centrals may connect; true by default. */
  readonly connectable?: boolean;
}

/** Advertising interval of `gapAdvertise`, in microseconds, when none is given. */
const DEFAULT_INTERVAL_US = 500_000;
/** FLAG_READ_ENCRYPTED to FLAG_WRITE_AUTHORIZED. */
const PROTECTION_FLAGS = 0x7e00;
/** FLAG_BROADCAST to FLAG_INDICATE, and what protects. */
const CHARACTERISTIC_FLAGS = 0x3f | PROTECTION_FLAGS;
/** FLAG_READ, FLAG_WRITE_NO_RESPONSE and FLAG_WRITE, and what protects. */
const DESCRIPTOR_FLAGS = 0x0e | PROTECTION_FLAGS;
/** FLAG_AUTHENTICATED_SIGNED_WRITE and FLAG_AUX_WRITE. */
const LATER_FLAGS = 0x0140;

const EMPTY = new Uint8Array(0);

/** An application gets the one of its host by `new BLE()`, each time the same. */
export class BLE {
  /** Asks for a setting by its name, or changes those of an object, as `config` of `aioble` does. */
  readonly config: ConfigFunction;
  private readonly host: Host;
  private readonly updates: Host["gatt"]["updates"];
  private readonly source: IrqSource;
  private advData: Uint8Array = EMPTY;
  private respData: Uint8Array = EMPTY;
  /** Every connection is for the handler of `irq`. */
  private readonly owner: AdvertisingOwner = { onEnded: () => this.release(), take: () => true };
  /** The advertising set that is this module's. */
  private set: AdvertisingSet | undefined = undefined;
  /** Counts calls of `gapAdvertise`: one that waits for the radio gives way to the next. */
  private turn = 0;

  constructor(host: Host) {
    this.host = host;
    this.updates = host.gatt.updates;
    this.config = createConfig(host);
    this.source = new IrqSource(host);
  }

  /** Whether the radio is on. */
  active(): boolean;
  /**
   * Switches the radio on or off, and resolves with whether it is on. On when it is on already, nothing happens to links.
   * Off: ends advertising and links, whose `IRQ_CENTRAL_DISCONNECT` follows; services and values stay.
   * @throws HciError when the controller does not start.
   */
  active(on: boolean): Promise<boolean>;
  active(on?: boolean): boolean | Promise<boolean> {
    const { host } = this;
    if (on === undefined) return host.active;
    return (on ? host.activate() : host.deactivate()).then(() => host.active);
  }

  /**
   * Sets the handler of events, in place of the one before; null for none. Events that `aioble` causes count too.
   * @throws TypeError for what is not a function.
   */
  irq(handler: IrqHandler | null): void;
  irq(handler: (event: IrqEvent[0]) => unknown): void;
  irq(handler: unknown): void {
    this.source.set(handler as IrqHandler | null);
  }

  /**
   * Advertises until a central connects (or, not connectable, for ever), in place of what was advertised before; null
   * ends it. Resolves when the controller has done so. Waits for a radio that is being switched on. The connection that
   * comes is for the handler of `irq`: `aioble` neither returns it from a wait nor ends it.
   * @param intervalUs 20,000 to 10,240,000 microseconds, rounded down to 625; 500,000 by default.
   * @throws RangeError for an interval or data out of range, BleError `radio-off`, `too-many-connections`, and
   * `already-advertising` while `aioble` advertises; the promise rejects with HciError when the controller refuses.
   */
  gapAdvertise(
    intervalUs: number | null = DEFAULT_INTERVAL_US,
    options: GapAdvertiseOptions = {},
  ): Promise<void> {
    const { host } = this;
    if (!this.set && !host.advertiser.hasFreeSet) throw aiobleAdvertises();
    const turn = ++this.turn;
    if (intervalUs === null) return this.releaseSet();
    if (!host.isSwitchedOn) throw new BleError("radio-off", "The radio is off: await active(true) before.");
    const { connectable = true } = options;
    if (connectable && host.connections.size >= host.maxConnections) {
      throw new BleError(
        "too-many-connections",
        `${host.maxConnections} devices are connected, which is all there is room for.`,
      );
    }
    const advData = options.advData ? ownBytes(options.advData) : this.advData;
    const respData = options.respData ? ownBytes(options.respData) : this.respData;
    const parameters = { intervalUs, connectable, advData, respData };
    const set = this.set ?? host.advertiser.acquire(this.owner);
    if (!set) throw aiobleAdvertises();
    this.set = set;
    try {
      const started = host.active
        ? set.start(parameters)
        : host.activate().then(() => {
            const isLatest = turn === this.turn && this.set === set;
            return isLatest ? set.start(parameters) : undefined;
          });
      this.advData = advData;
      this.respData = respData;
      return started.catch((error: unknown) => this.releaseUnused(turn, error));
    } catch (error) {
      return this.releaseUnused(turn, error);
    }
  }

  private async releaseSet(): Promise<void> {
    const { set } = this;
    this.set = undefined;
    await set?.release();
  }

  /** The call with this turn failed: the set is given back, unless it is on the air or another call needs it. */
  private releaseUnused(turn: number, error: unknown): never {
    if (turn === this.turn && !this.set?.advertising) this.release();
    throw error;
  }

  private release(): void {
    this.releaseSet().catch((error: unknown) => this.host.log("warning", `bluetooth: ${textOf(error)}`));
  }

  /** Begins to end a connection; `IRQ_CENTRAL_DISCONNECT` follows. False when there is none with this handle. */
  gapDisconnect(conn: number): boolean {
    const { connections } = this.host;
    const connection = connections.get(conn);
    if (!connection) return false;
    this.host.disconnect(connection).catch((error: unknown) => {
      this.host.log("warning", `bluetooth: gapDisconnect(${conn}): ${textOf(error)}`);
    });
    return true;
  }

  /**
   * Puts these services into the GATT server in place of all that were registered before, here or by `aioble`; values
   * are empty then, with room for 20 bytes. Also while the radio is off.
   *
   * `FLAG_READ_ENCRYPTED`, `FLAG_READ_AUTHENTICATED`, `FLAG_WRITE_ENCRYPTED` and `FLAG_WRITE_AUTHENTICATED` say what the
   * link must be; reading's count for subscribing too, or writing's where the value cannot be read. With
   * `FLAG_READ_AUTHORIZED` a read, and a subscription, needs a handler of `irq` that does not refuse it at
   * `IRQ_GATTS_READ_REQUEST`. With `FLAG_WRITE_AUTHORIZED` every write is refused: there is no event to ask by.
   * @returns for each service the handles of its values, each followed by the handles of its descriptors.
   * @throws TypeError for what is no UUID, RangeError for flags that do not exist, BleError `not-supported` for signed
   * and auxiliary writes.
   */
  gattsRegisterServices(services: readonly ServiceTuple[]): number[][] {
    const attributes = this.host.gatt.register(services.map((service) => serviceOf(service, this.source)));
    return attributes.map((values) =>
      values.flatMap(({ handle, descriptors }) => [handle].concat(descriptors.map((item) => item.handle))),
    );
  }

  /** A copy of the value. Reading one that appends empties it. @throws BleError `unknown-handle`. */
  gattsRead(handle: number): Uint8Array {
    const attribute = this.at(handle);
    const value = ownBytes(attribute.value);
    if (attribute.append) attribute.value = EMPTY;
    return value;
  }

  /**
   * Sets the value that clients read; with `sendUpdate` those that subscribed are notified. Returns its length in bytes.
   * @throws RangeError for more than 512 bytes, BleError `unknown-handle`.
   */
  gattsWrite(handle: number, data: Value, sendUpdate = false): number {
    const attribute = this.at(handle);
    const value = checkedValue(data);
    setValue(attribute, value);
    if (sendUpdate) this.updates.notifySubscribers(attribute);
    return value.length;
  }

  /**
   * Notifies one client of `data`, or of the current value, cut to its ATT_MTU - 3 bytes.
   * @param options `force`: also a client that has not subscribed, which does not conform (Vol 3, Part G, 3.3.3.3).
   * @returns whether it is on its way: false when the client has not subscribed.
   * @throws BleError `device-disconnected`, `unknown-handle`, `send-queue-full` when 32 wait already.
   */
  gattsNotify(
    conn: number,
    handle: number,
    data?: Value | null,
    options: { readonly force?: boolean } = {},
  ): boolean {
    const attribute = this.at(handle);
    const value = data == null ? attribute.value : bytesOf(data);
    const outcome = this.updates.notify(this.connection(conn).server, attribute, value, options.force);
    if (outcome === "full") throw queueFull(conn);
    return outcome !== "unsubscribed";
  }

  /**
   * Indicates `data`, or the current value, to one client, when its earlier indications are confirmed.
   * `IRQ_GATTS_INDICATE_DONE` follows. Returns and throws as `gattsNotify`.
   */
  gattsIndicate(
    conn: number,
    handle: number,
    data?: Value | null,
    options: { readonly force?: boolean } = {},
  ): boolean {
    const attribute = this.at(handle);
    const value = data == null ? attribute.value : ownBytes(data);
    const indication = { attribute, value, onConfirmed() {} };
    const outcome = this.updates.indicate(this.connection(conn).server, indication, options.force);
    if (outcome === "full") throw queueFull(conn);
    return outcome !== "unsubscribed";
  }

  /**
   * Empties the value and gives it room for `length` bytes, 1 to 512. With `append`, what clients write is added to it
   * until `gattsRead` empties it.
   * @throws RangeError for another length, BleError `unknown-handle`.
   */
  gattsSetBuffer(handle: number, length: number, append = false): void {
    const attribute = this.at(handle);
    if (!(length >= 1 && length <= MAX_VALUE_LENGTH)) {
      throw new RangeError(`length ${length} is out of range: 1 to ${MAX_VALUE_LENGTH}`);
    }
    attribute.value = EMPTY;
    attribute.maxLength = length;
    attribute.append = append;
  }

  private at(handle: number): Attribute {
    const { gatt } = this.host;
    const attribute = gatt.at(handle);
    if (attribute && gatt.isOfApplication(attribute)) return attribute;
    throw new BleError(
      "unknown-handle",
      `${handle} is no handle that gattsRegisterServices returned for the services that are registered now.`,
    );
  }

  private connection(conn: number): Connection {
    const connection = this.host.connections.get(conn);
    if (connection) return connection;
    throw new BleError("device-disconnected", `No device is connected as ${conn}.`);
  }
}

/** Written as properties: the stored machine has no names but those in its bytecode (docs/decisions/0003-rom-image.md). */
const LATER = {
  gapScan: 0,
  gapConnect: 0,
  gapPair: 0,
  gapPasskey: 0,
  gattcDiscoverServices: 0,
  gattcDiscoverCharacteristics: 0,
  gattcDiscoverDescriptors: 0,
  gattcRead: 0,
  gattcWrite: 0,
  gattcExchangeMtu: 0,
  l2capListen: 0,
  l2capConnect: 0,
  l2capDisconnect: 0,
  l2capSend: 0,
  l2capRecvinto: 0,
  hciCmd: 0,
};

for (const name of Object.keys(LATER)) {
  (BLE.prototype as unknown as Record<string, unknown>)[name] = () => {
    throw new BleError(
      "not-supported",
      `${name}() is not there yet: this camera is a peripheral without pairing.`,
    );
  };
}

function queueFull(conn: number): BleError {
  return new BleError("send-queue-full", `Connection ${conn} takes updates more slowly than they come.`);
}

/**
 * The UUID of a tuple whose flags are allowed. Tuples are read by index: destructuring them takes several times the
 * bytecode.
 */
function checkTuple(tuple: readonly unknown[], flags: number, allowed: number): UUID {
  const uuid = tuple[0];
  if (!(uuid instanceof UUID))
    throw new TypeError("gattsRegisterServices takes each uuid as a bluetooth.UUID");
  const beyond = Math.floor(flags) === flags ? flags & ~allowed : -1;
  if (beyond === 0) return uuid;
  if ((beyond & ~LATER_FLAGS) === 0) {
    throw new BleError(
      "not-supported",
      `${uuid}: signed and auxiliary writes (flags 0x${flags.toString(16)}) are not there.`,
    );
  }
  throw new RangeError(`${uuid}: flags ${flags} are not a sum of FLAG_ constants`);
}

function serviceOf(service: ServiceTuple, source: IrqSource): ServiceDefinition {
  const characteristics = service[1].map((characteristic) => characteristicOf(characteristic, source));
  return { uuid: checkTuple(service, 0, 0), characteristics };
}

/** What the flags demand of who uses a value. */
function requirementsOf(flags: number): Requirements | undefined {
  if ((flags & PROTECTION_FLAGS) === 0) return undefined;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  return {
    read: { encryption: has(0x0200), authentication: has(0x0400), authorization: has(0x0800) },
    write: { encryption: has(0x1000), authentication: has(0x2000), authorization: has(0x4000) },
  };
}

function hooksOf(requirements: Requirements | undefined, source: IrqSource): ValueHooks | undefined {
  if (!requirements?.read?.authorization && !requirements?.write?.authorization) return undefined;
  return { onAuthorize: (client, access, attribute) => source.grants(client, access, attribute) };
}

function characteristicOf(characteristic: CharacteristicTuple, source: IrqSource): CharacteristicDefinition {
  const properties = characteristic[1];
  const requirements = requirementsOf(properties);
  return {
    uuid: checkTuple(characteristic, properties, CHARACTERISTIC_FLAGS),
    properties,
    value: EMPTY,
    maxLength: DEFAULT_CAPACITY,
    descriptors: characteristic[2]?.map((descriptor) => descriptorOf(descriptor, source)),
    requirements,
    hooks: hooksOf(requirements, source),
  };
}

function descriptorOf(descriptor: DescriptorTuple, source: IrqSource): DescriptorDefinition {
  const flags = descriptor[1];
  const requirements = requirementsOf(flags);
  return {
    uuid: checkTuple(descriptor, flags, DESCRIPTOR_FLAGS),
    read: (flags & 0x02) !== 0,
    write: (flags & 0x08) !== 0,
    writeNoResponse: (flags & 0x04) !== 0,
    value: EMPTY,
    maxLength: DEFAULT_CAPACITY,
    requirements,
    hooks: hooksOf(requirements, source),
  };
}

function aiobleAdvertises(): BleError {
  return new BleError(
    "already-advertising",
    "aioble advertises: wait for its connection or end it by its signal.",
  );
}
