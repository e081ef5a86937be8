/**
 * Events of scanning and of link procedures (Vol 4, Part E, 7.7). Section numbers are of that part. Apart from
 * events.ts, so that an image of a peripheral does not carry them.
 */
import { bytes, rest, u8, u16 } from "../codec.ts";
import { event, leEvent } from "./packet.ts";

/** 7.7.12 */
export const readRemoteVersionInformationComplete = event("Read Remote Version Information Complete", 0x0c, {
  status: u8,
  connectionHandle: u16,
  version: u8,
  companyIdentifier: u16,
  subversion: u16,
});

/** 7.7.39 */
export const encryptionKeyRefreshComplete = event("Encryption Key Refresh Complete", 0x30, {
  status: u8,
  connectionHandle: u16,
});

/**
 * 7.7.65.2. Of each report: Event_Type, Address_Type, Address (6), Data_Length, Data, RSSI. The specification sorts the
 * fields of several reports by kind; controllers send one report an event, or write them one after the other.
 */
export const leAdvertisingReport = leEvent("LE Advertising Report", 0x02, { numReports: u8, reports: rest });

/** 7.7.65.4 */
export const leReadRemoteFeaturesComplete = leEvent("LE Read Remote Features Complete", 0x04, {
  status: u8,
  connectionHandle: u16,
  leFeatures: bytes(8),
});

/** 7.7.65.7; times in microseconds. */
export const leDataLengthChange = leEvent("LE Data Length Change", 0x07, {
  connectionHandle: u16,
  maxTxOctets: u16,
  maxTxTime: u16,
  maxRxOctets: u16,
  maxRxTime: u16,
});

/** 7.7.65.12 */
export const lePhyUpdateComplete = leEvent("LE PHY Update Complete", 0x0c, {
  status: u8,
  connectionHandle: u16,
  txPhy: u8,
  rxPhy: u8,
});

/** Every event above, for traces. */
export const CENTRAL_EVENTS = [
  readRemoteVersionInformationComplete,
  encryptionKeyRefreshComplete,
  leAdvertisingReport,
  leReadRemoteFeaturesComplete,
  leDataLengthChange,
  lePhyUpdateComplete,
] as const;
