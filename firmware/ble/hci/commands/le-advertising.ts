/** LE Controller commands for legacy advertising (Vol 4, Part E, 7.8). Section numbers are of that part. */
import { address, bytes, u8, u16 } from "../../codec.ts";
import { defineCommand } from "../packet.ts";

/** 7.8.5 */
export const leSetAdvertisingParameters = defineCommand("LE Set Advertising Parameters", 0x2006, [25, 5], {
  advertisingIntervalMin: u16,
  advertisingIntervalMax: u16,
  advertisingType: u8,
  ownAddressType: u8,
  peerAddressType: u8,
  peerAddress: address,
  advertisingChannelMap: u8,
  advertisingFilterPolicy: u8,
});

/** 7.8.7 */
export const leSetAdvertisingData = defineCommand("LE Set Advertising Data", 0x2008, [25, 7], {
  advertisingDataLength: u8,
  advertisingData: bytes(31),
});

/** 7.8.8 */
export const leSetScanResponseData = defineCommand("LE Set Scan Response Data", 0x2009, [26, 0], {
  scanResponseDataLength: u8,
  scanResponseData: bytes(31),
});

/** 7.8.9 */
export const leSetAdvertisingEnable = defineCommand("LE Set Advertising Enable", 0x200a, [26, 1], {
  advertisingEnable: u8,
});
