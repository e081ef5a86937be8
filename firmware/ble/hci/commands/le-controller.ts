/** LE Controller commands about the controller itself (Vol 4, Part E, 7.8). Section numbers are of that part. */
import { address, bytes, u8, u16 } from "../../codec.ts";
import { defineCommand } from "../packet.ts";

/** 7.8.1 */
export const leSetEventMask = defineCommand("LE Set Event Mask", 0x2001, [25, 0], { leEventMask: bytes(8) });

/** 7.8.2 */
export const leReadBufferSize = defineCommand(
  "LE Read Buffer Size",
  0x2002,
  [25, 1],
  {},
  { leAclDataPacketLength: u16, totalNumLeAclDataPackets: u8 },
);

/** 7.8.3 */
export const leReadLocalSupportedFeatures = defineCommand(
  "LE Read Local Supported Features",
  0x2003,
  [25, 2],
  {},
  { leFeatures: bytes(8) },
);

/** 7.8.4 */
export const leSetRandomAddress = defineCommand("LE Set Random Address", 0x2005, [25, 4], {
  randomAddress: address,
});

/** 7.8.27 */
export const leReadSupportedStates = defineCommand(
  "LE Read Supported States",
  0x201c,
  [28, 3],
  {},
  { leStates: bytes(8) },
);

/** 7.8.35 */
export const leWriteSuggestedDefaultDataLength = defineCommand(
  "LE Write Suggested Default Data Length",
  0x2024,
  [34, 0],
  { suggestedMaxTxOctets: u16, suggestedMaxTxTime: u16 },
);

/** 7.8.46; the time is in microseconds. */
export const leReadMaximumDataLength = defineCommand(
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
