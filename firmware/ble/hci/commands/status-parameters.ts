/** Status parameters (Vol 4, Part E, 7.5). Section numbers are of that part. */
import { handle, i8 } from "../../codec.ts";
import { defineCommand } from "../packet.ts";

/** 7.5.4 */
export const readRssi = defineCommand(
  "Read RSSI",
  0x1405,
  [15, 5],
  { connectionHandle: handle },
  { connectionHandle: handle, rssi: i8 },
);
