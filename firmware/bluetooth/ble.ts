/** The radio, advertising and the GATT server by numbers: handles, flags and events. */

import { type ConfigFunction, createConfig } from "../ble/config.ts";
import { BleError } from "../ble/errors.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { Attribute } from "../ble/gatt/server/database.ts";
import { bytesOf, checkedValue, ownBytes, setValue, type Value } from "../ble/gatt/server/values.ts";
import { MAX_VALUE_LENGTH } from "../ble/gatt/types.ts";
import type { Host } from "../ble/host.ts";
import { checkKeys, FORCE_KEYS } from "../ble/option-keys.ts";
import { textOf } from "../ble/text.ts";
import type { UUID } from "../ble/uuid.ts";
import { type GapAdvertiseOptions, LowLevelAdvertising } from "./advertising.ts";
import { LowLevelCentral } from "./central.ts";
import { LowLevelClient } from "./client.ts";
import { type IrqEvent, type IrqHandler, IrqSource } from "./irq.ts";
import { LowLevelChannels } from "./l2cap.ts";
import type { IrqPairing } from "./pairing.ts";
import { type ServiceTuple, serviceOf } from "./services.ts";

/** Advertising interval of `gapAdvertise`, in microseconds, when none is given. */
const DEFAULT_INTERVAL_US = 500_000;
const EMPTY = new Uint8Array(0);

/** An application gets the one of its host by `new BLE()`, each time the same. */
export class BLE {
  /** Asks for a setting by its name, or changes those of an object, as `config` of `aioble` does. */
  readonly config: ConfigFunction;
  private readonly host: Host;
  private readonly updates: Host["gatt"]["updates"];
  private readonly source: IrqSource;
  private channels: LowLevelChannels | undefined = undefined;
  private readonly advertising: LowLevelAdvertising;
  private readonly central: LowLevelCentral;
  private readonly client: LowLevelClient;
  constructor(host: Host) {
    this.host = host;
    this.updates = host.gatt.updates;
    this.config = createConfig(host);
    this.source = new IrqSource(host);
    this.advertising = new LowLevelAdvertising(host);
    this.central = new LowLevelCentral(host, this.source);
    this.client = new LowLevelClient(host, this.source);
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
    return this.advertising.start(intervalUs, options);
  }

  /**
   * Scans, for `durationMs` or until `gapScan(null)` when that is 0: `IRQ_SCAN_RESULT` for each packet that is heard, then
   * `IRQ_SCAN_DONE`. Resolves when the controller scans. The figures left out are MicroPython's.
   * @param intervalUs from one window to the next, 2,500 to 10,240,000 microseconds.
   * @param windowUs how long the radio listens in each, at most `intervalUs`.
   * @param active ask for scan responses.
   * @throws The promise rejects with RangeError, BleError `radio-off`, `already-scanning` also while `aioble` scans,
   * HciError when the controller refuses.
   */
  async gapScan(
    durationMs: number | null = 0,
    intervalUs = 1_280_000,
    windowUs = 11_250,
    active = false,
  ): Promise<void> {
    this.demand("BLE.gapScan");
    if (durationMs === null) return this.central.stopScan();
    return this.central.scan({ durationMs, intervalUs, windowUs, active });
  }

  /**
   * Looks for a device for `scanDurationMs`, and connects: `IRQ_PERIPHERAL_CONNECT` follows, or `IRQ_PERIPHERAL_DISCONNECT`
   * with the handle 0xFFFF. `gapConnect(null)` gives it up, and resolves when that is done.
   * @param addrType 0 public, 1 random.
   * @param addr six bytes in printed order.
   * @throws TypeError, RangeError, BleError `radio-off`, `already-connecting`, `too-many-connections`.
   */
  gapConnect(addrType: null): Promise<void>;
  gapConnect(
    addrType: number,
    addr: Uint8Array,
    scanDurationMs?: number,
    minConnIntervalUs?: number | null,
    maxConnIntervalUs?: number | null,
  ): void;
  gapConnect(
    addrType: number | null,
    addr?: Uint8Array,
    scanDurationMs = 2000,
    minConnIntervalUs?: number | null,
    maxConnIntervalUs?: number | null,
  ): Promise<void> | void {
    this.demand("BLE.gapConnect");
    if (addrType === null) return this.central.cancelConnect();
    const [minIntervalUs, maxIntervalUs] = [minConnIntervalUs ?? undefined, maxConnIntervalUs ?? undefined];
    this.central.connect({ addrType, addr: addr!, scanDurationMs, minIntervalUs, maxIntervalUs });
  }

  /**
   * Begins to pair with a device, or to encrypt with the bond that there is, as `config` says with `bond`, `mitm`, `io` and
   * `leSecure`; a peripheral asks its central to. `IRQ_ENCRYPTION_UPDATE` follows, also when it fails; the log says why.
   * False when there is no such connection.
   * @throws BleError `not-supported` in an image without the feature `security`.
   */
  gapPair(conn: number): boolean {
    const connection = this.host.connections.get(conn);
    return this.pairing("BLE.gapPair").pair(connection);
  }

  /**
   * Answers an `IRQ_PASSKEY_ACTION` of this connection. False when none is open.
   * @param action that of the event.
   * @param passkey for `PASSKEY_ACTION_INPUT` what the user typed, for `PASSKEY_ACTION_DISPLAY` another number to show, 0
   * to 999,999; for `PASSKEY_ACTION_NUMERIC_COMPARISON` 1 when the numbers are equal, 0 when not.
   * @throws RangeError for another action or passkey; BleError `not-supported` in an image without the feature `security`.
   */
  gapPasskey(conn: number, action: number, passkey: number): boolean {
    return this.pairing("BLE.gapPasskey").answer(conn, action, passkey);
  }

  /** @throws BleError `not-supported`. */
  private pairing(method: string): IrqPairing {
    const { pairing } = this.source;
    if (pairing) return pairing;
    throw this.host.missing.get(method)?.() ?? new BleError("not-supported", `${method} is not there.`);
  }

  /** Begins to end a connection; `IRQ_CENTRAL_DISCONNECT`, or `IRQ_PERIPHERAL_DISCONNECT`, follows. False when there is none with this handle. */
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
   * link must be; reading's count for subscribing too, or writing's where the value cannot be read and has none of reading's. With
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
    checkKeys("gattsNotify", options, FORCE_KEYS);
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
    checkKeys("gattsIndicate", options, FORCE_KEYS);
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

  /**
   * Looks for the peer's primary services, those with `uuid` or all: `IRQ_GATTC_SERVICE_RESULT` for each, then
   * `IRQ_GATTC_SERVICE_DONE`. As all that begins with `gattc`, it waits for the operations of this link before it.
   * @throws TypeError for no UUID, BleError `device-disconnected`, `operation-queue-full`.
   */
  gattcDiscoverServices(conn: number, uuid?: UUID | null): void {
    this.demand("BLE.gattcDiscoverServices");
    this.client.discoverServices(this.connection(conn), uuid);
  }

  /**
   * Looks for characteristics in a range of handles, those with `uuid` or all: `IRQ_GATTC_CHARACTERISTIC_RESULT` for each,
   * then `IRQ_GATTC_CHARACTERISTIC_DONE`.
   * @throws as `gattcDiscoverServices`, RangeError for handles that are none.
   */
  gattcDiscoverCharacteristics(
    conn: number,
    startHandle: number,
    endHandle: number,
    uuid?: UUID | null,
  ): void {
    this.demand("BLE.gattcDiscoverCharacteristics");
    this.client.discoverCharacteristics(this.connection(conn), startHandle, endHandle, uuid);
  }

  /** Looks for the attributes of a range of handles: `IRQ_GATTC_DESCRIPTOR_RESULT` for each, then `…_DONE`. Throws as that. */
  gattcDiscoverDescriptors(conn: number, startHandle: number, endHandle: number): void {
    this.demand("BLE.gattcDiscoverDescriptors");
    this.client.discoverDescriptors(this.connection(conn), startHandle, endHandle);
  }

  /** Reads a value, whole: `IRQ_GATTC_READ_RESULT` when there is one, then `IRQ_GATTC_READ_DONE`. Throws as that. */
  gattcRead(conn: number, handle: number): void {
    this.demand("BLE.gattcRead");
    this.client.read(this.connection(conn), handle);
  }

  /**
   * Writes a value. `mode` 0: without response, at once, and no event follows. 1: with response, also a long value;
   * `IRQ_GATTC_WRITE_DONE` follows.
   * @throws as `gattcDiscoverServices`, RangeError for another handle, mode or length; `send-queue-full` without response.
   */
  gattcWrite(conn: number, handle: number, data: Value, mode = 0): void {
    this.demand("BLE.gattcWrite");
    this.client.write(this.connection(conn), handle, checkedValue(data), mode);
  }

  /** Exchanges the ATT_MTU, once on a link: `IRQ_MTU_EXCHANGED` follows. Throws as `gattcDiscoverServices`. */
  gattcExchangeMtu(conn: number): void {
    this.demand("BLE.gattcExchangeMtu");
    this.client.exchangeMtu(this.connection(conn));
  }

  /**
   * Listens for channels of this psm on every connection, each for SDUs of up to `mtu` bytes; again to change the `mtu`, null to
   * end it. `IRQ_L2CAP_ACCEPT` follows for each channel that a device asks for.
   * @param psm 0x80 to 0xFF for applications; those below are the SIG's.
   * @throws RangeError for a number out of range, BleError `psm-in-use`, `not-supported` without the feature `channels`.
   */
  l2capListen(psm: number, mtu: number | null): void {
    this.l2cap("l2capListen").listen(psm, mtu);
  }

  /**
   * Asks a device for a channel; `IRQ_L2CAP_CONNECT` follows, or `IRQ_L2CAP_DISCONNECT` with a status.
   * @throws RangeError for a number out of range, BleError `device-disconnected`, `too-many-channels`, `peer-memory-full`.
   */
  l2capConnect(conn: number, psm: number, mtu: number): void {
    this.l2cap("l2capConnect").connect(this.connection(conn), psm, mtu);
  }

  /** Closes a channel; `IRQ_L2CAP_DISCONNECT` follows. @throws BleError `l2cap-disconnected` when there is none. */
  l2capDisconnect(conn: number, cid: number): void {
    this.l2cap("l2capDisconnect").disconnect(conn, cid);
  }

  /**
   * Sends one SDU, of 1 byte to the MTU of the peer. Returns whether it has left for the controller: when not, it is kept, and
   * nothing more is taken until `IRQ_L2CAP_SEND_READY`.
   * @throws RangeError for another length, BleError `send-queue-full` before that event, `l2cap-disconnected`.
   */
  l2capSend(conn: number, cid: number, data: Value): boolean {
    return this.l2cap("l2capSend").send(conn, cid, bytesOf(data));
  }

  /**
   * Copies what has arrived into `target`, as much as there is and as fits, SDUs one after the other; the rest is for the next
   * call. Returns the number of bytes; null in place of a buffer only asks how many there are.
   * @throws BleError `l2cap-disconnected` when there is no such channel.
   */
  l2capRecvinto(conn: number, cid: number, target: Uint8Array | null): number {
    return this.l2cap("l2capRecvinto").recvinto(conn, cid, target);
  }

  private l2cap(method: string): LowLevelChannels {
    this.demand(`BLE.${method}`);
    this.channels ??= new LowLevelChannels(this.host.channels!, this.source);
    return this.channels;
  }

  /** @throws BleError `not-supported` for a method that comes with a feature which the image is without. */
  private demand(method: string): void {
    const missing = this.host.missing.get(method);
    if (missing) throw missing();
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
  hciCmd: 0,
};

for (const name of Object.keys(LATER)) {
  (BLE.prototype as unknown as Record<string, unknown>)[name] = () => {
    throw new BleError("not-supported", `${name}() is not there: the stack alone speaks to the controller.`);
  };
}

function queueFull(conn: number): BleError {
  return new BleError("send-queue-full", `Connection ${conn} takes updates more slowly than they come.`);
}
