/** The camera as a client of its peers' GATT servers: what connections and attributes of peers share. */

import type { Operation } from "../ble/att/client-role.ts";
import { BleError } from "../ble/errors.ts";
import type { GattClient } from "../ble/gatt/client/client.ts";
import { type DiscoveryContext, type Found, findServices } from "../ble/gatt/client/discovery.ts";
import { readFixedValues, readValues } from "../ble/gatt/client/reads.ts";
import type { RemoteService } from "../ble/gatt/client/remote.ts";
import { writeReliably } from "../ble/gatt/client/writes.ts";
import { checkedValue, type Value } from "../ble/gatt/server/values.ts";
import { MAX_VALUE_LENGTH, PROPERTY } from "../ble/gatt/types.ts";
import { MTU_SETTING } from "../ble/links.ts";
import { checkInteger, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { textOf } from "../ble/text.ts";
import type { UUID } from "../ble/uuid.ts";
import { type ClientCharacteristic, checkUuid } from "./client-characteristic.ts";
import { ClientService } from "./client-service.ts";
import { ClientValue } from "./client-value.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { Discovery, type StepLimits } from "./discovery.ts";
import { GattError } from "./errors.ts";
import { postponing, whileHeld } from "./patience.ts";
import { checkWait, type Pending, type WaitOptions } from "./wait.ts";

/** How long a peer may be silent when nobody says. */
const SILENCE_MS = 1000;

/** What `exchangeMtu` takes. */
export interface ExchangeMtuOptions extends WaitOptions {
  /** ATT_MTU to offer, 23 to 517; the setting `mtu` when left out. Has no effect once one was offered on the link. */
  readonly mtu?: number;
}

const MTU_KEYS: OptionKeys<ExchangeMtuOptions> = { ...WAIT_KEYS, mtu: "number" };

/** A characteristic and what to write there. */
export type ReliableWrite = readonly [characteristic: ClientCharacteristic, value: Value];

/** What `readMultiple` takes. */
export interface ReadMultipleOptions extends WaitOptions {
  /** How long each value is, in bytes, where that is known: older peers can give only such values together. */
  readonly lengths?: readonly number[];
  /**
   * Whether the peer knows Read Multiple Variable Request, with which it gives values of any length together. Left out, as it
   * says itself. A peer that does not know it should refuse it; some do not answer, and lose the link after 30 s.
   */
  readonly variable?: boolean;
}

const READ_MULTIPLE_KEYS: OptionKeys<ReadMultipleOptions> = {
  ...WAIT_KEYS,
  lengths: "list",
  variable: "flag",
};

/** The client on one connection. */
export class ConnectionClient {
  readonly connection: DeviceConnection;
  readonly core: Core;
  /** The host's client. */
  readonly gatt: GattClient;

  constructor(core: Core, connection: DeviceConnection, gatt: GattClient) {
    this.core = core;
    this.connection = connection;
    this.gatt = gatt;
    gatt.onDatabaseChanged = () => this.reportChange();
  }

  private reportChange(): void {
    const { connection, core } = this;
    const { peerLog } = core.host;
    try {
      connection.onServicesChanged?.();
    } catch (error) {
      peerLog.write(
        "error",
        `aioble: onServicesChanged of ${connection.device} failed: ${textOf(error)}`,
        error,
      );
    }
  }

  /** See `StepClient`. */
  now(): number {
    return this.core.clock.now();
  }

  /** See `StepClient`. */
  get heldMs(): number {
    return this.gatt.gate?.heldMs ?? 0;
  }

  /** The peer's GAP Device Name was read. */
  named(name: Uint8Array): void {
    const { connection, core } = this;
    const { identities } = core.host;
    identities.named(connection.link, name);
  }

  /** See `DeviceConnection.services`. */
  services(uuid: UUID | undefined, options: WaitOptions): Discovery<ClientService> {
    if (uuid !== undefined) checkUuid(uuid);
    const { gatt } = this;
    if (gatt.known.isEnabled) return this.knownServices(uuid, options);
    let position: number | undefined = 1;
    return new Discovery("services", this, options, async (limits, onBegin) => {
      const first = position;
      if (first === undefined) return undefined;
      const work = async (operation: Operation): Promise<Found<RemoteService>> => {
        const found = await findServices(operation, first, uuid);
        for (const service of found.items) gatt.adopt(service);
        return found;
      };
      const { items, next } = await this.run(limits, work, 0, onBegin);
      position = next;
      return items.map((service) => new ClientService(this, service));
    });
  }

  private knownServices(uuid: UUID | undefined, options: WaitOptions): Discovery<ClientService> {
    const { gatt } = this;
    let isTaken = false;
    return new Discovery("services", this, options, async (limits, onBegin) => {
      if (isTaken) return undefined;
      const all = await this.run(limits, (operation) => gatt.known.services(operation), 0, onBegin);
      isTaken = true;
      const wanted = all.filter((service) => uuid === undefined || service.uuid.equals(uuid));
      for (const service of wanted) gatt.adopt(service);
      return wanted.map((service) => new ClientService(this, service));
    });
  }

  /** See `DeviceConnection.service`. */
  async service(uuid: UUID, options: WaitOptions): Promise<ClientService | undefined> {
    checkUuid(uuid);
    return this.services(uuid, options).first();
  }

  /** See `DeviceConnection.exchangeMtu`. */
  async exchangeMtu(options: ExchangeMtuOptions): Promise<number> {
    checkWait("exchangeMtu", options, MTU_KEYS);
    const { mtu } = options;
    if (mtu !== undefined) {
      const { min, max } = MTU_SETTING;
      checkInteger("mtu", mtu, min, max);
      this.gatt.bearer.offerMtu(mtu);
    }
    return this.run(options, (operation) => this.gatt.exchangeMtu(operation));
  }

  /** See `DeviceConnection.readMultiple`. */
  async readMultiple(values: readonly ClientValue[], options: ReadMultipleOptions): Promise<Uint8Array[]> {
    checkWait("readMultiple", options, READ_MULTIPLE_KEYS);
    checkCharacteristics(values, "readMultiple");
    for (const value of values) value.mustHave(PROPERTY.READ, "read");
    const { lengths } = options;
    const handles = values.map(({ handle }) => handle);
    if (!lengths) {
      return this.run(options, async (operation, context) => {
        const isKnown = options.variable ?? (await this.gatt.readsMultipleVariable(operation));
        return readValues(operation, context, handles, isKnown);
      });
    }
    if (
      lengths.length !== values.length ||
      !lengths.every((length) => Number.isInteger(length) && length >= 0 && length <= MAX_VALUE_LENGTH)
    ) {
      throw new RangeError(`lengths gives the length of each value, ${values.length} numbers of 0 to 512`);
    }
    const wanted = handles.map((handle, at) => ({ handle, length: lengths[at]! }));
    return this.run(options, (operation, context) => readFixedValues(operation, context, wanted));
  }

  /** See `DeviceConnection.writeReliably`. */
  async writeReliably(writes: readonly ReliableWrite[], options: WaitOptions): Promise<void> {
    checkWait("writeReliably", options);
    const targets: unknown = Array.isArray(writes) ? writes.map((write) => write?.[0]) : writes;
    checkCharacteristics(targets, "writeReliably");
    for (const [characteristic] of writes) characteristic.mustHave(PROPERTY.EXTENDED, "reliable writes");
    const parts = writes.map(([{ handle }, data]) => ({ handle, value: checkedValue(data) }));
    const bytes = parts.reduce((sum, { value }) => sum + value.length, 0);
    return this.run(options, (operation, context) => writeReliably(operation, context, parts), bytes);
  }

  /**
   * The promise of an operation that waits for its turn. It ends as every wait does; the peer's answer goes nowhere then.
   * @param bytes that the operation keeps meanwhile.
   * @param onBegin is given the wait, to end it.
   */
  run<T>(
    options: WaitOptions & Partial<Pick<StepLimits, "isDefault" | "onTurn">>,
    work: (operation: Operation, context: DiscoveryContext) => Promise<T>,
    bytes = 0,
    onBegin?: (pending: Pending<T>) => void,
  ): Promise<T> {
    const { clock } = this.core;
    const { gate } = this.gatt;
    const isSilenceLimit = options.timeoutMs === undefined;
    const isDefault = isSilenceLimit || options.isDefault === true;
    const { signal, timeoutMs = SILENCE_MS } = options;
    let operation: Operation | undefined;
    let isOver = false;
    let patience: (() => void) | undefined;
    return this.connection.scope.wait<T>(
      { timeoutMs, signal },
      (pending) => {
        onBegin?.(pending);
        // The end of the link ends the wait, and says why.
        const refuse = (error: unknown): void => {
          if (!(error instanceof BleError) || error.code !== "device-disconnected") pending.reject(error);
        };
        let isRepeated = false;
        const perform = (): void => {
          const outcome = {
            resolve: (value: T) => pending.resolve(value),
            reject: (error: unknown) => {
              // Discovery needs no protection (Vol 3, Part G, 8.1): a peer that refuses it is not helped by pairing.
              const isDiscovery = onBegin !== undefined;
              const protecting = isRepeated || isDiscovery ? undefined : this.protect(error);
              if (!protecting) return refuse(error);
              isRepeated = true;
              // A user may take longer than a peer may be silent.
              const postponement = isSilenceLimit ? postponing(clock, pending, SILENCE_MS) : undefined;
              protecting.then(perform, (why) => refuse(refusalFor(error, why))).finally(postponement);
            },
          };
          if (isOver) return;
          let hasTurn = false;
          const begin = (self: Operation): Promise<T> => {
            hasTurn = true;
            if (isDefault && !isSilenceLimit) {
              // What it waited for others of this side, which the peer has answered, was not the peer's time.
              self.onProgress = undefined;
              pending.postpone();
              options.onTurn?.();
            }
            return work(self, this.gatt);
          };
          operation = this.gatt.perform(begin, outcome, bytes);
          if (isSilenceLimit || (isDefault && !hasTurn)) operation.onProgress = () => pending.postpone();
        };
        // The peer may be silent from when it is asked.
        if (isDefault) patience = whileHeld(clock, pending, timeoutMs, gate);
        perform();
      },
      () => {
        isOver = true;
        patience?.();
        operation?.abandon();
      },
    );
  }

  /** What is done about a refusal; undefined: nothing. A request that was refused was not executed, so it may be repeated. */
  private protect(error: unknown): Promise<void> | undefined {
    if (!(error instanceof GattError)) return undefined;
    return this.core.pairing?.protect(this.connection, error.status);
  }
}

/** Where this side may not pair the peer's refusal stands, and its `cause` says why. */
function refusalFor(error: unknown, why: unknown): unknown {
  if (!(error instanceof GattError && why instanceof BleError && why.code === "pairing-refused")) return why;
  error.cause = why;
  return error;
}

function checkCharacteristics(values: unknown, what: string): void {
  if (Array.isArray(values) && values.length > 0 && values.every((each) => each instanceof ClientValue))
    return;
  throw new TypeError(`${what} takes characteristics and descriptors of the peer, at least one`);
}

/** Makes a client for each connection that needs one. */
export class Client {
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  /** The client on a connection that has none yet. */
  open(connection: DeviceConnection): ConnectionClient {
    return new ConnectionClient(this.core, connection, this.core.host.clientOf(connection.link)!);
  }
}
