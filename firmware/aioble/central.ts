/** Connecting to devices, as a central. */

import { BleError } from "../ble/errors.ts";
import type { Attempt, ConnectParameters } from "../ble/gap/attempt.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { checkParameterRange } from "../ble/gap/parameter-range.ts";
import { checkScanTiming } from "../ble/gap/scan-parameters.ts";
import { HCI_STATUS } from "../ble/hci/status.ts";
import { checkKeys, type KeyTable, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { textOf } from "../ble/text.ts";
import type { Timer } from "../platform/platform.ts";
import type { Core } from "./core.ts";
import type { Device } from "./device.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { holdTimeMs } from "./hold.ts";
import { type KeepConnectedOptions, keepConnected } from "./keep-connected.ts";
import type { Stream } from "./stream.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

/** How long `connect` looks for a device when nobody says. */
const TIMEOUT_MS = 10_000;

/** What `Device.connect` takes. */
export interface ConnectOptions extends WaitOptions {
  /** Milliseconds until the connection is up, 10,000 when left out. Ends in `TimeoutError`. */
  readonly timeoutMs?: number;
  /** How long to look for the device, where that is shorter than `timeoutMs`. */
  readonly scanDurationMs?: number;
  /** How the radio listens: microseconds from one window to the next, and of each window; 10,000 each when left out. */
  readonly scanIntervalUs?: number;
  readonly scanWindowUs?: number;
  /** Bounds of the connection interval, 7,500 to 4,000,000 microseconds: 30,000 and 50,000 when left out. */
  readonly minConnIntervalUs?: number;
  readonly maxConnIntervalUs?: number;
  /** Connection events that the device may skip, 0 to 499: none when left out. */
  readonly latency?: number;
  /** How long the link survives silence, 100 to 32,000 milliseconds: 2,560 when left out. */
  readonly supervisionTimeoutMs?: number;
}

/** Everybody who waits for a connection to one device. */
interface Search {
  readonly key: string;
  readonly device: Device;
  readonly parameters: ConnectParameters;
  readonly waiting: Set<Pending<DeviceConnection>>;
  state:
    | { readonly is: "starting" }
    /** The device has a link yet that is ending: a controller makes no second one. */
    | { readonly is: "waiting"; readonly connection: DeviceConnection }
    | { readonly is: "looking"; readonly attempt: Attempt<Connection> }
    /** A link is up, of which nothing was heard yet. */
    | { readonly is: "holding"; readonly connection: DeviceConnection; readonly hold: Timer }
    | { readonly is: "over" };
}

const CONNECT_KEYS: OptionKeys<ConnectOptions> = {
  ...WAIT_KEYS,
  scanDurationMs: "number",
  scanIntervalUs: "number",
  scanWindowUs: "number",
  minConnIntervalUs: "number",
  maxConnIntervalUs: "number",
  latency: "number",
  supervisionTimeoutMs: "number",
};

/** @throws TypeError or RangeError for the first option that is wrong. */
function parametersOf(options: ConnectOptions, keys: KeyTable = CONNECT_KEYS): ConnectParameters {
  checkKeys("connect", options, keys);
  checkTimeout(options.timeoutMs);
  checkTimeout(options.scanDurationMs, "scanDurationMs");
  const { scanIntervalUs = 10_000, minConnIntervalUs, maxConnIntervalUs } = options;
  const parameters = {
    scanIntervalUs,
    scanWindowUs: options.scanWindowUs ?? scanIntervalUs,
    minIntervalUs: minConnIntervalUs ?? Math.min(30_000, maxConnIntervalUs ?? 30_000),
    maxIntervalUs: maxConnIntervalUs ?? Math.max(50_000, minConnIntervalUs ?? 50_000),
    latency: options.latency ?? 0,
    supervisionTimeoutMs: options.supervisionTimeoutMs ?? 2560,
  };
  checkScanTiming(scanIntervalUs, parameters.scanWindowUs);
  checkParameterRange(parameters);
  return parameters;
}

export class Central {
  private readonly core: Core;
  /** By device. */
  private readonly searches = new Map<string, Search>();

  constructor(core: Core) {
    this.core = core;
  }

  /**
   * @param others that may be there beside those of `Device.connect`
   * @throws TypeError or RangeError for the first option that is wrong.
   */
  check(options: ConnectOptions, others: KeyTable): void {
    parametersOf(options, { ...CONNECT_KEYS, ...others });
  }

  /** See `Device.keepConnected`. */
  keepConnected(device: Device, options: KeepConnectedOptions): Stream<DeviceConnection> {
    return keepConnected(this.core, this, device, options);
  }

  /** See `Device.connect`. */
  async connect(device: Device, options: ConnectOptions): Promise<DeviceConnection> {
    const parameters = parametersOf(options);
    const { timeoutMs = TIMEOUT_MS, scanDurationMs = timeoutMs, signal } = options;
    const key = `${device.addrType} ${device.addrHex()}`;
    const there = this.connectionTo(device);
    if (there) return there;
    if (!this.searches.has(key)) this.checkRoom(device);
    let mine: Pending<DeviceConnection> | undefined;
    try {
      return await this.core.scope.wait<DeviceConnection>(
        { timeoutMs: Math.min(timeoutMs, scanDurationMs), signal },
        (pending) => {
          mine = pending;
          this.search(key, device, parameters).waiting.add(pending);
        },
        () => {
          const search = this.searches.get(key);
          if (search && mine && search.waiting.delete(mine) && search.waiting.size === 0) this.giveUp(search);
        },
      );
    } catch (error) {
      throw this.core.causeOf(error);
    }
  }

  /** A link to this device that is up, not about to end, and no longer held back. */
  private connectionTo(device: Device): DeviceConnection | undefined {
    for (const connection of this.core.connections.values()) {
      if (connection.isEnding || !connection.device.equals(device)) continue;
      const isHeld = [...this.searches.values()].some(
        ({ state }) => state.is === "holding" && state.connection === connection,
      );
      if (!isHeld) return connection;
    }
    return undefined;
  }

  /** A link to this device that is not down yet. */
  private endingTo(device: Device): DeviceConnection | undefined {
    for (const connection of this.core.connections.values()) {
      if (connection.isConnected() && connection.isEnding && connection.device.equals(device))
        return connection;
    }
    return undefined;
  }

  private checkRoom(device: Device): void {
    const { host } = this.core;
    // The place of a link that ends is its successor's.
    let wanted = host.connections.size - (this.endingTo(device) ? 1 : 0);
    // A link that is held back is among the connections already, and so is one whose end is waited for.
    for (const { state } of this.searches.values())
      if (state.is !== "holding" && state.is !== "waiting") wanted++;
    if (wanted < host.maxConnections) return;
    throw new BleError(
      "too-many-connections",
      `${host.maxConnections} devices are connected or looked for, which is all there is room for: wait until one leaves.`,
    );
  }

  private search(key: string, device: Device, parameters: ConnectParameters): Search {
    const found = this.searches.get(key);
    if (found) return found;
    const search: Search = { key, device, parameters, waiting: new Set(), state: { is: "starting" } };
    this.searches.set(key, search);
    this.core.host.activate().then(
      () => {
        if (search.state.is === "starting") this.look(search);
      },
      (error: unknown) => this.fail(search, error),
    );
    return search;
  }

  private look(search: Search): void {
    const ending = this.endingTo(search.device);
    if (ending) {
      search.state = { is: "waiting", connection: ending };
      return;
    }
    const { initiator } = this.core.host;
    const attempt = initiator!.connect(search.device.onAir, search.parameters, {
      onConnected: (link) => this.connected(search, link),
      onFailed: (error) => this.fail(search, error),
    });
    search.state = { is: "looking", attempt };
  }

  private connected(search: Search, link: Connection): void {
    const { host } = this.core;
    const connection = this.core.connectionOf(link)!;
    host.encryption?.holdBack(link);
    const deliver = (): void => {
      if (search.state.is === "holding" && search.state.connection === connection)
        this.found(search, connection);
    };
    link.onEstablished = deliver;
    const hold = this.core.clock.setTimer(deliver, holdTimeMs(link.parameters));
    search.state = { is: "holding", connection, hold };
  }

  private found(search: Search, connection: DeviceConnection): void {
    this.end(search);
    const { encryption } = this.core.host;
    encryption?.encryptByItself(connection.link);
    for (const pending of [...search.waiting]) pending.resolve(connection);
  }

  private fail(search: Search, error: unknown): void {
    if (search.state.is === "over") return;
    this.end(search);
    for (const pending of [...search.waiting]) pending.reject(error);
  }

  /** Nobody waits any more: what was asked for is taken back, and a link that nobody has seen is ended. */
  private giveUp(search: Search): void {
    const { host } = this.core;
    const { state } = search;
    this.end(search);
    const onError = (error: unknown): void => host.log("warning", `aioble: ${textOf(error)}`);
    if (state.is === "looking") host.initiator?.cancel(state.attempt).catch(onError);
    if (state.is === "holding") host.disconnect(state.connection.link).catch(onError);
  }

  private end(search: Search): void {
    const { state } = search;
    if (state.is === "holding") this.core.clock.clearTimer(state.hold);
    search.state = { is: "over" };
    if (this.searches.get(search.key) === search) this.searches.delete(search.key);
  }

  /**
   * A link has ended. One that was held back has never existed, or is gone already: the search goes on, as does one that
   * has waited for this.
   */
  disconnected(connection: DeviceConnection, reason: number): void {
    for (const search of this.searches.values()) {
      const { state } = search;
      const isConcerned = state.is === "holding" || state.is === "waiting";
      if (!isConcerned || state.connection !== connection) continue;
      if (state.is === "holding") this.core.clock.clearTimer(state.hold);
      if (reason === HCI_STATUS.HARDWARE_FAILURE) search.state = { is: "starting" };
      this.look(search);
      return;
    }
  }
}
