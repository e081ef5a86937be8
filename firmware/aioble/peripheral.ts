/** Advertising: for one connection, for a stream of them, or for whoever listens. */

import { BleError, HciError } from "../ble/errors.ts";
import type { AdvertisingPayload } from "../ble/gap/advertising-data.ts";
import {
  type AdvertisingEnd,
  type AdvertisingOwner,
  type AdvertisingSet,
  HIGH_DUTY_MS,
} from "../ble/gap/advertising-set.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { HCI_STATUS } from "../ble/hci/status.ts";
import { textOf } from "../ble/text.ts";
import type { LogLevel, Timer } from "../platform/platform.ts";
import {
  type AdvertiseOptions,
  BONDED_ONLY_POLICY,
  checkAdvertising,
  checkFields,
  deadlineOf,
  nameBytes,
  type PayloadOptions,
  payloadOf,
} from "./advertising.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { radioOff, TimeoutError } from "./errors.ts";
import { holdTimeMs } from "./hold.ts";
import { Refusals } from "./refusals.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

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

/** What a call of `advertise` or `broadcast` asks for, checked. */
interface Request {
  readonly options: AdvertiseOptions;
  readonly payload: AdvertisingPayload;
}

/** How far a call of `advertise` or `broadcast` is. */
type RunState =
  /** On the air, or on the way to it. Nobody waits for a broadcast's connection. */
  | {
      readonly is: "advertising";
      readonly pending: Pending<DeviceConnection> | undefined;
      readonly slowDown: Timer;
    }
  /** A central connected. It is returned with its first data, or after a while. */
  | {
      readonly is: "holding";
      readonly pending: Pending<DeviceConnection>;
      readonly connection: DeviceConnection;
      readonly hold: Timer;
    }
  /** The wait is over. While advertising is taken off the air, a connection that comes late is kept. */
  | { readonly is: "ending"; readonly late: DeviceConnection | undefined }
  /** Nothing is on the air for it, or will be. `failure`: why a broadcast is over that nobody stopped. */
  | { readonly is: "over"; readonly failure: unknown };

/** One call of `advertise` or `broadcast`. */
interface Run {
  readonly options: AdvertiseOptions;
  readonly set: AdvertisingSet;
  readonly refusals: Refusals;
  /** What is sent, or will be. */
  payload: AdvertisingPayload;
  state: RunState;
}

const OVER: RunState = { is: "over", failure: undefined };

export class Peripheral implements AdvertisingOwner {
  private readonly core: Core;
  /** There is one at a time. */
  private current: Run | undefined = undefined;
  /** Lines that the log has already. */
  private readonly logged = new Set<string>();

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

  private async air(request: Request): Promise<Broadcaster> {
    const run = this.claim(request, false);
    try {
      await this.onAir(run);
      if (run.state.is !== "advertising") throw failureOf(run) ?? radioOff();
    } catch (error) {
      this.enter(run, OVER);
      await this.offAir(run);
      this.release(run);
      throw error;
    }
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      if (run.state.is !== "over") this.enter(run, OVER);
      stopping ??= this.offAir(run).then(() => this.release(run));
      return stopping;
    };
    const update = (fields: PayloadOptions): Promise<void> => {
      if (run.state.is === "advertising") return this.replace(run, fields);
      const failure = failureOf(run);
      return failure ? Promise.reject(failure) : Promise.resolve();
    };
    return { update, stop, [Symbol.asyncDispose]: stop };
  }

  /** See `aioble.updateAdvertising`. */
  update(fields: PayloadOptions): Promise<void> {
    const run = this.current;
    if (run && (run.state.is === "advertising" || run.state.is === "holding"))
      return this.replace(run, fields);
    return Promise.reject(
      new BleError("not-advertising", "There is no advertisement whose payload could change."),
    );
  }

  private replace(run: Run, fields: PayloadOptions): Promise<void> {
    checkFields(fields);
    const { connectable, discoverable, limitedDisc, brEdr, updateGap } = run.options;
    run.payload = payloadOf({ ...fields, connectable, discoverable, limitedDisc, brEdr });
    this.describe(run.payload);
    this.updateGap({ ...fields, updateGap });
    return run.set.update(run.payload.advData, run.payload.respData).catch((error: unknown) => {
      if (!run.set.advertising) void this.resume(run, error);
      // A controller that is lost meanwhile gets the new payload when it is back.
      else if (error instanceof HciError && error.status === 0) return;
      throw error;
    });
  }

  /** Checks all that can be checked at once. @throws TypeError or RangeError for the first option that is wrong. */
  prepare(options: AdvertiseOptions): Request {
    checkAdvertising(options);
    checkTimeout(options.timeoutMs);
    return { options, payload: payloadOf(options) };
  }

  /** Takes the one advertisement that there is. @throws BleError when it is taken, or there is no room for a link. */
  private claim({ options, payload }: Request, isPatient: boolean): Run {
    const { host } = this.core;
    if (this.current || !host.advertiser.hasFreeSet) throw alreadyAdvertising();
    if (options.connectable === false) {
      this.logOnce("info", "advertising so that nobody can connect (connectable: false, or a broadcast)");
    } else if (host.connections.size >= host.maxConnections) {
      throw new BleError(
        "too-many-connections",
        `${host.maxConnections} devices are connected, which is all there is room for: wait until one leaves.`,
      );
    }
    if (options.bondedOnly) this.checkBonds();
    if (options.brEdr)
      this.logOnce("warning", "brEdr: true announces a radio that this camera does not have");
    this.describe(payload);
    this.updateGap(options);
    const set = host.advertiser.acquire(this);
    if (!set) throw alreadyAdvertising();
    const state = { is: "advertising", pending: undefined, slowDown: undefined } as const;
    this.current = { options, payload, set, state, refusals: new Refusals(this.core, isPatient) };
    return this.current;
  }

  /** Somebody must be there whom it is for. */
  private checkBonds(): void {
    const { advertiser } = this.core.host;
    if (this.core.demand("advertise: bondedOnly", advertiser.filter).hasDevices) return;
    throw new BleError(
      "no-bonds",
      "No device is bonded, so that bondedOnly would let nobody in: pair first, or advertise without it.",
    );
  }

  private release(run: Run): void {
    if (this.current !== run) return;
    this.current = undefined;
    run.set.release().catch((cause: unknown) => this.core.host.log("warning", `aioble: ${textOf(cause)}`));
  }

  /** Every change of state: the timers of a state end with it, and the pause after a refusal. */
  private enter(run: Run, state: RunState): void {
    const { clock } = this.core.host.platform;
    const { state: before } = run;
    const timer =
      before.is === "advertising" ? before.slowDown : before.is === "holding" ? before.hold : undefined;
    if (timer !== undefined) clock.clearTimer(timer);
    run.state = state;
    run.refusals.cancel();
  }

  /** A line in the log; the same only once. */
  logOnce(level: LogLevel, message: string): void {
    if (this.logged.has(message)) return;
    this.logged.add(message);
    this.core.host.log(level, `aioble: ${message}`);
  }

  private describe({ note }: AdvertisingPayload): void {
    if (note) this.logOnce("info", note);
  }

  /** What a central connects for must be there. */
  private checkServices({ services = [] }: AdvertiseOptions): void {
    const { gatt } = this.core.host;
    for (const uuid of services) {
      if (gatt.hasService(uuid)) continue;
      this.logOnce(
        "warning",
        `service ${uuid} is advertised and not registered: who connects for it finds nothing (registerServices)`,
      );
    }
  }

  private async wait(request: Request, again: boolean): Promise<DeviceConnection> {
    const run = this.claim(request, again);
    try {
      const connection = await this.core.scope.wait<DeviceConnection>(
        deadlineOf(run.options),
        (pending) => {
          this.enter(run, { is: "advertising", pending, slowDown: undefined });
          this.onAir(run).catch((error: unknown) => pending.reject(error));
        },
        () => {
          const late = run.state.is === "holding" ? run.state.connection : undefined;
          if (run.state.is !== "over") this.enter(run, { is: "ending", late });
        },
      );
      if (!again)
        this.logOnce("debug", "a connection ends advertising: others connect after the next advertise()");
      return connection;
    } catch (error) {
      // Advertising is off the air before its end is reported; a connection that wins that race is returned.
      await this.offAir(run);
      const { state } = run;
      if (state.is === "ending" && state.late?.isConnected()) return state.late;
      throw this.core.causeOf(error, run.refusals.standing);
    } finally {
      this.enter(run, OVER);
      this.release(run);
    }
  }

  /** Switches the radio and advertising on, unless the run ends meanwhile. A refusal that may pass is waited out. */
  private async onAir(run: Run): Promise<void> {
    for (;;) {
      try {
        return await this.start(run);
      } catch (error) {
        if (run.state.is !== "advertising" || !run.refusals.mayPass(error)) throw error;
        await this.waitOut(run, error);
        if (run.state.is !== "advertising") return;
      }
    }
  }

  private waitOut(run: Run, error: BleError): Promise<void> {
    this.logOnce("error", `${textOf(error)} It is asked again, after pauses of 250 ms to 60 s.`);
    return run.refusals.pause(error);
  }

  private async start(run: Run): Promise<void> {
    const { host } = this.core;
    const { intervalUs, fast, directedTo, highDuty, bondedOnly, connectable = true } = run.options;
    await host.activate();
    if (run.state.is !== "advertising") return;
    if (connectable) this.checkServices(run.options);
    await run.set.start({
      intervalUs: fast ? fast.intervalUs : intervalUs,
      connectable,
      directedTo: directedTo?.onAir,
      highDuty,
      bondedOnly: bondedOnly && BONDED_ONLY_POLICY[bondedOnly],
      advData: run.payload.advData,
      respData: run.payload.respData,
    });
    run.refusals.passed();
    const { state } = run;
    if (!fast || state.is !== "advertising") return;
    const slowDown = this.core.clock.setTimer(() => {
      this.enter(run, { ...state, slowDown: undefined });
      run.set.slowDown(intervalUs).catch((error: unknown) => this.resume(run, error));
    }, fast.durationMs);
    this.enter(run, { ...state, slowDown });
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
    if (this.current !== run) return;
    await run.set.stop().catch((cause: unknown) => this.core.host.log("warning", `aioble: ${textOf(cause)}`));
  }

  /** The controller refused to go on with what was on the air. */
  private async resume(run: Run, error: unknown): Promise<void> {
    try {
      if (run.state.is !== "advertising" || !run.refusals.mayPass(error)) throw error;
      await this.waitOut(run, error);
      if (run.state.is === "advertising") await this.onAir(run);
    } catch (cause) {
      if (run === this.current) this.fail(cause);
    }
  }

  /** The run is over: nothing is on the air for it, or will be. */
  private fail(error: unknown): void {
    const run = this.current;
    if (!run) return;
    const { state } = run;
    if (state.is === "ending" || state.is === "over") return;
    if (state.pending) return state.pending.reject(error);
    this.enter(run, { is: "over", failure: error });
    this.release(run);
  }

  /** What was on the air is not any more, and will not be again. */
  onEnded(end: AdvertisingEnd): void {
    if (end.by === "timeout") this.fail(new TimeoutError(HIGH_DUTY_MS));
    if (end.by === "failure" && this.current) void this.resume(this.current, end.error);
  }

  take(link: Connection): boolean {
    const connection = this.core.connectionOf(link);
    const run = this.current;
    if (!connection || !run || run.options.connectable === false) return false;
    const { encryption } = this.core.host;
    encryption?.holdBack(link);
    const { state } = run;
    if (state.is === "ending" && !state.late) {
      this.enter(run, { is: "ending", late: connection });
      return true;
    }
    if (state.is !== "advertising" || !state.pending) return false;
    const { pending } = state;
    const deliver = (): void => pending.resolve(connection);
    link.onEstablished = deliver;
    const hold = this.core.clock.setTimer(deliver, holdTimeMs(link.parameters));
    this.enter(run, { is: "holding", pending, connection, hold });
    // It came by an advertisement before this one, which is not needed any more.
    if (run.set.advertising) void this.offAir(run);
    return true;
  }

  /** A link has ended. When it was held back and never existed for its peer, advertising goes on. */
  disconnected(connection: DeviceConnection, reason: number): void {
    const run = this.current;
    if (run?.state.is !== "holding" || run.state.connection !== connection) return;
    const { pending } = run.state;
    if (!NEVER_EXISTED.includes(reason)) return pending.resolve(connection);
    this.enter(run, { is: "advertising", pending, slowDown: undefined });
    this.onAir(run).catch((error: unknown) => pending.reject(error));
  }

  /** The radio is being switched off. Another advertisement may be asked for at once, for when it is on again. */
  stopping(): void {
    const run = this.current;
    if (!run) return;
    const { state } = run;
    this.enter(run, OVER);
    this.release(run);
    if (state.is === "advertising" || state.is === "holding") state.pending?.reject(radioOff());
  }
}

function failureOf({ state }: Run): unknown {
  return state.is === "over" ? state.failure : undefined;
}

function alreadyAdvertising(): BleError {
  return new BleError(
    "already-advertising",
    "An advertisement runs already; wait for it or end it by its signal.",
  );
}

/** A link that nobody waits for is ended politely. */
export function endUnwanted(core: Core, link: Connection): void {
  const { peerLog } = core.host;
  peerLog.write("warning", "aioble: ended a connection that nobody waits for");
  core.host.disconnect(link).catch((error: unknown) => peerLog.write("warning", `aioble: ${textOf(error)}`));
}
