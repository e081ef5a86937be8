/**
 * Commands of the central role, of links in either role, and of status (Vol 4, Part E, 7). Section numbers are of that
 * part. Apart from commands.ts, so that an image of a peripheral does not carry them.
 */
import { address, bytes, i8, u8, u16 } from "../codec.ts";
import { command, starter } from "./packet.ts";

/** 7.1.23 */
export const readRemoteVersionInformation = starter("Read Remote Version Information", 0x041d, [2, 7], {
  connectionHandle: u16,
});

/** 7.3.36 */
export const readTransmitPowerLevel = command(
  "Read Transmit Power Level",
  0x0c2d,
  [10, 2],
  { connectionHandle: u16, type: u8 },
  { connectionHandle: u16, txPowerLevel: i8 },
);

/** 7.3.69 */
export const setEventMaskPage2 = command("Set Event Mask Page 2", 0x0c63, [22, 2], {
  eventMaskPage2: bytes(8),
});

/** 7.4.3 */
export const readLocalSupportedFeatures = command(
  "Read Local Supported Features",
  0x1003,
  [14, 5],
  {},
  { lmpFeatures: bytes(8) },
);

/** 7.5.4 */
export const readRssi = command(
  "Read RSSI",
  0x1405,
  [15, 5],
  { connectionHandle: u16 },
  { connectionHandle: u16, rssi: i8 },
);

/** 7.8.10 */
export const leSetScanParameters = command("LE Set Scan Parameters", 0x200b, [26, 2], {
  leScanType: u8,
  leScanInterval: u16,
  leScanWindow: u16,
  ownAddressType: u8,
  scanningFilterPolicy: u8,
});

/** 7.8.11 */
export const leSetScanEnable = command("LE Set Scan Enable", 0x200c, [26, 3], {
  leScanEnable: u8,
  filterDuplicates: u8,
});

/** 7.8.12; LE Connection Complete follows. */
export const leCreateConnection = starter("LE Create Connection", 0x200d, [26, 4], {
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
export const leCreateConnectionCancel = command("LE Create Connection Cancel", 0x200e, [26, 5], {});

/** 7.8.14 */
export const leReadFilterAcceptListSize = command(
  "LE Read Filter Accept List Size",
  0x200f,
  [26, 6],
  {},
  { filterAcceptListSize: u8 },
);

/** 7.8.15 */
export const leClearFilterAcceptList = command("LE Clear Filter Accept List", 0x2010, [26, 7], {});

/** 7.8.16 */
export const leAddDeviceToFilterAcceptList = command("LE Add Device To Filter Accept List", 0x2011, [27, 0], {
  addressType: u8,
  address,
});

/** 7.8.17 */
export const leRemoveDeviceFromFilterAcceptList = command(
  "LE Remove Device From Filter Accept List",
  0x2012,
  [27, 1],
  { addressType: u8, address },
);

/** 7.8.18 */
export const leConnectionUpdate = starter("LE Connection Update", 0x2013, [27, 2], {
  connectionHandle: u16,
  connectionIntervalMin: u16,
  connectionIntervalMax: u16,
  maxLatency: u16,
  supervisionTimeout: u16,
  minCeLength: u16,
  maxCeLength: u16,
});

/** 7.8.19 */
export const leSetHostChannelClassification = command("LE Set Host Channel Classification", 0x2014, [27, 3], {
  channelMap: bytes(5),
});

/** 7.8.20 */
export const leReadChannelMap = command(
  "LE Read Channel Map",
  0x2015,
  [27, 4],
  { connectionHandle: u16 },
  { connectionHandle: u16, channelMap: bytes(5) },
);

/** 7.8.21 */
export const leReadRemoteFeatures = starter("LE Read Remote Features", 0x2016, [27, 5], {
  connectionHandle: u16,
});

/** 7.8.22; key and data most significant byte last, as everything on the wire. */
export const leEncrypt = command(
  "LE Encrypt",
  0x2017,
  [27, 6],
  { key: bytes(16), plaintextData: bytes(16) },
  { encryptedData: bytes(16) },
);

/** 7.8.24 */
export const leEnableEncryption = starter("LE Enable Encryption", 0x2019, [28, 0], {
  connectionHandle: u16,
  randomNumber: bytes(8),
  encryptedDiversifier: u16,
  longTermKey: bytes(16),
});

/** 7.8.32 */
export const leRemoteConnectionParameterRequestNegativeReply = command(
  "LE Remote Connection Parameter Request Negative Reply",
  0x2021,
  [33, 5],
  { connectionHandle: u16, reason: u8 },
  { connectionHandle: u16 },
);

/** 7.8.33 */
export const leSetDataLength = command(
  "LE Set Data Length",
  0x2022,
  [33, 6],
  { connectionHandle: u16, txOctets: u16, txTime: u16 },
  { connectionHandle: u16 },
);

/** 7.8.34; the time is in microseconds. */
export const leReadSuggestedDefaultDataLength = command(
  "LE Read Suggested Default Data Length",
  0x2023,
  [33, 7],
  {},
  { suggestedMaxTxOctets: u16, suggestedMaxTxTime: u16 },
);

/** 7.8.47 */
export const leReadPhy = command(
  "LE Read PHY",
  0x2030,
  [35, 4],
  { connectionHandle: u16 },
  { connectionHandle: u16, txPhy: u8, rxPhy: u8 },
);

/** 7.8.48 */
export const leSetDefaultPhy = command("LE Set Default PHY", 0x2031, [35, 5], {
  allPhys: u8,
  txPhys: u8,
  rxPhys: u8,
});

/** 7.8.49 */
export const leSetPhy = starter("LE Set PHY", 0x2032, [35, 6], {
  connectionHandle: u16,
  allPhys: u8,
  txPhys: u8,
  rxPhys: u8,
  phyOptions: u16,
});

/** Every command above, for traces. */
export const CENTRAL_COMMANDS = [
  readRemoteVersionInformation,
  readTransmitPowerLevel,
  setEventMaskPage2,
  readLocalSupportedFeatures,
  readRssi,
  leSetScanParameters,
  leSetScanEnable,
  leCreateConnection,
  leCreateConnectionCancel,
  leReadFilterAcceptListSize,
  leClearFilterAcceptList,
  leAddDeviceToFilterAcceptList,
  leRemoveDeviceFromFilterAcceptList,
  leConnectionUpdate,
  leSetHostChannelClassification,
  leReadChannelMap,
  leReadRemoteFeatures,
  leEncrypt,
  leEnableEncryption,
  leRemoteConnectionParameterRequestNegativeReply,
  leSetDataLength,
  leReadSuggestedDefaultDataLength,
  leReadPhy,
  leSetDefaultPhy,
  leSetPhy,
] as const;
