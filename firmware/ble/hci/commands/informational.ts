/** Informational parameters (Vol 4, Part E, 7.4). Section numbers are of that part. */
import { address, bytes, u8, u16 } from "../../codec.ts";
import { defineCommand } from "../packet.ts";

/** 7.4.1 */
export const readLocalVersionInformation = defineCommand(
  "Read Local Version Information",
  0x1001,
  [14, 3],
  {},
  { hciVersion: u8, hciSubversion: u16, lmpVersion: u8, companyIdentifier: u16, lmpSubversion: u16 },
);

/** 7.4.2 */
export const readLocalSupportedCommands = defineCommand(
  "Read Local Supported Commands",
  0x1002,
  [14, 4],
  {},
  { supportedCommands: bytes(64) },
);

/** 7.4.5 */
export const readBufferSize = defineCommand(
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
export const readBdAddr = defineCommand("Read BD_ADDR", 0x1009, [15, 1], {}, { bdAddr: address });
