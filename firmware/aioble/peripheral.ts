/** Advertising for a connection. */

import { BleError } from "../ble/errors.ts";
import { checkInterval } from "../ble/gap/advertiser.ts";
import { type AdvertisingPayload, buildAdvertisingPayload } from "../ble/gap/advertising-data.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { utf8Encode } from "../ble/utf8.ts";
import { UUID } from "../ble/uuid.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

/** What to advertise and for how long. */
export interface AdvertiseOptions extends WaitOptions {
  /** Advertising interval in microseconds, 20,000 to 10,240,000; rounded down to 625. */
  readonly intervalUs: number;
  /** Local name; also becomes the GAP Device Name. */
  readonly name?: string;
  /** Service UUIDs, all of them complete lists. */
  readonly services?: readonly UUID[];
  /** Appearance, 0..0xFFFF; also becomes the GAP Appearance. */
  readonly appearance?: number;
  /** Company identifier, 0..0xFFFF, and its data. */
  readonly manufacturer?: readonly [companyId: number, data: Uint8Array];
  /** Whether centrals may connect; true by default. False is a beacon: it ends only by `timeoutMs` or `signal`. */
  readonly connectable?: boolean;
}

export class Peripheral {
  private readonly core: Core;
  private waiting: Pending<DeviceConnection> | undefined = undefined;
  /** A connection that came while the end of an advertisement was on its way to the controller. */
  private late: DeviceConnection | undefined = undefined;
  private busy = false;
  /** The call that runs has its connection. */
  private found = false;

  constructor(core: Core) {
    this.core = core;
  }

  /** See `aioble.advertise`. */
  advertise(options: AdvertiseOptions): Promise<DeviceConnection> {
    checkTimeout(options.timeoutMs);
    check(options);
    if (this.busy) {
      throw new BleError(
        "already-advertising",
        "advertise() runs already; wait for it or end it by its signal.",
      );
    }
    const payload = buildAdvertisingPayload({ ...options, connectable: options.connectable ?? true });
    this.busy = true;
    return this.run(options, payload).finally(() => {
      this.busy = false;
    });
  }

  private async run(options: AdvertiseOptions, payload: AdvertisingPayload): Promise<DeviceConnection> {
    this.late = undefined;
    this.found = false;
    try {
      return await this.core.scope.wait<DeviceConnection>(
        options,
        (pending) => {
          this.waiting = pending;
          this.begin(options, payload, pending).catch((error: unknown) => pending.reject(error));
        },
        () => {
          this.waiting = undefined;
        },
      );
    } catch (error) {
      return this.stopBecauseOf(error);
    }
  }

  /** Switches the radio and advertising on, unless the wait has ended meanwhile. */
  private async begin(
    options: AdvertiseOptions,
    payload: AdvertisingPayload,
    pending: Pending<DeviceConnection>,
  ): Promise<void> {
    const host = this.core.host;
    await host.activate();
    if (this.waiting !== pending) return;
    if (options.name !== undefined) host.gatt.setDeviceName(utf8Encode(options.name));
    if (options.appearance !== undefined) host.gatt.setAppearance(options.appearance);
    await host.advertiser.start({
      intervalUs: options.intervalUs,
      connectable: options.connectable ?? true,
      ...payload,
    });
  }

  /** Advertising is off the air before its end is reported; a connection that won that race is returned. */
  private async stopBecauseOf(error: unknown): Promise<DeviceConnection> {
    const host = this.core.host;
    if (host.active) {
      await host.advertiser
        .stop()
        .catch((cause: unknown) => host.platform.log("warning", `aioble: ${cause}`));
    } else {
      host.advertiser.forget();
    }
    const late: DeviceConnection | undefined = this.late;
    this.late = undefined;
    if (late?.isConnected()) return late;
    throw error;
  }

  /** The host has a new link. Returns false when nobody wants it. */
  connected(connection: DeviceConnection): boolean {
    if (!this.busy || this.found) return false;
    this.found = true;
    if (this.waiting) this.waiting.resolve(connection);
    else this.late = connection;
    return true;
  }

  /** The radio is lost for good. */
  radioLost(error: BleError): void {
    this.waiting?.reject(error);
  }
}

function check(options: AdvertiseOptions): void {
  const { intervalUs, name, services, appearance, manufacturer } = options;
  if (typeof intervalUs !== "number") {
    throw new TypeError("advertise() needs intervalUs: the advertising interval in microseconds");
  }
  checkInterval(intervalUs);
  if (name !== undefined && typeof name !== "string") throw new TypeError("name is a string");
  if (services && !services.every((uuid) => uuid instanceof UUID)) {
    throw new TypeError("services is an array of bluetooth.UUID");
  }
  if (appearance !== undefined && !isU16(appearance)) {
    throw new RangeError(`appearance ${appearance} is out of range: 0 to 0xFFFF`);
  }
  if (manufacturer) {
    const [companyId, data] = manufacturer;
    if (!isU16(companyId))
      throw new RangeError(`company identifier ${companyId} is out of range: 0 to 0xFFFF`);
    if (!(data instanceof Uint8Array))
      throw new TypeError("manufacturer is [company identifier, Uint8Array]");
  }
}

function isU16(value: number): boolean {
  return value >= 0 && value <= 0xffff && Math.floor(value) === value;
}

/** A link that nobody waits for is ended politely. */
export function endUnwanted(core: Core, link: Connection): void {
  core.host.platform.log("warning", "aioble: ended a connection that nobody waits for");
  core.host.disconnect(link).catch((error: unknown) => core.host.platform.log("warning", `aioble: ${error}`));
}
