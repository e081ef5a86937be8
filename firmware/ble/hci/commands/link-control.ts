/** Link Control commands (Vol 4, Part E, 7.1). Section numbers are of that part. */
import { handle, u8 } from "../../codec.ts";
import { defineStarter } from "../packet.ts";

/** 7.1.6 */
export const disconnect = defineStarter("Disconnect", 0x0406, [0, 5], {
  connectionHandle: handle,
  reason: u8,
});
