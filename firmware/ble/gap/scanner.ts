/** The controller's one legacy scan (Vol 4, Part E, 7.8.10 and 7.8.11): its commands, and what is known of it. */
import type { LogLevel } from "../../platform/platform.ts";
import { BleError, HciError, isLoss } from "../errors.ts";
import {
  leAddDeviceToFilterAcceptList,
  leClearFilterAcceptList,
  leReadFilterAcceptListSize,
  leSetScanEnable,
  leSetScanParameters,
} from "../hci/commands/le-scanning.ts";
import type { Hci } from "../hci/hci.ts";
import { leAdvertisingReport } from "../hci/le-events.ts";
import { HCI_STATUS } from "../hci/status.ts";
import type { ListedDevice } from "./address.ts";
import { type AdvertisingReport, readReports } from "./advertising-report.ts";
import { START_ATTEMPTS } from "./advertising-set.ts";
import type { AddressUser, OwnAddresses } from "./own-address.ts";
import { excludedBy, type LeState, type StateUser, type SupportedStates } from "./supported-states.ts";

/** Range of LE_Scan_Interval and LE_Scan_Window: 2.5 ms to 10.24 s (Vol 4, Part E, 7.8.10). */
export const SCAN_INTERVAL_MIN_US = 2_500;
export const SCAN_INTERVAL_MAX_US = 10_240_000;
/** Their unit. */
const UNIT_US = 625;

/** Scanning_Filter_Policy. */
const POLICY = { ALL: 0x00, ACCEPT_LIST: 0x01 } as const;

export interface ScanParameters {
  /** From the start of one window to the start of the next: 2,500 to 10,240,000 microseconds, rounded down to 625. */
  readonly intervalUs: number;
  /** How long the radio listens in each interval; at most `intervalUs`. */
  readonly windowUs: number;
  /** Ask for scan responses. */
  readonly active: boolean;
  /** The controller reports these devices only. */
  readonly acceptList?: readonly ListedDevice[];
}

/** Who has a scan. */
export interface ScanOwner {
  /** One packet was heard. */
  onReport(report: AdvertisingReport): void;
  /** The scan is over, and its owner did not end it: the radio is off, or the controller refused to go on. */
  onEnded(error: unknown): void;
}

/** Sees what every scan hears, whoever has it. */
export interface ScanWatcher {
  onReport(report: AdvertisingReport): void;
  /** A scan is over. */
  onScanDone(): void;
}

/** What the scanner is handed. */
export interface ScannerPort {
  readonly hci: Hci;
  readonly addresses: OwnAddresses;
  readonly states: SupportedStates;
  /** Which own address scan requests carry. */
  readonly settings: { readonly addrMode: number };
  log(level: LogLevel, message: string): void;
}

interface Scan {
  readonly parameters: ScanParameters;
  readonly owner: ScanOwner;
  /** Whoever waits for the start; nobody once it is on the air. */
  starting: { resolve(): void; reject(error: unknown): void } | undefined;
  /** Losses of the controller during a start, in a row. */
  losses: number;
}

/** @throws RangeError when no controller takes this interval and window. */
export function checkScanTiming(intervalUs: number, windowUs: number): void {
  for (const [name, value] of [
    ["intervalUs", intervalUs],
    ["windowUs", windowUs],
  ] as const) {
    if (!(value >= SCAN_INTERVAL_MIN_US && value <= SCAN_INTERVAL_MAX_US)) {
      throw new RangeError(
        `${name} ${value} is out of range: 2,500 (2.5 ms) to 10,240,000 (10.24 s) microseconds`,
      );
    }
  }
  if (windowUs > intervalUs) {
    throw new RangeError(
      `windowUs ${windowUs} is above intervalUs ${intervalUs}: it is the part of it that is used`,
    );
  }
}

/** Every operation on the air runs inside `OwnAddresses.exclusive`, so that no two interleave their commands. */
export class Scanner implements AddressUser, StateUser {
  /** Events that could not be read. */
  malformed = 0;
  private readonly port: ScannerPort;
  /** What is wanted: on the air, or as soon as the controller runs and the commands on their way are through. */
  private scan: Scan | undefined = undefined;
  private isRunning = false;
  private onAir = false;
  private suspended = false;
  /** What the controller is at, or was last, while it scans. */
  private activity: LeState = "passiveScanning";
  private watcher: ScanWatcher | undefined = undefined;

  constructor(port: ScannerPort) {
    this.port = port;
    port.addresses.join(this);
    port.states.join(this);
    port.hci.on(leAdvertisingReport, ({ numReports, reports }) => this.received(numReports, reports));
  }

  /** Has `watcher` see what scans hear, in place of the one before. */
  watch(watcher: ScanWatcher | undefined): void {
    this.watcher = watcher;
  }

  /** For `OwnAddresses`. */
  get isOnAir(): boolean {
    return this.onAir;
  }

  /** For `SupportedStates`. */
  get state(): LeState | undefined {
    return this.onAir ? this.activity : undefined;
  }

  /** Whether somebody scans. */
  get scanning(): boolean {
    return this.scan !== undefined;
  }

  /**
   * Begins a scan; resolves when the controller scans. When the controller is lost, now or later, it is started again and
   * the scan goes on.
   * @throws BleError `already-scanning` when one runs; RangeError for an interval or window out of range; HciError when
   * the controller refuses, `controller-busy` when it says that it cannot beside what it is at, `accept-list-full` when it has no room for the devices, `radio-off` when the radio is
   * switched off meanwhile.
   */
  async start(parameters: ScanParameters, owner: ScanOwner): Promise<void> {
    checkScanTiming(parameters.intervalUs, parameters.windowUs);
    if (this.scan) {
      throw new BleError("already-scanning", "A scan runs already: there is one at a time. End it first.");
    }
    return new Promise((resolve, reject) => {
      const scan = { parameters, owner, starting: { resolve, reject }, losses: 0 };
      this.scan = scan;
      this.run(scan);
    });
  }

  /** Ends the scan of this owner; done when the controller says so. Reports that are on their way reach nobody. */
  async stop(owner: ScanOwner): Promise<void> {
    const { scan } = this;
    if (scan?.owner !== owner) return;
    this.scan = undefined;
    scan.starting?.resolve();
    await this.port.addresses.exclusive(() => this.disable());
    this.watcher?.onScanDone();
  }

  /** A session of the controller begins, the first or after a loss: goes on with what is wanted. */
  begin(): void {
    this.isRunning = true;
    this.onAir = false;
    this.suspended = false;
    if (this.scan) this.run(this.scan);
  }

  private run(scan: Scan): void {
    // Before the controller runs there is nothing to do: `begin` follows.
    if (!this.isRunning) return;
    this.port.addresses
      .exclusive(() => this.enable(scan))
      .then(
        () => {
          scan.losses = 0;
          scan.starting?.resolve();
          scan.starting = undefined;
        },
        (error: unknown) => {
          if (this.scan === scan && !(isLoss(error) && ++scan.losses < START_ATTEMPTS)) this.fail(error);
        },
      );
  }

  /** The controller is lost: what is known of it is not true any more. */
  end(): void {
    this.isRunning = false;
    this.onAir = false;
    this.suspended = false;
  }

  /** The radio is off, for `error`. */
  forget(error: unknown): void {
    this.end();
    if (this.scan) this.fail(error);
  }

  /** For `OwnAddresses`: see `AddressUser`. */
  async suspend(): Promise<void> {
    if (!this.onAir) return;
    await this.disable();
    this.suspended = true;
  }

  /** For `OwnAddresses`: see `AddressUser`. */
  async resume(): Promise<void> {
    if (!this.suspended) return;
    this.suspended = false;
    try {
      if (this.scan) await this.setEnabled(true);
    } catch (error) {
      if (!isLoss(error) && this.scan) this.fail(error);
    }
  }

  private fail(error: unknown): void {
    const { owner, starting } = this.scan!;
    this.scan = undefined;
    if (starting) return starting.reject(error);
    owner.onEnded(error);
    this.watcher?.onScanDone();
  }

  private received(count: number, bytes: Uint8Array): void {
    const { scan } = this;
    if (!scan || !this.onAir) return;
    const sound = readReports(count, bytes, (report) => {
      if (this.scan !== scan) return;
      scan.owner.onReport(report);
      this.watcher?.onReport(report);
    });
    if (sound) return;
    if (this.malformed++ === 0)
      this.port.log("warning", "gap: the controller sent advertising reports that cannot be read");
  }

  private async enable(scan: Scan): Promise<void> {
    if (this.scan !== scan) return;
    const { hci, addresses, settings, states } = this.port;
    const { parameters } = scan;
    const { acceptList, active, intervalUs, windowUs } = parameters;
    const wanted = active ? "activeScanning" : "passiveScanning";
    const other = await states.conflict(wanted);
    if (other) throw excludedBy(wanted, other);
    this.activity = wanted;
    const own = addresses.forAdvertising(settings.addrMode, false);
    await addresses.apply(own, this);
    if (acceptList) await this.fillAcceptList(acceptList);
    await hci.send(leSetScanParameters, {
      leScanType: active ? 1 : 0,
      leScanInterval: Math.floor(intervalUs / UNIT_US),
      leScanWindow: Math.floor(windowUs / UNIT_US),
      ownAddressType: own.type,
      scanningFilterPolicy: acceptList ? POLICY.ACCEPT_LIST : POLICY.ALL,
    });
    if (this.scan !== scan) return;
    await this.setEnabled(true);
  }

  private async fillAcceptList(devices: readonly ListedDevice[]): Promise<void> {
    const { addresses, hci } = this.port;
    const { filterAcceptListSize } = await hci.send(leReadFilterAcceptListSize, {});
    if (devices.length > filterAcceptListSize) {
      throw new BleError(
        "accept-list-full",
        `This Bluetooth controller's accept list has room for ${filterAcceptListSize} devices, not ${devices.length}.`,
      );
    }
    await hci.send(leClearFilterAcceptList, {});
    for (const device of devices) {
      const { addressType, address } = addresses.resolving?.find(device) ?? device;
      await hci.send(leAddDeviceToFilterAcceptList, { addressType, address });
    }
  }

  private async disable(): Promise<void> {
    if (!this.onAir) return;
    try {
      await this.setEnabled(false);
    } catch (error) {
      // Some controllers refuse to stop what does not run.
      if (!(error instanceof HciError) || error.status !== HCI_STATUS.COMMAND_DISALLOWED) throw error;
    }
    this.onAir = false;
  }

  private async setEnabled(isEnabled: boolean): Promise<void> {
    // A controller's filter hides news of devices that it has reported, and forgets some when its list is full.
    await this.port.hci.send(leSetScanEnable, { leScanEnable: isEnabled ? 1 : 0, filterDuplicates: 0 });
    this.onAir = isEnabled;
  }
}
