/**
 * The module `aioble` as an application sees it. On the camera its names are bound to the host that runs the
 * application (aioble.ts); this file declares them for TypeScript.
 */

import type { Config, ReadOnlyConfig } from "../ble/config.ts";
import type { AdvertiseOptions, PayloadOptions } from "./advertising.ts";
import type { Counters } from "./counters.ts";
import type { DeviceConnection } from "./device-connection.ts";
import type { ParameterPolicy } from "./link-control.ts";
import type { Broadcaster } from "./peripheral.ts";
import type { Scan, ScanOptions } from "./scan.ts";
import type { Security } from "./security.ts";
import type { Service } from "./server.ts";

export type { Config, ReadOnlyConfig } from "../ble/config.ts";
export type { DataLength, LinkParameters } from "../ble/gap/connection.ts";
export type { ParameterRange } from "../ble/gap/parameter-range.ts";
export type { Value } from "../ble/gatt/server/values.ts";
export { PairingError } from "../ble/smp/failure.ts";
export type { PairingPolicy } from "../ble/smp/port.ts";
export type { AdvertiseOptions, PayloadOptions } from "./advertising.ts";
export type { BondedDevice, BondList } from "./bonds.ts";
export type { CapturedWrite } from "./capture.ts";
export type { ExchangeMtuOptions, ReadMultipleOptions, ReliableWrite } from "./client.ts";
export {
  type CharacteristicWriteOptions,
  ClientCharacteristic,
  ClientDescriptor,
  type SubscribeOptions,
} from "./client-characteristic.ts";
export { ClientService } from "./client-service.ts";
export type { ClientWriteOptions } from "./client-value.ts";
export type { Counters } from "./counters.ts";
export { ADDR_PUBLIC, ADDR_RANDOM, Device } from "./device.ts";
export { DeviceConnection } from "./device-connection.ts";
export {
  BleError,
  DeviceDisconnectedError,
  GattError,
  HciError,
  ProtocolError,
  TimeoutError,
} from "./errors.ts";
export type { KeepConnectedOptions } from "./keep-connected.ts";
export type { L2CAPOptions } from "./l2cap.ts";
export { L2CAPChannel, type SendOptions } from "./l2cap-channel.ts";
export { L2CAPConnectionError, L2CAPDisconnectedError } from "./l2cap-errors.ts";
export type {
  Coding,
  DataLengthOptions,
  LinkPhys,
  ParameterOptions,
  ParameterPolicy,
  Phy,
  PhyOptions,
} from "./link-control.ts";
export type { AgentRequest, OobData, PairingAgent, PairingMethod } from "./pairing-agent.ts";
export type { Broadcaster } from "./peripheral.ts";
export type { PresentationFormat } from "./presentation-format.ts";
export type { ProtectionOptions, SecurityLevel } from "./protection.ts";
export { type ManufacturerFilter, Scan, type ScanFilters, type ScanOptions } from "./scan.ts";
export { type ManufacturerData, ScanResult } from "./scan-result.ts";
export type { PairingWindowOptions, PairOptions, Security } from "./security.ts";
export {
  BufferedCharacteristic,
  type BufferOptions,
  Characteristic,
  type CharacteristicOptions,
  Descriptor,
  type DescriptorOptions,
  Service,
} from "./server.ts";
export type { Signal, WaitOptions } from "./wait.ts";

/**
 * Advertises until a central connects, and resolves with the connection; advertising has stopped then. Switches the
 * radio on when it is off. Fields go into the advertising packet as long as they fit there (31 bytes), then into the
 * scan response (31 more).
 *
 * A connection is returned as soon as the central has sent data, or after eight connection intervals without (two
 * seconds at most); when the controller finds before that it could not be established (reason 0x3E), advertising goes on.
 *
 * Ends also by `timeoutMs` or `signal`: advertising is off the air before that is reported, and a connection that wins
 * the race is returned.
 * @throws TypeError or RangeError at once for a bad option, RangeError that names the field which does not fit.
 * @throws The promise rejects with TimeoutError, the signal's reason, BleError `already-advertising` when a call runs
 * already, `too-many-connections`, `radio-off` by `stop`, HciError when the controller fails, with the code
 * `advertising-while-connected` when it cannot advertise beside the links that are up. A controller that refuses is asked
 * again, after pauses of 250 ms to 60 s, until `timeoutMs`; statuses 0x01, 0x11 and 0x12 reject at once, `controller-refused`.
 */
export declare function advertise(options: AdvertiseOptions): Promise<DeviceConnection>;

/**
 * Advertises, yields each connection, and advertises again, while up to four devices are connected (`maxConnections`).
 * When there is no room for another, or the controller cannot advertise beside a link, it goes on when one leaves.
 * Leaving the loop ends it, off the air before the loop is over; a connection that was not taken by then is
 * disconnected. A controller that refuses is asked again, whatever the status.
 * @throws TypeError or RangeError at once for a bad option; the steps reject as `advertise` does, but not for a refusal.
 */
export declare function connections(
  options: Omit<AdvertiseOptions, "timeoutMs">,
): AsyncIterableIterator<DeviceConnection> & { [Symbol.asyncDispose](): Promise<void> };

/**
 * Advertises without accepting connections, until it is stopped: a beacon, or a feed of values for whoever listens.
 * Resolves once it is on the air. It goes on while devices are connected.
 * @throws as `advertise`.
 */
export declare function broadcast(
  options: Omit<AdvertiseOptions, "timeoutMs" | "signal" | "connectable" | "directedTo" | "highDuty">,
): Promise<Broadcaster>;

/**
 * Replaces the payload of the advertisement that runs, and resolves when it is on the air. That goes on meanwhile, but
 * for a moment when nobody can connect and a scan response comes or goes, which makes another kind of it.
 * @throws TypeError or RangeError at once for a bad field.
 * @throws The promise rejects with BleError `not-advertising` when none runs, HciError when the controller refuses.
 */
export declare function updateAdvertising(fields: PayloadOptions): Promise<void>;

/**
 * Listens to who advertises nearby. Iterate over it: the scan begins with the first step, switches the radio on when it is
 * off, and ends when the loop is left, after `durationMs`, or with `stop()`; it is off the air before the loop is over.
 * Results come in the order in which they were heard.
 * @throws TypeError or RangeError at once for a bad option.
 * @throws A step rejects with the signal's reason, BleError `already-scanning` when a scan runs already, `controller-busy` when
 * the controller says that it cannot scan beside what it is at, `accept-list-full` when the controller has no room for `devices`, HciError when the controller fails or refuses.
 */
export declare function scan(options?: ScanOptions): Scan;

/**
 * Sets who decides whether peers get the connection parameters that they ask for, by their link layer or by L2CAP, on any
 * link; undefined, as at first: all that are in range. What it returns other than true, or throws, refuses.
 * @throws TypeError for what is not a function.
 */
export declare function setParameterPolicy(policy?: ParameterPolicy): void;

/**
 * Puts these services, with their characteristics, into the GATT server in place of what was registered before. Before
 * or while the radio is on.
 * @throws TypeError for anything but a Service, and for an `onRead`, `onWrite` or `onSubscribe` that is no function; what was
 * registered before stays then.
 */
export declare function registerServices(...services: Service[]): void;

/** Who stands for the camera's user while it pairs, and when devices may begin to. */
export declare const security: Security;

/**
 * Switches the radio off: ends advertising and every connection (reason 0x15, so that peers know at once), and resets the
 * controller. Resolves when it is off, within some seconds even when peers or the controller do not answer. Whatever
 * waits ends: waits on a connection with DeviceDisconnectedError (`disconnected` resolves), others with BleError
 * `radio-off`; `connections` and `writes` end their loops. Registered services, values, names and configuration stay,
 * and the next call that needs the radio switches it on again.
 */
export declare function stop(): Promise<void>;

/** What was dropped since the camera started, and what peers make it keep: an object of plain numbers, as they are now. */
export declare function counters(): Counters;

/**
 * Asks for one setting: `config("mac")`, `config("gapName")`. Settings are known at once, whether the radio is on or off.
 * @throws TypeError for an unknown key, BleError `not-supported` for one of pairing, `radio-off` when the
 * public address is asked for and the radio has not been on.
 */
export declare function config<K extends keyof (Config & ReadOnlyConfig)>(
  key: K,
): (Config & ReadOnlyConfig)[K];
/**
 * Changes settings: all, or none when one of them is wrong.
 * @throws TypeError for an unknown key and a value of another type, RangeError for a value out of range, BleError `not-supported` for what comes with
 * pairing.
 */
export declare function config(changes: Partial<Config>): void;

/** Writes an error of the application to the console, `[aioble] E: …`, unless `logLevel` is 0. */
export declare function logError(...values: readonly unknown[]): void;
/** Writes a warning, `[aioble] W: …`, when `logLevel` is 2 or more. */
export declare function logWarn(...values: readonly unknown[]): void;
/** Writes a piece of news, `[aioble] I: …`, when `logLevel` is 3. */
export declare function logInfo(...values: readonly unknown[]): void;
