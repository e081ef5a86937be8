/** What a scan is like, and what the controller is set to for it (Vol 4, Part E, 7.8.10). */
import { type ListedDevice, sameDevice } from "./address.ts";

/** Range of LE_Scan_Interval and LE_Scan_Window: 2.5 ms to 10.24 s (Vol 4, Part E, 7.8.10). */
const SCAN_INTERVAL_MIN_US = 2_500;
const SCAN_INTERVAL_MAX_US = 10_240_000;
/** Their unit. */
export const SCAN_UNIT_US = 625;

/** Scanning_Filter_Policy: the sum of these. */
export const FILTER_POLICY = {
  ACCEPT_LIST: 0x01,
  /** Directed advertising for private addresses that the controller cannot resolve is reported, for the host to do it. */
  EXTENDED: 0x02,
} as const;

/** When the radio listens. */
export interface ScanTiming {
  /** From the start of one window to the start of the next: 2,500 to 10,240,000 microseconds, rounded down to 625. */
  readonly intervalUs: number;
  /** How long the radio listens in each interval; at most `intervalUs`. */
  readonly windowUs: number;
}

export interface ScanParameters extends ScanTiming {
  /** Ask for scan responses. */
  readonly active: boolean;
  /** Only these devices are reported. The controller drops all others where it knows them under their addresses. */
  readonly devices?: readonly ListedDevice[];
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

/** Whether two lists, where there are any, name the same devices in the same order. */
export function sameDevices(
  one: readonly ListedDevice[] | undefined,
  other: readonly ListedDevice[] | undefined,
): boolean {
  if (!one || !other) return one === other;
  return one.length === other.length && one.every((device, at) => sameDevice(device, other[at]!));
}

/** What the controller is to be set to. */
export interface ScanPlan extends ScanTiming {
  readonly active: boolean;
  /** Devices that the controller lets pass; undefined: all. */
  readonly acceptList: readonly ListedDevice[] | undefined;
  /** Of `FILTER_POLICY`. */
  readonly policy: number;
}

export function samePlan(one: ScanPlan, other: ScanPlan): boolean {
  return (
    one.intervalUs === other.intervalUs &&
    one.windowUs === other.windowUs &&
    one.active === other.active &&
    one.policy === other.policy &&
    sameDevices(one.acceptList, other.acceptList)
  );
}
