/**
 * Advertising that only bonded devices may answer (Vol 6, Part B, 4.3.2): the controller's accept list names them, and the
 * host looks at who connects all the same.
 */
import type { LogLevel } from "../../platform/platform.ts";
import { isLoss } from "../errors.ts";
import { textOf } from "../text.ts";
import type { ListedDevice } from "./address.ts";
import type { AdvertisingFilter } from "./legacy-advertising.ts";
import { acceptListOf, fillAcceptList, type ScanFilterPort } from "./scan-filter.ts";
import { sameDevices } from "./scan-parameters.ts";
import type { Scanner } from "./scanner.ts";

/** What the filter is handed. */
export interface BondedFilterPort extends ScanFilterPort {
  /** The bonded devices that know this one by the identity which it has at the moment. */
  bonded(): readonly ListedDevice[];
  /** Whether this address, as it was on the air, is that of one of them. */
  isBonded(device: ListedDevice): boolean;
  /** Undefined in an image without the feature `scan`. */
  scanner(): Pick<Scanner, "yieldAcceptList" | "refresh"> | undefined;
  log(level: LogLevel, message: string): void;
}

/** The controller has one accept list: while advertising needs it, the host filters scans. */
export class BondedFilter implements AdvertisingFilter {
  private readonly port: BondedFilterPort;
  /** Whom the list names for advertising; undefined while scans may have it. */
  private listed: readonly ListedDevice[] | undefined = undefined;
  /** Links of devices without a bond that were ended. */
  refused = 0;
  private warned = false;

  constructor(port: BondedFilterPort) {
    this.port = port;
  }

  get hasDevices(): boolean {
    return this.port.bonded().length > 0;
  }

  get isListTaken(): boolean {
    return this.listed !== undefined;
  }

  get isCurrent(): boolean {
    const { listed, port } = this;
    const wanted = acceptListOf(port, port.bonded());
    return listed && wanted ? sameDevices(listed, wanted) : listed === wanted;
  }

  async engage(): Promise<boolean> {
    const { hci, scanner } = this.port;
    const devices = acceptListOf(this.port, this.port.bonded());
    if (!devices) return this.leaveToHost("it does not resolve the addresses of all of them");
    if (this.listed && sameDevices(this.listed, devices)) return true;
    this.listed = devices;
    try {
      await scanner()?.yieldAcceptList();
      await fillAcceptList(hci, devices);
      return true;
    } catch (error) {
      this.release();
      if (isLoss(error)) throw error;
      return this.leaveToHost(textOf(error));
    }
  }

  release(): void {
    if (!this.listed) return;
    this.listed = undefined;
    this.port.scanner()?.refresh();
  }

  reset(): void {
    this.listed = undefined;
    this.warned = false;
  }

  admits(device: ListedDevice): boolean {
    if (this.port.isBonded(device)) return true;
    if (this.refused++ === 0) {
      const rest = "counters().security.refusedConnections counts the next ones";
      this.port.log("warning", `gap: ended the connection of a device without a bond (bondedOnly); ${rest}`);
    }
    return false;
  }

  private leaveToHost(why: string): false {
    this.release();
    if (!this.warned) {
      this.warned = true;
      const what = "the controller does not filter who answers advertising for bonded devices";
      this.port.log(
        "info",
        `gap: ${what}: ${why}; the host ends connections of others, and anybody has the scan response`,
      );
    }
    return false;
  }
}
