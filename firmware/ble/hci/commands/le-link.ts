/** LE Controller commands about one link (Vol 4, Part E, 7.8). Section numbers are of that part. */
import { handle, u8, u16 } from "../../codec.ts";
import { defineCommand, defineStarter } from "../packet.ts";

/** 7.8.18 */
export const leConnectionUpdate = defineStarter("LE Connection Update", 0x2013, [27, 2], {
  connectionHandle: handle,
  connectionIntervalMin: u16,
  connectionIntervalMax: u16,
  maxLatency: u16,
  supervisionTimeout: u16,
  minCeLength: u16,
  maxCeLength: u16,
});

/** 7.8.21 */
export const leReadRemoteFeatures = defineStarter("LE Read Remote Features", 0x2016, [27, 5], {
  connectionHandle: handle,
});

/** 7.8.31 */
export const leRemoteConnectionParameterRequestReply = defineCommand(
  "LE Remote Connection Parameter Request Reply",
  0x2020,
  [33, 4],
  {
    connectionHandle: handle,
    intervalMin: u16,
    intervalMax: u16,
    maxLatency: u16,
    timeout: u16,
    minCeLength: u16,
    maxCeLength: u16,
  },
  { connectionHandle: handle },
);

/** 7.8.32 */
export const leRemoteConnectionParameterRequestNegativeReply = defineCommand(
  "LE Remote Connection Parameter Request Negative Reply",
  0x2021,
  [33, 5],
  { connectionHandle: handle, reason: u8 },
  { connectionHandle: handle },
);

/** 7.8.33 */
export const leSetDataLength = defineCommand(
  "LE Set Data Length",
  0x2022,
  [33, 6],
  { connectionHandle: handle, txOctets: u16, txTime: u16 },
  { connectionHandle: handle },
);

/** 7.8.47 */
export const leReadPhy = defineCommand(
  "LE Read PHY",
  0x2030,
  [35, 4],
  { connectionHandle: handle },
  { connectionHandle: handle, txPhy: u8, rxPhy: u8 },
);

/** 7.8.48 */
export const leSetDefaultPhy = defineCommand("LE Set Default PHY", 0x2031, [35, 5], {
  allPhys: u8,
  txPhys: u8,
  rxPhys: u8,
});

/** 7.8.49 */
export const leSetPhy = defineStarter("LE Set PHY", 0x2032, [35, 6], {
  connectionHandle: handle,
  allPhys: u8,
  txPhys: u8,
  rxPhys: u8,
  phyOptions: u16,
});
