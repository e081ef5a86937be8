/** What a controller reports of packets that it heard (Vol 4, Part E, 7.7.65.2). */
import { ADDRESS_LENGTH } from "./address.ts";

/** Kinds of packet, as Event_Type numbers them. */
export const REPORT = {
  ADV_IND: 0,
  ADV_DIRECT_IND: 1,
  ADV_SCAN_IND: 2,
  ADV_NONCONN_IND: 3,
  SCAN_RSP: 4,
} as const;

/** One packet that was heard. */
export interface AdvertisingReport {
  /** One of `REPORT`. */
  readonly eventType: number;
  /** 0 public, 1 random; 2 and 3 the same as an identity that the controller resolved. */
  readonly addressType: number;
  /** Six bytes in printed order. */
  readonly address: Uint8Array;
  /** At most 31 bytes, the caller's to keep. */
  readonly data: Uint8Array;
  /** dBm, -127 to 20; undefined where the controller does not know. */
  readonly rssi: number | undefined;
}

/** Event_Type, Address_Type, Address, Data_Length. */
const HEAD_LENGTH = 3 + ADDRESS_LENGTH;
/** Data that a legacy packet can hold (Vol 6, Part B, 2.3.1). */
const DATA_LENGTH_MAX = 31;
/** RSSI that means that there is none. */
const NO_RSSI = 127;

/**
 * Takes the reports of one event apart, which has `count` of them one after the other. Calls `onReport` for each that is
 * sound. Returns false when something is wrong with the event: what follows the fault is dropped, for nothing says where
 * the next report would begin.
 */
export function readReports(
  count: number,
  bytes: Uint8Array,
  onReport: (report: AdvertisingReport) => void,
): boolean {
  let at = 0;
  for (let index = 0; index < count; index++) {
    const head = at + HEAD_LENGTH;
    if (head > bytes.length) return false;
    const length = bytes[head - 1]!;
    const end = head + length;
    const eventType = bytes[at]!;
    if (length > DATA_LENGTH_MAX || end >= bytes.length || eventType > REPORT.SCAN_RSP) return false;
    const rssi = (bytes[end]! << 24) >> 24;
    onReport({
      eventType,
      addressType: bytes[at + 1]!,
      address: bytes.slice(at + 2, at + 2 + ADDRESS_LENGTH).reverse(),
      data: bytes.slice(head, end),
      rssi: rssi === NO_RSSI ? undefined : rssi,
    });
    at = end + 1;
  }
  return true;
}
