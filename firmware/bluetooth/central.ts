/** Scanning and connecting by numbers, for the class BLE. */
import { sameBytes } from "../ble/codec.ts";
import { BleError } from "../ble/errors.ts";
import type { Attempt } from "../ble/gap/attempt.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { checkParameterRange } from "../ble/gap/parameter-range.ts";
import type { ScanOwner } from "../ble/gap/scanner.ts";
import type { Host } from "../ble/host.ts";
import { textOf } from "../ble/text.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import { IRQ_PERIPHERAL_DISCONNECT } from "./constants.ts";
import type { IrqSource } from "./irq.ts";

/** MicroPython's figures for what `gapConnect` does not say. */
const CONNECT = {
  scanIntervalUs: 10_000,
  scanWindowUs: 10_000,
  minIntervalUs: 30_000,
  maxIntervalUs: 50_000,
  latency: 0,
  supervisionTimeoutMs: 2560,
};
/** Milliseconds; longer than any connection interval lets a link live. */
const SUPERVISION_MAX_MS = 32_000;

/** In `IRQ_PERIPHERAL_DISCONNECT` of a connection that never was. */
const NO_CONNECTION = 0xffff;
const NO_ADDRESS_TYPE = 0xff;

/** What `gapScan` takes. */
export interface ScanTiming {
  readonly durationMs: number;
  readonly intervalUs: number;
  readonly windowUs: number;
  readonly active: boolean;
}

/** What `gapConnect` takes. */
export interface ConnectTarget {
  readonly addrType: number;
  readonly addr: Uint8Array;
  readonly scanDurationMs: number;
  readonly minIntervalUs: number | undefined;
  readonly maxIntervalUs: number | undefined;
}

/** @throws RangeError for what is no duration. */
function checkDuration(name: string, durationMs: number): void {
  if (!(durationMs >= 0 && durationMs < Number.POSITIVE_INFINITY))
    throw new RangeError(`${name} ${durationMs} is out of range: give milliseconds, 0 or more`);
}

export class LowLevelCentral implements ScanOwner {
  private readonly host: Host;
  private readonly source: IrqSource;
  private readonly clock: Clock;
  /** Ends the scan of this module. */
  private scanTimer: Timer = undefined;
  /** The connection that is looked for, and what gives it up. */
  private attempt: Attempt<Connection> | undefined = undefined;
  private attemptTimer: Timer = undefined;

  constructor(host: Host, source: IrqSource) {
    this.host = host;
    this.source = source;
    this.clock = host.platform.clock;
  }

  /** See `BLE.gapScan`. */
  async scan({ durationMs, intervalUs, windowUs, active }: ScanTiming): Promise<void> {
    checkDuration("durationMs", durationMs);
    this.demandRadio();
    await this.host.scanner!.start({ intervalUs, windowUs, active }, this);
    if (durationMs === 0) return;
    this.scanTimer = this.clock.setTimer(() => {
      this.stopScan().catch((error: unknown) => this.host.log("warning", `bluetooth: ${textOf(error)}`));
    }, durationMs);
  }

  async stopScan(): Promise<void> {
    if (this.scanTimer !== undefined) this.clock.clearTimer(this.scanTimer);
    this.scanTimer = undefined;
    await this.host.scanner?.stop(this);
  }

  /** Every scan's reports become events, this one's among them; see `IrqSource`. */
  onReport(): void {}

  onEnded(): void {
    if (this.scanTimer !== undefined) this.clock.clearTimer(this.scanTimer);
    this.scanTimer = undefined;
  }

  /** See `BLE.gapConnect`. */
  connect({ addrType, addr, scanDurationMs, minIntervalUs, maxIntervalUs }: ConnectTarget): void {
    const { host } = this;
    const parameters = {
      ...CONNECT,
      minIntervalUs: minIntervalUs ?? Math.min(CONNECT.minIntervalUs, maxIntervalUs ?? CONNECT.minIntervalUs),
      maxIntervalUs: maxIntervalUs ?? Math.max(CONNECT.maxIntervalUs, minIntervalUs ?? CONNECT.maxIntervalUs),
    };
    // Longer than two intervals, which those of a second and more are not without being asked for it.
    const leastMs = (parameters.maxIntervalUs * 4) / 1000;
    const supervisionTimeoutMs = Math.min(
      SUPERVISION_MAX_MS,
      Math.max(CONNECT.supervisionTimeoutMs, leastMs),
    );
    if ((addrType !== 0 && addrType !== 1) || !(addr instanceof Uint8Array) || addr.length !== 6)
      throw new TypeError("gapConnect takes an address type, 0 or 1, and an address of six bytes");
    checkDuration("scanDurationMs", scanDurationMs);
    checkParameterRange({ ...parameters, supervisionTimeoutMs });
    this.demandRadio();
    if (this.attempt || this.isConnected(addrType, addr)) {
      throw new BleError(
        "already-connecting",
        "gapConnect looks for a device already, or this one is connected: wait, or call gapConnect(null).",
      );
    }
    if (host.connections.size >= host.maxConnections) {
      throw new BleError(
        "too-many-connections",
        `${host.maxConnections} devices are connected, which is all there is room for.`,
      );
    }
    const target = { addressType: addrType, address: addr.slice() };
    this.attempt = host.initiator!.connect(
      target,
      { ...parameters, supervisionTimeoutMs },
      { onConnected: () => this.forgetAttempt(), onFailed: () => this.failed() },
    );
    this.attemptTimer = this.clock.setTimer(() => {
      this.cancelConnect().catch((error: unknown) => host.log("warning", `bluetooth: ${textOf(error)}`));
    }, scanDurationMs);
  }

  /** Gives up what is looked for. */
  async cancelConnect(): Promise<void> {
    const { attempt } = this;
    if (!attempt) return;
    this.forgetAttempt();
    await this.host.initiator!.cancel(attempt);
    this.failed();
  }

  private failed(): void {
    this.forgetAttempt();
    this.source.emit(IRQ_PERIPHERAL_DISCONNECT, [NO_CONNECTION, NO_ADDRESS_TYPE, new Uint8Array(6)]);
  }

  private forgetAttempt(): void {
    if (this.attemptTimer !== undefined) this.clock.clearTimer(this.attemptTimer);
    this.attemptTimer = undefined;
    this.attempt = undefined;
  }

  private isConnected(addrType: number, addr: Uint8Array): boolean {
    for (const { identity } of this.host.connections.values()) {
      if (identity.addressType === addrType && sameBytes(identity.address, addr)) return true;
    }
    return false;
  }

  private demandRadio(): void {
    if (!this.host.isSwitchedOn)
      throw new BleError("radio-off", "The radio is off: await active(true) before.");
  }
}
