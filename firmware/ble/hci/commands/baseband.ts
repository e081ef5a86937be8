/** Controller & Baseband commands (Vol 4, Part E, 7.3). Section numbers are of that part. */
import { bytes, u8 } from "../../codec.ts";
import { defineCommand } from "../packet.ts";

/** 7.3.1 */
export const setEventMask = defineCommand("Set Event Mask", 0x0c01, [5, 6], { eventMask: bytes(8) });

/** 7.3.2 */
export const reset = defineCommand("Reset", 0x0c03, [5, 7], {});

/** 7.3.79 */
export const writeLeHostSupport = defineCommand("Write LE Host Support", 0x0c6d, [24, 6], {
  leSupportedHost: u8,
  unused: u8,
});
