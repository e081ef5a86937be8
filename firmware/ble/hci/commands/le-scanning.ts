/**
 * LE Controller commands for scanning, connecting and the accept list (Vol 4, Part E, 7.8).
 * Section numbers are of that part.
 */
import { address, u8, u16 } from "../../codec.ts";
import { defineCommand, defineStarter } from "../packet.ts";

/** 7.8.10 */
export const leSetScanParameters = defineCommand("LE Set Scan Parameters", 0x200b, [26, 2], {
  leScanType: u8,
  leScanInterval: u16,
  leScanWindow: u16,
  ownAddressType: u8,
  scanningFilterPolicy: u8,
});

/** 7.8.11 */
export const leSetScanEnable = defineCommand("LE Set Scan Enable", 0x200c, [26, 3], {
  leScanEnable: u8,
  filterDuplicates: u8,
});

/** 7.8.12; LE Connection Complete follows. */
export const leCreateConnection = defineStarter("LE Create Connection", 0x200d, [26, 4], {
  leScanInterval: u16,
  leScanWindow: u16,
  initiatorFilterPolicy: u8,
  peerAddressType: u8,
  peerAddress: address,
  ownAddressType: u8,
  connectionIntervalMin: u16,
  connectionIntervalMax: u16,
  maxLatency: u16,
  supervisionTimeout: u16,
  minCeLength: u16,
  maxCeLength: u16,
});

/** 7.8.13 */
export const leCreateConnectionCancel = defineCommand("LE Create Connection Cancel", 0x200e, [26, 5], {});

/** 7.8.14 */
export const leReadFilterAcceptListSize = defineCommand(
  "LE Read Filter Accept List Size",
  0x200f,
  [26, 6],
  {},
  { filterAcceptListSize: u8 },
);

/** 7.8.15 */
export const leClearFilterAcceptList = defineCommand("LE Clear Filter Accept List", 0x2010, [26, 7], {});

/** 7.8.16 */
export const leAddDeviceToFilterAcceptList = defineCommand(
  "LE Add Device To Filter Accept List",
  0x2011,
  [27, 0],
  {
    addressType: u8,
    address,
  },
);

/** 7.8.17 */
export const leRemoveDeviceFromFilterAcceptList = defineCommand(
  "LE Remove Device From Filter Accept List",
  0x2012,
  [27, 1],
  { addressType: u8, address },
);
