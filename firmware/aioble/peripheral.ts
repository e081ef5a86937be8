/** Advertising: for one connection, for a stream of them, or for whoever listens. */
import { BleError } from "../ble/errors.ts";
import type { AdvertisingPayload } from "../ble/gap/advertising-data.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { utf8Encode } from "../ble/utf8.ts";
import type { Timer } from "../platform/platform.ts";
import {
  type AdvertiseOptions,
  checkAdvertising,
  deadlineOf,
  type PayloadOptions,
  payloadOf,
} from "./advertising.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device.ts";
import { radioOff } from "./errors.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

/** A running advertisement without connections, from `broadcast`. */
export interface Broadcaster {
  /** Replaces the payload while the broadcast goes on. @throws as `broadcast` does for its fields. */
  update(fields: PayloadOptions): Promise<void>;
  /** Takes it off the air. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The advertisement that runs, or is about to. */
interface Claim {
  options: AdvertiseOptions;
  readonly payload: AdvertisingPayload;
}

export class Peripheral {
  private readonly core: Core;
  private waiting: Pending<DeviceConnection> | undefined = undefined;
  /** A connection that came while the end of an advertisement was on its way to the controller. */
  private late: DeviceConnection | undefined = undefined;
  private current: Claim | undefined = undefined;
  /** The call that runs has its connection. */
  private found = false;
  private slowDown: Timer;

  constructor(core: Core) {
    this.core = core;
  }

  /** See `aioble.advertise`. */
  advertise(options: AdvertiseOptions): Promise<DeviceConnection> {
    const claim = this.claim(options);
    return this.run(claim).finally(() => this.release(claim));
  }

  /** See `aioble.broadcast`. */
  async broadcast(options: Omit<AdvertiseOptions, keyof WaitOptions>): Promise<Broadcaster> {
    const quiet = { ...options, connectable: false };
    const claim = this.claim(quiet);
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      if (this.current !== claim) return Promise.resolve();
      stopping ??= this.offAir().finally(() => this.release(claim));
      return stopping;
    };
    try {
      await this.core.host.activate();
      await this.onAir(claim);
      if (this.current !== claim) throw radioOff();
    } catch (error) {
      this.release(claim);
      throw error;
    }
    return {
      update: (fields) => (this.current === claim && !stopping ? this.update(fields) : Promise.resolve()),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }

  /** See `aioble.updateAdvertising`. */
  update(fields: PayloadOptions): Promise<void> {
    const current = this.current;
    if (!current)
      throw new BleError("not-advertising", "There is no advertisement whose payload could change.");
    const { connectable, discoverable, limitedDisc, brEdr, intervalUs } = current.options;
    const options = { ...fields, connectable, discoverable, limitedDisc, brEdr, intervalUs };
    checkAdvertising(options);
    const { advData, respData } = payloadOf(options);
    current.options = { ...current.options, ...fields };
    this.updateGap(current.options);
    return this.core.host.advertiser.update(advData, respData);
  }

  /** Checks everything that can be checked at once, and takes the one advertisement there is. */
  private claim(options: AdvertiseOptions): Claim {
    checkTimeout(options.timeoutMs);
    checkAdvertising(options);
    const { host } = this.core;
    if (this.current || host.advertiser.advertising) {
      throw new BleError(
        "already-advertising",
        "An advertisement runs already; wait for it or end it by its signal.",
      );
    }
    if (options.connectable !== false && host.connections.size >= host.maxConnections) {
      throw new BleError(
        "too-many-connections",
        `${host.maxConnections} devices are connected, which is all there is room for: wait until one leaves.`,
      );
    }
    const payload = payloadOf(options);
    if (options.brEdr) {
      host.platform.log("warning", "aioble: brEdr: true announces a radio that this camera does not have");
    }
    this.current = { options, payload };
    host.advertiser.owner = this;
    return this.current;
  }

  private release(claim: Claim | undefined): void {
    if (this.current !== claim) return;
    this.current = undefined;
    this.core.host.advertiser.owner = undefined;
    this.stopSlowDown();
  }

  private stopSlowDown(): void {
    if (this.slowDown !== undefined) this.core.host.platform.clock.clearTimer(this.slowDown);
    this.slowDown = undefined;
  }

  private async run(claim: Claim): Promise<DeviceConnection> {
    this.late = undefined;
    this.found = false;
    try {
      return await this.core.scope.wait<DeviceConnection>(
        deadlineOf(claim.options),
        (pending) => {
          this.waiting = pending;
          this.begin(claim, pending).catch((error: unknown) => pending.reject(error));
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
  private async begin(claim: Claim, pending: Pending<DeviceConnection>): Promise<void> {
    await this.core.host.activate();
    if (this.waiting === pending) await this.onAir(claim);
  }

  private async onAir(claim: Claim): Promise<void> {
    const { options, payload } = claim;
    const { advertiser, platform } = this.core.host;
    const { intervalUs, fast, directedTo, connectable = true } = options;
    this.updateGap(options);
    const parameters = {
      intervalUs,
      connectable,
      directedTo: directedTo && { addressType: directedTo.addrType, address: directedTo.addr },
      ...payload,
    };
    if (!fast) return advertiser.start(parameters);
    await advertiser.start({ ...parameters, intervalUs: fast.intervalUs });
    if (this.current !== claim || !advertiser.advertising) return;
    this.slowDown = platform.clock.setTimer(() => {
      this.slowDown = undefined;
      advertiser.slowDown(intervalUs).catch((error: unknown) => {
        if (this.waiting) this.waiting.reject(error);
        else platform.log("warning", `aioble: ${error}`);
      });
    }, fast.durationMs);
  }

  /** The characteristics and the advertisement say the same (CSS, Part A, 1.2 and 1.12). */
  private updateGap({ updateGap, name, appearance }: AdvertiseOptions): void {
    if (updateGap === false) return;
    const { gatt } = this.core.host;
    if (name !== undefined) gatt.generic.deviceName = utf8Encode(name);
    if (appearance !== undefined) gatt.generic.appearance = appearance;
  }

  private async offAir(): Promise<void> {
    this.stopSlowDown();
    const host = this.core.host;
    if (!host.active) return host.advertiser.forget();
    await host.advertiser.stop().catch((cause: unknown) => host.platform.log("warning", `aioble: ${cause}`));
  }

  /** Advertising is off the air before its end is reported; a connection that won that race is returned. */
  private async stopBecauseOf(error: unknown): Promise<DeviceConnection> {
    await this.offAir();
    const late: DeviceConnection | undefined = this.late;
    this.late = undefined;
    if (late?.isConnected()) return late;
    throw error;
  }

  /** The host has a new link. Returns false when nobody wants it. */
  connected(connection: DeviceConnection): boolean {
    const { owner } = this.core.host.advertiser;
    if (owner && owner !== this) return true;
    if (!this.current || this.found) return false;
    this.found = true;
    if (this.waiting) this.waiting.resolve(connection);
    else this.late = connection;
    return true;
  }

  /** What was on the air is not any more, and will not be again. */
  lost(error: unknown): void {
    this.waiting?.reject(error);
  }

  /** The radio is being switched off. Another advertisement may be asked for at once, for when it is on again. */
  stopping(): void {
    this.release(this.current);
    this.lost(radioOff());
  }
}

/** A link that nobody waits for is ended politely. */
export function endUnwanted(core: Core, link: Connection): void {
  core.host.platform.log("warning", "aioble: ended a connection that nobody waits for");
  core.host.disconnect(link).catch((error: unknown) => core.host.platform.log("warning", `aioble: ${error}`));
}
