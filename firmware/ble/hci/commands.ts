/** The commands that the host sends (Vol 4, Part E, 7). Section numbers are of that part. */
import { address, bytes, i8, u8, u16, u32 } from "../codec.ts";
import { command, starter } from "./packet.ts";

/** 7.1.6 */
export const disconnect = starter("Disconnect", 0x0406, [0, 5], { connectionHandle: u16, reason: u8 });

/** 7.3.1 */
export const setEventMask = command("Set Event Mask", 0x0c01, [5, 6], { eventMask: bytes(8) });

/** 7.3.2 */
export const reset = command("Reset", 0x0c03, [5, 7], {});

/** 7.3.79 */
export const writeLeHostSupport = command("Write LE Host Support", 0x0c6d, [24, 6], {
  leSupportedHost: u8,
  unused: u8,
});

/** 7.4.1 */
export const readLocalVersionInformation = command(
  "Read Local Version Information",
  0x1001,
  [14, 3],
  {},
  { hciVersion: u8, hciSubversion: u16, lmpVersion: u8, companyIdentifier: u16, lmpSubversion: u16 },
);

/** 7.4.2 */
export const readLocalSupportedCommands = command(
  "Read Local Supported Commands",
  0x1002,
  [14, 4],
  {},
  { supportedCommands: bytes(64) },
);

/** 7.4.5 */
export const readBufferSize = command(
  "Read Buffer Size",
  0x1005,
  [14, 7],
  {},
  {
    aclDataPacketLength: u16,
    synchronousDataPacketLength: u8,
    totalNumAclDataPackets: u16,
    totalNumSynchronousDataPackets: u16,
  },
);

/** 7.4.6 */
export const readBdAddr = command("Read BD_ADDR", 0x1009, [15, 1], {}, { bdAddr: address });

/** 7.8.1 */
export const leSetEventMask = command("LE Set Event Mask", 0x2001, [25, 0], { leEventMask: bytes(8) });

/** 7.8.2 */
export const leReadBufferSize = command(
  "LE Read Buffer Size",
  0x2002,
  [25, 1],
  {},
  { leAclDataPacketLength: u16, totalNumLeAclDataPackets: u8 },
);

/** 7.8.3 */
export const leReadLocalSupportedFeatures = command(
  "LE Read Local Supported Features",
  0x2003,
  [25, 2],
  {},
  { leFeatures: bytes(8) },
);

/** 7.8.4 */
export const leSetRandomAddress = command("LE Set Random Address", 0x2005, [25, 4], {
  randomAddress: address,
});

/** 7.8.5 */
export const leSetAdvertisingParameters = command("LE Set Advertising Parameters", 0x2006, [25, 5], {
  advertisingIntervalMin: u16,
  advertisingIntervalMax: u16,
  advertisingType: u8,
  ownAddressType: u8,
  peerAddressType: u8,
  peerAddress: address,
  advertisingChannelMap: u8,
  advertisingFilterPolicy: u8,
});

/** 7.8.6 */
export const leReadAdvertisingPhysicalChannelTxPower = command(
  "LE Read Advertising Physical Channel Tx Power",
  0x2007,
  [25, 6],
  {},
  { txPowerLevel: i8 },
);

/** 7.8.7 */
export const leSetAdvertisingData = command("LE Set Advertising Data", 0x2008, [25, 7], {
  advertisingDataLength: u8,
  advertisingData: bytes(31),
});

/** 7.8.8 */
export const leSetScanResponseData = command("LE Set Scan Response Data", 0x2009, [26, 0], {
  scanResponseDataLength: u8,
  scanResponseData: bytes(31),
});

/** 7.8.9 */
export const leSetAdvertisingEnable = command("LE Set Advertising Enable", 0x200a, [26, 1], {
  advertisingEnable: u8,
});

/** 7.8.25 */
export const leLongTermKeyRequestReply = command(
  "LE Long Term Key Request Reply",
  0x201a,
  [28, 1],
  { connectionHandle: u16, longTermKey: bytes(16) },
  { connectionHandle: u16 },
);

/** 7.8.26 */
export const leLongTermKeyRequestNegativeReply = command(
  "LE Long Term Key Request Negative Reply",
  0x201b,
  [28, 2],
  { connectionHandle: u16 },
  { connectionHandle: u16 },
);

/** 7.8.27 */
export const leReadSupportedStates = command(
  "LE Read Supported States",
  0x201c,
  [28, 3],
  {},
  { leStates: bytes(8) },
);

/** 7.8.31 */
export const leRemoteConnectionParameterRequestReply = command(
  "LE Remote Connection Parameter Request Reply",
  0x2020,
  [33, 4],
  {
    connectionHandle: u16,
    intervalMin: u16,
    intervalMax: u16,
    maxLatency: u16,
    timeout: u16,
    minCeLength: u16,
    maxCeLength: u16,
  },
  { connectionHandle: u16 },
);

/** 7.8.35 */
export const leWriteSuggestedDefaultDataLength = command(
  "LE Write Suggested Default Data Length",
  0x2024,
  [34, 0],
  { suggestedMaxTxOctets: u16, suggestedMaxTxTime: u16 },
);

/** 7.8.46; the time is in microseconds. */
export const leReadMaximumDataLength = command(
  "LE Read Maximum Data Length",
  0x202f,
  [35, 3],
  {},
  {
    supportedMaxTxOctets: u16,
    supportedMaxTxTime: u16,
    supportedMaxRxOctets: u16,
    supportedMaxRxTime: u16,
  },
);

/** 7.8.23 */
export const leRand = command("LE Rand", 0x2018, [27, 7], {}, { randomLow: u32, randomHigh: u32 });

/** Every command above, for traces. */
export const COMMANDS = [
  disconnect,
  setEventMask,
  reset,
  writeLeHostSupport,
  readLocalVersionInformation,
  readLocalSupportedCommands,
  readBufferSize,
  readBdAddr,
  leSetEventMask,
  leReadBufferSize,
  leReadLocalSupportedFeatures,
  leSetRandomAddress,
  leSetAdvertisingParameters,
  leReadAdvertisingPhysicalChannelTxPower,
  leSetAdvertisingData,
  leSetScanResponseData,
  leSetAdvertisingEnable,
  leLongTermKeyRequestReply,
  leLongTermKeyRequestNegativeReply,
  leReadSupportedStates,
  leRemoteConnectionParameterRequestReply,
  leWriteSuggestedDefaultDataLength,
  leReadMaximumDataLength,
  leRand,
] as const;
