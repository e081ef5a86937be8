/**
 * Hears under which address a bonded device is on the air that has private ones, where the controller does not resolve them:
 * an attempt to connect names one address (Vol 4, Part E, 7.8.12), and the identity is not it.
 */
import type { LogLevel } from "../../platform/platform.ts";
import { isLoss } from "../errors.ts";
import { LE_FEATURE } from "../hci/packet.ts";
import { textOf } from "../text.ts";
import type { ListedDevice } from "./address.ts";
import { type AdvertisingReport, REPORT } from "./advertising-report.ts";
import { isDevice, type PeerIdentities } from "./scan-filter.ts";
import type { ScanTiming } from "./scan-parameters.ts";
import type { Scanner, ScanSearch } from "./scanner.ts";

/** How a device was heard. */
export interface HeardAddress {
  readonly device: ListedDevice;
  /** The private address of this device that the packet was for, where the controller could not resolve it. */
  readonly own?: Uint8Array;
}

/** What the search is handed. */
export interface PeerSearchPort {
  readonly peers: PeerIdentities;
  /** Whether the running controller has this bit of LE_Features. */
  hasFeature(bit: number): boolean;
  /** Undefined in an image without the feature `scan`. */
  scanner(): Pick<Scanner, "beginSearch" | "endSearch"> | undefined;
  log(level: LogLevel, message: string): void;
}

/** One at a time. */
export class PeerSearch {
  private readonly port: PeerSearchPort;
  private current: ScanSearch | undefined = undefined;

  constructor(port: PeerSearchPort) {
    this.port = port;
  }

  /** Whether it is under way. */
  get isOn(): boolean {
    return this.current !== undefined;
  }

  /** Whether the controller would look for this device in vain: it may be on the air under another address. */
  isNeededFor({ addressType, address }: ListedDevice): boolean {
    return this.port.peers.isResolvedHere(addressType, address);
  }

  /**
   * Whether an address that the device was heard under is enough: not where the host is also told of directed advertising
   * for addresses of this device that the controller does not know.
   */
  get isAddressEnough(): boolean {
    return !this.port.hasFeature(LE_FEATURE.EXTENDED_SCANNING_FILTER_POLICIES);
  }

  /**
   * Begins; `onHeard` is called once, when the device takes connections, and the search is over then but for `end`. False
   * where the controller does not scan. Only inside `OwnAddresses.exclusive`. @throws HciError when it is lost.
   */
  async begin(
    target: ListedDevice,
    timing: ScanTiming,
    onHeard: (heard: HeardAddress) => void,
  ): Promise<boolean> {
    const { log } = this.port;
    const scanner = this.port.scanner();
    if (!scanner) return false;
    let isHeard = false;
    const search: ScanSearch = {
      intervalUs: timing.intervalUs,
      windowUs: timing.windowUs,
      onReport: (report) => {
        if (isHeard || this.current !== search || !this.isFrom(target, report)) return;
        isHeard = true;
        const device = { addressType: report.addressType & 1, address: report.address };
        onHeard({ device, own: report.directAddress });
      },
    };
    this.current = search;
    try {
      await scanner.beginSearch(search);
      return true;
    } catch (error) {
      this.current = undefined;
      if (isLoss(error)) throw error;
      log("info", `gap: the device is looked for under its identity alone, without a scan: ${textOf(error)}`);
      return false;
    }
  }

  /** Ends it, if it is under way. Only inside `OwnAddresses.exclusive`. */
  async end(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    if (current) await this.port.scanner()?.endSearch(current);
  }

  /** The controller is lost, and its scan with it. */
  forget(): void {
    this.current = undefined;
  }

  private isFrom(target: ListedDevice, report: AdvertisingReport): boolean {
    const { eventType } = report;
    if (eventType !== REPORT.ADV_IND && eventType !== REPORT.ADV_DIRECT_IND) return false;
    return isDevice(this.port.peers, target, report);
  }
}
