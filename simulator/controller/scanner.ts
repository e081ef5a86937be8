/** Scanning (Vol 6, Part B, 4.4.3; Vol 4, Part E, 7.8.10 and 7.8.11). */
import { Writer } from "../../firmware/ble/codec.ts";
import { leSetScanEnable, leSetScanParameters } from "../../firmware/ble/hci/commands/le-scanning.ts";
import { leAdvertisingReport, leDirectedAdvertisingReport } from "../../firmware/ble/hci/le-events.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { ADV, type Advertisement, type Identity, type Radio } from "../link.ts";
import type { CommandTable } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { LE_FEATURE } from "./options.ts";
import { isPrivate } from "./resolving-list.ts";
import { statesAllow } from "./states.ts";

/** Whether a scan window and interval, in units of 0.625 ms, are in range (7.8.10). */
export function scanTimingValid(interval: number, window: number): boolean {
  return interval >= 0x0004 && interval <= 0x4000 && window >= 0x0004 && window <= interval;
}

/** Whether a receiver that opens `window` of every `interval` since `startMs` listens now. */
export function windowOpen(nowMs: number, startMs: number, interval: number, window: number): boolean {
  return (nowMs - startMs) % (interval * 0.625) <= window * 0.625;
}

export class Scanner {
  enabled = false;
  private readonly controller: Controller;
  private active = false;
  private interval = 0x0010;
  private window = 0x0010;
  private ownAddressType = 0;
  private filterPolicy = 0;
  private filterDuplicates = false;
  private startMs = 0;
  private readonly seen = new Set<string>();

  constructor(controller: Controller) {
    this.controller = controller;
  }

  reset(): void {
    this.enabled = false;
    this.controller.onAir({ kind: "scanning", share: 0 });
    this.active = false;
    this.interval = 0x0010;
    this.window = 0x0010;
    this.ownAddressType = 0;
    this.filterPolicy = 0;
  }

  /** LE_Scan_Type while it scans. */
  get type(): number | undefined {
    return this.enabled ? Number(this.active) : undefined;
  }

  get usesAcceptList(): boolean {
    return this.enabled && (this.filterPolicy & 1) !== 0;
  }

  private get filterPolicyMax(): number {
    return this.controller.has(LE_FEATURE.EXTENDED_SCANNING_FILTER_POLICIES) ? 3 : 1;
  }

  get usesRandomAddress(): boolean {
    return this.enabled && (this.ownAddressType & 1) === 1;
  }

  register(table: CommandTable): void {
    table.on(leSetScanParameters, (values) => {
      if (this.enabled) return HCI_STATUS.COMMAND_DISALLOWED;
      const { leScanType, leScanInterval, leScanWindow, ownAddressType, scanningFilterPolicy } = values;
      const valid =
        leScanType <= 1 &&
        scanTimingValid(leScanInterval, leScanWindow) &&
        ownAddressType <= this.controller.ownAddressTypeMax &&
        scanningFilterPolicy <= this.filterPolicyMax;
      if (!valid) return HCI_STATUS.INVALID_PARAMETERS;
      this.active = leScanType === 1;
      this.interval = leScanInterval;
      this.window = leScanWindow;
      this.ownAddressType = ownAddressType;
      this.filterPolicy = scanningFilterPolicy;
      return HCI_STATUS.SUCCESS;
    });
    table.on(leSetScanEnable, ({ leScanEnable, filterDuplicates }) => {
      if (leScanEnable > 1 || filterDuplicates > 1) return HCI_STATUS.INVALID_PARAMETERS;
      if (leScanEnable === 1 && !this.controller.ownIdentity(this.ownAddressType)) {
        return HCI_STATUS.INVALID_PARAMETERS;
      }
      if (leScanEnable === 1 && !statesAllow(this.controller, { scanning: this.active ? 1 : 0 }))
        return HCI_STATUS.COMMAND_DISALLOWED;
      this.enabled = leScanEnable === 1;
      this.controller.onAir({ kind: "scanning", share: this.enabled ? this.window / this.interval : 0 });
      this.filterDuplicates = filterDuplicates === 1;
      this.startMs = this.controller.clock.now();
      this.seen.clear();
      return HCI_STATUS.SUCCESS;
    });
  }

  /** One advertising event arrives. */
  hear(advertisement: Advertisement, sender: Radio): void {
    const { controller } = this;
    if (!this.enabled || !windowOpen(controller.clock.now(), this.startMs, this.interval, this.window))
      return;
    const { target, type, data } = advertisement;
    const { resolvingList } = controller;
    if (resolvingList.drops(advertisement.advertiser)) return;
    const advertiser = resolvingList.resolve(advertisement.advertiser);
    const addressType = advertiser.type + (advertiser === advertisement.advertiser ? 0 : 2);
    const own = controller.ownIdentity(this.ownAddressType, advertiser)!;
    if (this.usesAcceptList && !controller.acceptList.has(advertiser)) return;
    if (target && !controller.isOwn(target)) {
      // For whom this is the controller cannot tell; the extended policies leave it to the host (4.3.3).
      if (this.filterPolicy >= 2 && isPrivate(target)) this.reportDirected(addressType, advertiser, target);
      return;
    }
    this.report(type, addressType, advertiser, data);
    const scannable = type === ADV.CONNECTABLE || type === ADV.SCANNABLE;
    if (!this.active || !scannable || !controller.air.carries(controller, sender)) return;
    const response = advertisement.onScanRequest(own);
    if (response && controller.air.carries(sender, controller)) {
      this.report(ADV.SCAN_RESPONSE, addressType, advertiser, response);
    }
  }

  /** Whether it is to be reported, by what the host wants of duplicates. */
  private isNews(eventType: number, { type, address }: Identity): boolean {
    if (!this.filterDuplicates) return true;
    const key = `${eventType} ${type} ${address}`;
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    return true;
  }

  /** 7.7.65.11 */
  private reportDirected(addressType: number, advertiser: Identity, target: Identity): void {
    if (!this.isNews(ADV.DIRECTED, advertiser)) return;
    const report = new Writer();
    report.u8(ADV.DIRECTED);
    report.u8(addressType);
    report.bytes(advertiser.address.slice().reverse());
    report.u8(target.type);
    report.bytes(target.address.slice().reverse());
    report.u8(this.controller.air.rssi & 0xff);
    this.controller.emit(leDirectedAdvertisingReport, { numReports: 1, reports: report.finish() });
  }

  private report(eventType: number, addressType: number, advertiser: Identity, data: Uint8Array): void {
    if (!this.isNews(eventType, advertiser)) return;
    const report = new Writer();
    report.u8(eventType);
    report.u8(addressType);
    report.bytes(advertiser.address.slice().reverse());
    report.u8(data.length);
    report.bytes(data);
    report.u8(this.controller.air.rssi & 0xff);
    this.controller.emit(leAdvertisingReport, { numReports: 1, reports: report.finish() });
  }
}
