/** Advertising: for one connection, for a stream of them, or for whoever listens. */
import { BleError, HciError } from "../ble/errors.ts";
import { HIGH_DUTY_MS } from "../ble/gap/advertiser.ts";
import type { AdvertisingPayload } from "../ble/gap/advertising-data.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { HCI_STATUS } from "../ble/hci/status.ts";
import type { LogLevel, Timer } from "../platform/platform.ts";
import {
  type AdvertiseOptions,
  checkAdvertising,
  checkPayload,
  deadlineOf,
  nameBytes,
  type PayloadOptions,
  payloadOf,
} from "./advertising.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device.ts";
import { radioOff, TimeoutError } from "./errors.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

/**
 * A link that nothing was heard of for six intervals ends with reason 0x3E: it has never existed (Vol 6, Part B, 4.5.2).
 * So a connection is returned when the peer has sent data, or after some more intervals; where they are long, sooner.
 */
const HOLD_INTERVALS = 8;
const HOLD_MAX_MS = 2000;

/** Reasons for the end of a link that the peer had no part in. */
const NEVER_EXISTED: readonly number[] = [
  HCI_STATUS.CONNECTION_FAILED_TO_BE_ESTABLISHED,
  HCI_STATUS.HARDWARE_FAILURE,
];

/** A running advertisement without connections, from `broadcast`. */
export interface Broadcaster {
  /**
   * Replaces the payload while the broadcast goes on; nothing happens after `stop`.
   * @throws as `broadcast` does for its fields; what ended the broadcast when that was not `stop`.
   */
  update(fields: PayloadOptions): Promise<void>;
  /** Takes it off the air. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One call of `advertise` or `broadcast`. */
interface Run {
  readonly options: AdvertiseOptions;
  /** What is sent, or will be. */
  payload: AdvertisingPayload;
  /** Who waits for the connection; nobody does for a broadcast's. */
  pending: Pending<DeviceConnection> | undefined;
  /** It has its connection. */
  found: boolean;
  /** A connection that has not been returned: no data came yet, or the advertisement was about to end. */
  late: DeviceConnection | undefined;
  /** When it is returned without data. */
  hold: Timer;
  /** It is over, or about to be. */
  ended: boolean;
  /** Why a broadcast is over that nobody stopped. */
  failure: unknown;
  slowDown: Timer;
}

export class Peripheral {
  private readonly core: Core;
  /** There is one at a time. */
  private current: Run | undefined = undefined;
  /** What the log has been told. */
  private readonly told = new Set<string>();

  constructor(core: Core) {
    this.core = core;
  }

  /** See `aioble.advertise`. `again`: the caller will advertise again by itself. */
  advertise(options: AdvertiseOptions, again = false): Promise<DeviceConnection> {
    return this.wait(this.prepare(options), again);
  }

  /** See `aioble.broadcast`. */
  broadcast(options: Omit<AdvertiseOptions, keyof WaitOptions>): Promise<Broadcaster> {
    return this.air(this.prepare({ ...options, connectable: false }));
  }

  private async air(run: Run): Promise<Broadcaster> {
    this.claim(run);
    try {
      await this.onAir(run);
      if (run.ended) throw run.failure ?? radioOff();
    } catch (error) {
      run.ended = true;
      await this.offAir(run);
      this.release(run);
      throw error;
    }
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      run.ended = true;
      stopping ??= this.offAir(run).then(() => this.release(run));
      return stopping;
    };
    const update = (fields: PayloadOptions): Promise<void> => {
      if (!run.ended) return this.replace(run, fields);
      return run.failure ? Promise.reject(run.failure) : Promise.resolve();
    };
    return { update, stop, [Symbol.asyncDispose]: stop };
  }

  /** See `aioble.updateAdvertising`. */
  update(fields: PayloadOptions): Promise<void> {
    const run = this.current;
    if (run && !run.ended) return this.replace(run, fields);
    return Promise.reject(
      new BleError("not-advertising", "There is no advertisement whose payload could change."),
    );
  }

  private replace(run: Run, fields: PayloadOptions): Promise<void> {
    checkPayload(fields);
    const { connectable, discoverable, limitedDisc, brEdr, updateGap } = run.options;
    run.payload = payloadOf({ ...fields, connectable, discoverable, limitedDisc, brEdr });
    this.describe(run.payload);
    this.updateGap({ ...fields, updateGap });
    const { advertiser } = this.core.host;
    return advertiser.update(run.payload.advData, run.payload.respData).catch((error: unknown) => {
      if (!advertiser.advertising) this.fail(run, error);
      // A controller that is lost meanwhile gets the new payload when it is back.
      else if (error instanceof HciError && error.status === 0) return;
      throw error;
    });
  }

  /** Checks all that can be checked at once. @throws TypeError or RangeError for the first option that is wrong. */
  prepare(options: AdvertiseOptions): Run {
    checkTimeout(options.timeoutMs);
    checkAdvertising(options);
    return {
      options,
      payload: payloadOf(options),
      pending: undefined,
      found: false,
      late: undefined,
      hold: undefined,
      ended: false,
      failure: undefined,
      slowDown: undefined,
    };
  }

  /** Takes the one advertisement that there is. @throws BleError when it is taken, or there is no room for a link. */
  private claim(run: Run): void {
    const { host } = this.core;
    const { options } = run;
    if (this.current || host.advertiser.advertising) {
      throw new BleError(
        "already-advertising",
        "An advertisement runs already; wait for it or end it by its signal.",
      );
    }
    if (options.connectable === false) {
      this.tell("info", "advertising so that nobody can connect (connectable: false, or a broadcast)");
    } else if (host.connections.size >= host.maxConnections) {
      throw new BleError(
        "too-many-connections",
        `${host.maxConnections} devices are connected, which is all there is room for: wait until one leaves.`,
      );
    }
    if (options.brEdr) this.tell("warning", "brEdr: true announces a radio that this camera does not have");
    this.describe(run.payload);
    this.updateGap(options);
    this.current = run;
    host.advertiser.owner = this;
  }

  private release(run: Run): void {
    if (this.current !== run) return;
    this.current = undefined;
    this.core.host.advertiser.owner = undefined;
  }

  /** A line in the log; the same only once. */
  tell(level: LogLevel, message: string): void {
    if (this.told.has(message)) return;
    this.told.add(message);
    this.core.host.log(level, `aioble: ${message}`);
  }

  private describe({ note }: AdvertisingPayload): void {
    if (note) this.tell("info", note);
  }

  private async wait(run: Run, again: boolean): Promise<DeviceConnection> {
    this.claim(run);
    try {
      const connection = await this.core.scope.wait<DeviceConnection>(
        deadlineOf(run.options),
        (pending) => {
          run.pending = pending;
          this.onAir(run).catch((error: unknown) => pending.reject(error));
        },
        () => {
          run.pending = undefined;
          run.ended = true;
          this.stopTimers(run);
        },
      );
      if (!again)
        this.tell("debug", "a connection ends advertising: others connect after the next advertise()");
      return connection;
    } catch (error) {
      // Advertising is off the air before its end is reported; a connection that wins that race is returned.
      run.ended = true;
      await this.offAir(run);
      if (run.late?.isConnected()) return run.late;
      throw error;
    } finally {
      this.release(run);
    }
  }

  /** Switches the radio and advertising on, unless the run ends meanwhile. */
  private async onAir(run: Run): Promise<void> {
    const { host } = this.core;
    const { advertiser, platform } = host;
    const { intervalUs, fast, directedTo, highDuty, connectable = true } = run.options;
    await host.activate();
    if (run.ended) return;
    await advertiser.start({
      intervalUs: fast ? fast.intervalUs : intervalUs,
      connectable,
      directedTo: directedTo && { addressType: directedTo.addrType, address: directedTo.addr },
      highDuty,
      advData: run.payload.advData,
      respData: run.payload.respData,
    });
    if (!fast || run.ended) return;
    run.slowDown = platform.clock.setTimer(() => {
      run.slowDown = undefined;
      advertiser.slowDown(intervalUs).catch((error: unknown) => this.fail(run, error));
    }, fast.durationMs);
  }

  private stopTimers(run: Run): void {
    const { clock } = this.core.host.platform;
    if (run.slowDown !== undefined) clock.clearTimer(run.slowDown);
    if (run.hold !== undefined) clock.clearTimer(run.hold);
    run.slowDown = run.hold = undefined;
  }

  /** The characteristics and the advertisement say the same (CSS, Part A, 1.2 and 1.12). */
  private updateGap({
    updateGap,
    name,
    appearance,
  }: PayloadOptions & Pick<AdvertiseOptions, "updateGap">): void {
    if (updateGap === false) return;
    const { generic } = this.core.host.gatt;
    if (name !== undefined) generic.deviceName = nameBytes(name);
    if (appearance !== undefined) generic.appearance = appearance;
  }

  /** Never rejects: a controller that does not obey any more is started again. */
  private async offAir(run: Run): Promise<void> {
    this.stopTimers(run);
    const { host } = this.core;
    if (this.current !== run) return;
    if (!host.active) return host.advertiser.forget();
    await host.advertiser.stop().catch((cause: unknown) => host.log("warning", `aioble: ${cause}`));
  }

  /** A run is over: nothing is on the air for it, or will be. */
  private fail(run: Run | undefined, error: unknown): void {
    if (!run || run.ended) return;
    if (run.pending) return run.pending.reject(error);
    run.ended = true;
    run.failure = error;
    void this.offAir(run);
    this.release(run);
  }

  /** The host has a new link. Returns false when nobody wants it. */
  connected(connection: DeviceConnection): boolean {
    const { owner } = this.core.host.advertiser;
    if (owner && owner !== this) return true;
    const run = this.current;
    if (!run || run.found || run.options.connectable === false) return false;
    run.found = true;
    run.late = connection;
    if (!run.pending) return true;
    const { link } = connection;
    const deliver = (): void => run.pending?.resolve(connection);
    link.onEstablished = deliver;
    const holdMs = Math.min((link.parameters.intervalUs / 1000) * HOLD_INTERVALS, HOLD_MAX_MS);
    run.hold = this.core.host.platform.clock.setTimer(deliver, holdMs);
    return true;
  }

  /** A link has ended. When it was held back and never existed for its peer, advertising goes on. */
  disconnected(connection: DeviceConnection, reason: number): void {
    const run = this.current;
    if (!run?.pending || run.late !== connection) return;
    if (!NEVER_EXISTED.includes(reason)) return run.pending.resolve(connection);
    this.stopTimers(run);
    run.found = false;
    run.late = undefined;
    this.onAir(run).catch((error: unknown) => run.pending?.reject(error));
  }

  /** High duty cycle directed advertising had its time. */
  expired(): void {
    this.fail(this.current, new TimeoutError(HIGH_DUTY_MS));
  }

  /** What was on the air is not any more, and will not be again. */
  lost(error: unknown): void {
    this.fail(this.current, error);
  }

  /** The radio is being switched off. Another advertisement may be asked for at once, for when it is on again. */
  stopping(): void {
    const run = this.current;
    if (!run) return;
    this.release(run);
    run.ended = true;
    this.stopTimers(run);
    run.pending?.reject(radioOff());
  }
}

/** A link that nobody waits for is ended politely. */
export function endUnwanted(core: Core, link: Connection): void {
  core.host.log("warning", "aioble: ended a connection that nobody waits for");
  core.host.disconnect(link).catch((error: unknown) => core.host.log("warning", `aioble: ${error}`));
}
