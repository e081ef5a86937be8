/** LE Meta events (Vol 4, Part E, 7.7.65). Section numbers are of that part. */
import { address, bytes, handle, rest, u8, u16 } from "../codec.ts";
import { defineLeEvent, defineLeRequest, LE_FEATURE } from "./packet.ts";

/** 7.7.65.1 */
export const leConnectionComplete = defineLeEvent("LE Connection Complete", 0x01, {
  status: u8,
  connectionHandle: handle,
  role: u8,
  peerAddressType: u8,
  peerAddress: address,
  connectionInterval: u16,
  peripheralLatency: u16,
  supervisionTimeout: u16,
  centralClockAccuracy: u8,
});

/**
 * 7.7.65.2. Of each report: Event_Type, Address_Type, Address (6), Data_Length, Data, RSSI. The specification sorts the
 * fields of several reports by kind; controllers send one report an event, or write them one after the other.
 */
export const leAdvertisingReport = defineLeEvent("LE Advertising Report", 0x02, {
  numReports: u8,
  reports: rest,
});

/** 7.7.65.3 */
export const leConnectionUpdateComplete = defineLeEvent("LE Connection Update Complete", 0x03, {
  status: u8,
  connectionHandle: handle,
  connectionInterval: u16,
  peripheralLatency: u16,
  supervisionTimeout: u16,
});

/** 7.7.65.4 */
export const leReadRemoteFeaturesComplete = defineLeEvent("LE Read Remote Features Complete", 0x04, {
  status: u8,
  connectionHandle: handle,
  leFeatures: bytes(8),
});

/** 7.7.65.5 */
export const leLongTermKeyRequest = defineLeRequest("LE Long Term Key Request", 0x05, {
  connectionHandle: handle,
  randomNumber: bytes(8),
  encryptedDiversifier: u16,
});

/** 7.7.65.6 */
export const leRemoteConnectionParameterRequest = defineLeRequest(
  "LE Remote Connection Parameter Request",
  0x06,
  {
    connectionHandle: handle,
    intervalMin: u16,
    intervalMax: u16,
    maxLatency: u16,
    timeout: u16,
  },
  [LE_FEATURE.CONNECTION_PARAMETERS_REQUEST],
);

/** 7.7.65.7; times in microseconds. */
export const leDataLengthChange = defineLeEvent(
  "LE Data Length Change",
  0x07,
  {
    connectionHandle: handle,
    maxTxOctets: u16,
    maxTxTime: u16,
    maxRxOctets: u16,
    maxRxTime: u16,
  },
  [LE_FEATURE.DATA_PACKET_LENGTH_EXTENSION],
);

/** 7.7.65.10 */
export const leEnhancedConnectionComplete = defineLeEvent(
  "LE Enhanced Connection Complete",
  0x0a,
  {
    status: u8,
    connectionHandle: handle,
    role: u8,
    peerAddressType: u8,
    peerAddress: address,
    localResolvablePrivateAddress: address,
    peerResolvablePrivateAddress: address,
    connectionInterval: u16,
    peripheralLatency: u16,
    supervisionTimeout: u16,
    centralClockAccuracy: u8,
  },
  [LE_FEATURE.LL_PRIVACY],
);

/**
 * 7.7.65.11: directed advertising whose target is a private address that the controller cannot resolve. Of each report:
 * Event_Type, Address_Type, Address (6), Direct_Address_Type, Direct_Address (6), RSSI, as of `leAdvertisingReport`.
 */
export const leDirectedAdvertisingReport = defineLeEvent(
  "LE Directed Advertising Report",
  0x0b,
  {
    numReports: u8,
    reports: rest,
  },
  [LE_FEATURE.EXTENDED_SCANNING_FILTER_POLICIES],
);

/** 7.7.65.12 */
export const lePhyUpdateComplete = defineLeEvent(
  "LE PHY Update Complete",
  0x0c,
  {
    status: u8,
    connectionHandle: handle,
    txPhy: u8,
    rxPhy: u8,
  },
  [LE_FEATURE.PHY_2M, LE_FEATURE.PHY_CODED],
);
