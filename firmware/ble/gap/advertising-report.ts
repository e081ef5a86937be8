/** What a controller reports of packets that it heard (Vol 4, Part E, 7.7.65.2 and 7.7.65.11). */
import { ADDRESS_LENGTH, ADDRESS_TYPE } from "./address.ts";

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
  /**
   * The resolvable private address that directed advertising is for, in printed order, where the controller could not resolve
   * it. Undefined for all others: the controller knows that they are for this device, or for anybody.
   */
  readonly directAddress?: Uint8Array;
}

/** Event_Type, Address_Type, Address, Direct_Address_Type, Direct_Address, RSSI. */
const DIRECTED_LENGTH = 4 + 2 * ADDRESS_LENGTH;
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
    onReport({
      eventType,
      addressType: bytes[at + 1]!,
      address: addressAt(bytes, at + 2),
      data: bytes.slice(head, end),
      rssi: rssiAt(bytes, end),
    });
    at = end + 1;
  }
  return true;
}

/**
 * The same of an event about directed advertising, whose reports have one length. Returns false where the event is too
 * short for them, which drops all, and where one is not of directed advertising for a random address, which ends it there.
 */
export function readDirectedReports(
  count: number,
  bytes: Uint8Array,
  onReport: (report: AdvertisingReport & { readonly directAddress: Uint8Array }) => void,
): boolean {
  if (count * DIRECTED_LENGTH > bytes.length) return false;
  for (let at = 0; at < count * DIRECTED_LENGTH; at += DIRECTED_LENGTH) {
    const target = at + 2 + ADDRESS_LENGTH;
    if (bytes[at] !== REPORT.ADV_DIRECT_IND || bytes[target] !== ADDRESS_TYPE.RANDOM) return false;
    onReport({
      eventType: REPORT.ADV_DIRECT_IND,
      addressType: bytes[at + 1]!,
      address: addressAt(bytes, at + 2),
      data: new Uint8Array(0),
      rssi: rssiAt(bytes, at + DIRECTED_LENGTH - 1),
      directAddress: addressAt(bytes, target + 1),
    });
  }
  return true;
}

function addressAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.slice(at, at + ADDRESS_LENGTH).reverse();
}

/** dBm at this place, a signed byte. */
function rssiAt(bytes: Uint8Array, at: number): number | undefined {
  const rssi = (bytes[at]! << 24) >> 24;
  return rssi === NO_RSSI ? undefined : rssi;
}
