/** The controller's one legacy scan (Vol 4, Part E, 7.8.10 and 7.8.11): its commands, and what is known of it. */
import type { LogLevel } from "../../platform/platform.ts";
import { BleError, HciError, isLoss } from "../errors.ts";
import { leSetScanEnable, leSetScanParameters } from "../hci/commands/le-scanning.ts";
import type { Hci } from "../hci/hci.ts";
import { leAdvertisingReport, leDirectedAdvertisingReport } from "../hci/le-events.ts";
import { LE_FEATURE } from "../hci/packet.ts";
import { HCI_STATUS } from "../hci/status.ts";
import type { ListedDevice } from "./address.ts";
import { type AdvertisingReport, readDirectedReports, readReports } from "./advertising-report.ts";
import { START_ATTEMPTS } from "./advertising-set.ts";
import type { AddressUser, OwnAddress, OwnAddresses } from "./own-address.ts";
import { acceptListOf, fillAcceptList, isAmong, type PeerIdentities } from "./scan-filter.ts";
import {
  checkScanTiming,
  FILTER_POLICY,
  SCAN_UNIT_US,
  type ScanParameters,
  type ScanPlan,
  type ScanTiming,
  samePlan,
} from "./scan-parameters.ts";
import { ACTIVE, PASSIVE } from "./scan-states.ts";
import { excludedBy, type StateFacts, type StateUser, type SupportedStates } from "./supported-states.ts";

/** Somebody who looks for one device, beside whoever scans. */
export interface ScanSearch extends ScanTiming {
  /** One packet was heard, from anybody. */
  onReport(report: AdvertisingReport): void;
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
  readonly peers: PeerIdentities;
  /** Whether the running controller has this bit of LE_Features. */
  hasFeature(bit: number): boolean;
  /** Whether the controller's one accept list is that of an advertisement, so that the host filters scans. */
  isAcceptListTaken(): boolean;
  log(level: LogLevel, message: string): void;
}

interface Scan {
  readonly parameters: ScanParameters;
  readonly owner: ScanOwner;
  /** The controller's accept list did not take the devices, after others had been in it. */
  isUnlisted: boolean;
  /** Whoever waits for the start; nobody once it is on the air. */
  starting: { resolve(): void; reject(error: unknown): void } | undefined;
  /** Losses of the controller during a start, in a row. */
  losses: number;
}

/** Every operation on the air runs inside `OwnAddresses.exclusive`, so that no two interleave their commands. */
export class Scanner implements AddressUser, StateUser {
  /** Events that could not be read. */
  malformed = 0;
  private readonly port: ScannerPort;
  /** What is wanted: on the air, or as soon as the controller runs and the commands on their way are through. */
  private scan: Scan | undefined = undefined;
  private search: ScanSearch | undefined = undefined;
  private isRunning = false;
  private onAir = false;
  private suspended = false;
  /** What the controller was last set to, and under which own address; undefined when that may not hold any more. */
  private plan: ScanPlan | undefined = undefined;
  private own: OwnAddress = { type: 0 };
  private watcher: ScanWatcher | undefined = undefined;

  constructor(port: ScannerPort) {
    this.port = port;
    port.addresses.join(this);
    port.states.join(this);
    port.hci.on(leAdvertisingReport, ({ numReports, reports }) => {
      if (this.onAir) this.check(readReports(numReports, reports, (report) => this.received(report)));
    });
    port.hci.on(leDirectedAdvertisingReport, ({ numReports, reports }) => {
      if (!this.onAir) return;
      const { resolvable } = port.addresses;
      this.check(
        readDirectedReports(numReports, reports, (report) => {
          // Others than this device may be meant.
          if (resolvable?.owns(report.directAddress)) this.received(report);
        }),
      );
    });
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
  get state(): StateFacts | undefined {
    return this.onAir ? stateOf(this.plan) : undefined;
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
      const scan = { parameters, owner, isUnlisted: false, starting: { resolve, reject }, losses: 0 };
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
    await this.port.addresses.exclusive(() => this.apply());
    this.watcher?.onScanDone();
  }

  /**
   * Scans for whoever looks for one device as well, all the time that it wants, until `endSearch` or the loss of the
   * controller. Only inside `OwnAddresses.exclusive`. @throws HciError when the controller refuses, BleError
   * `controller-busy` when it says that it cannot: then it does what it did before.
   */
  async beginSearch(search: ScanSearch): Promise<void> {
    this.search = search;
    try {
      await this.apply();
    } catch (error) {
      await this.endSearch(search);
      throw error;
    }
  }

  /** Only inside `OwnAddresses.exclusive`. A scan that its owner has begun goes on. */
  async endSearch(search: ScanSearch): Promise<void> {
    if (this.search !== search) return;
    this.search = undefined;
    try {
      await this.apply();
    } catch (error) {
      this.failedLater(error);
    }
  }

  /** Who has which address is known otherwise now: a scan for some devices is looked at again. */
  refresh(): void {
    if (!this.scan?.parameters.devices || !this.onAir) return;
    this.port.addresses
      .exclusive(async () => {
        if (this.onAir) await this.apply();
      })
      .catch((error: unknown) => this.failedLater(error));
  }

  /** The accept list is to hold others, which the port says by now: a scan that uses it goes on without. Only inside `exclusive`. */
  async yieldAcceptList(): Promise<void> {
    if (!this.plan?.acceptList) return;
    if (!this.onAir) {
      // What resumes fills the list anew, once it may.
      this.plan = undefined;
      return;
    }
    try {
      await this.apply();
    } catch (error) {
      this.failedLater(error);
      if (isLoss(error)) throw error;
    }
  }

  /** A session of the controller begins, the first or after a loss: goes on with what is wanted. */
  begin(): void {
    this.end();
    this.isRunning = true;
    if (this.scan) this.run(this.scan);
  }

  private run(scan: Scan): void {
    // Before the controller runs there is nothing to do: `begin` follows.
    if (!this.isRunning) return;
    this.port.addresses
      .exclusive(async () => {
        if (this.scan === scan) await this.apply();
      })
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
    this.plan = undefined;
    this.search = undefined;
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
      const plan = this.wanted();
      if (plan) await this.enable(plan);
    } catch (error) {
      this.failedLater(error);
    }
  }

  /** What ran does not any more; a controller that is lost goes on when it is back. */
  private failedLater(error: unknown): void {
    if (!isLoss(error) && this.scan) this.fail(error);
  }

  private fail(error: unknown): void {
    const { owner, starting } = this.scan!;
    this.scan = undefined;
    if (starting) return starting.reject(error);
    owner.onEnded(error);
    this.watcher?.onScanDone();
  }

  private received(report: AdvertisingReport): void {
    const { scan } = this;
    this.search?.onReport(report);
    if (!scan || this.scan !== scan) return;
    const { devices } = scan.parameters;
    if (devices && !this.plan?.acceptList && !isAmong(this.port.peers, devices, report)) return;
    scan.owner.onReport(report);
    this.watcher?.onReport(report);
  }

  private check(isSound: boolean): void {
    if (isSound || this.malformed++ > 0) return;
    this.port.log("warning", "gap: the controller sent advertising reports that cannot be read");
  }

  /** What the controller is to be at, for all who want it to scan. */
  private wanted(): ScanPlan | undefined {
    const { port, scan, search } = this;
    const timing = search ?? scan?.parameters;
    if (!timing) return undefined;
    const { active, devices } = scan?.parameters ?? { active: false };
    // Whoever is searched for is not in the list.
    const isListable = devices && !search && !scan!.isUnlisted && !port.isAcceptListTaken();
    const acceptList = isListable ? acceptListOf(port, devices) : undefined;
    const { resolvable } = port.addresses;
    const isExtended =
      resolvable?.isKnown === true && port.hasFeature(LE_FEATURE.EXTENDED_SCANNING_FILTER_POLICIES);
    const policy = (acceptList ? FILTER_POLICY.ACCEPT_LIST : 0) + (isExtended ? FILTER_POLICY.EXTENDED : 0);
    return { intervalUs: timing.intervalUs, windowUs: timing.windowUs, active, acceptList, policy };
  }

  /** Has the controller do what is wanted. Only inside `exclusive`. */
  private async apply(): Promise<void> {
    const plan = this.wanted();
    if (!plan) return this.disable();
    if (this.onAir && this.plan && samePlan(plan, this.plan)) return;
    const { addresses, settings, states } = this.port;
    await this.disable();
    this.plan = undefined;
    const state = stateOf(plan);
    const other = await states.conflict(state);
    if (other) throw excludedBy(state, other);
    this.own = addresses.forAdvertising(settings.addrMode, false);
    await addresses.apply(this.own, this);
    await this.enable(plan);
  }

  /** Off the air as it is, it goes on the air under the own address of the moment. */
  private async enable(plan: ScanPlan): Promise<void> {
    if (!this.plan || !samePlan(plan, this.plan)) {
      const { hci } = this.port;
      this.plan = undefined;
      if (plan.acceptList && !(await this.fill(plan.acceptList))) {
        const other = this.wanted();
        return other && this.enable(other);
      }
      await hci.send(leSetScanParameters, {
        leScanType: plan.active ? 1 : 0,
        leScanInterval: Math.floor(plan.intervalUs / SCAN_UNIT_US),
        leScanWindow: Math.floor(plan.windowUs / SCAN_UNIT_US),
        ownAddressType: this.own.type,
        scanningFilterPolicy: plan.policy,
      });
      if (!this.scan && !this.search) return;
      this.plan = plan;
    }
    await this.setEnabled(true);
  }

  /** False when the list did not take the devices of a scan that has run without it: it goes on without. */
  private async fill(devices: readonly ListedDevice[]): Promise<boolean> {
    const { scan } = this;
    try {
      await fillAcceptList(this.port.hci, devices);
      return true;
    } catch (error) {
      if (isLoss(error) || !scan || scan.starting) throw error;
      scan.isUnlisted = true;
      return false;
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
    if (isEnabled) this.suspended = false;
  }
}

function stateOf(plan: ScanPlan | undefined): StateFacts {
  return plan?.active ? ACTIVE : PASSIVE;
}
