/**
 * Commands and events that a controller has and our host does not use (Vol 4, Part E, 7).
 * Section numbers are of that part.
 */
import { bytes, handle, i8, u8, u16 } from "../../firmware/ble/codec.ts";
import { defineCommand, defineEvent, defineStarter } from "../../firmware/ble/hci/packet.ts";

/** 7.1.23 */
export const readRemoteVersionInformation = defineStarter("Read Remote Version Information", 0x041d, [2, 7], {
  connectionHandle: handle,
});

/** 7.3.36 */
export const readTransmitPowerLevel = defineCommand(
  "Read Transmit Power Level",
  0x0c2d,
  [10, 2],
  { connectionHandle: handle, type: u8 },
  { connectionHandle: handle, txPowerLevel: i8 },
);

/** 7.3.69 */
export const setEventMaskPage2 = defineCommand("Set Event Mask Page 2", 0x0c63, [22, 2], {
  eventMaskPage2: bytes(8),
});

/** 7.4.3 */
export const readLocalSupportedFeatures = defineCommand(
  "Read Local Supported Features",
  0x1003,
  [14, 5],
  {},
  { lmpFeatures: bytes(8) },
);

/** 7.8.6 */
export const leReadAdvertisingPhysicalChannelTxPower = defineCommand(
  "LE Read Advertising Physical Channel Tx Power",
  0x2007,
  [25, 6],
  {},
  { txPowerLevel: i8 },
);

/** 7.8.19 */
export const leSetHostChannelClassification = defineCommand(
  "LE Set Host Channel Classification",
  0x2014,
  [27, 3],
  {
    channelMap: bytes(5),
  },
);

/** 7.8.20 */
export const leReadChannelMap = defineCommand(
  "LE Read Channel Map",
  0x2015,
  [27, 4],
  { connectionHandle: handle },
  { connectionHandle: handle, channelMap: bytes(5) },
);

/** 7.8.34; the time is in microseconds. */
export const leReadSuggestedDefaultDataLength = defineCommand(
  "LE Read Suggested Default Data Length",
  0x2023,
  [33, 7],
  {},
  { suggestedMaxTxOctets: u16, suggestedMaxTxTime: u16 },
);

/** 7.7.12 */
export const readRemoteVersionInformationComplete = defineEvent(
  "Read Remote Version Information Complete",
  0x0c,
  {
    status: u8,
    connectionHandle: handle,
    version: u8,
    companyIdentifier: u16,
    subversion: u16,
  },
);
