/** Events (Vol 4, Part E, 7.7). Section numbers are of that part. */
import { handle, rest, u8, u16 } from "../codec.ts";
import { EVENT_CODE } from "./event-codes.ts";
import { defineEvent } from "./packet.ts";

/** 7.7.5 */
export const disconnectionComplete = defineEvent(
  "Disconnection Complete",
  EVENT_CODE.DISCONNECTION_COMPLETE,
  {
    status: u8,
    connectionHandle: handle,
    reason: u8,
  },
);

/** 7.7.8 */
export const encryptionChange = defineEvent("Encryption Change", 0x08, {
  status: u8,
  connectionHandle: handle,
  encryptionEnabled: u8,
});

/** 7.7.14 */
export const commandComplete = defineEvent("Command Complete", EVENT_CODE.COMMAND_COMPLETE, {
  numHciCommandPackets: u8,
  commandOpcode: u16,
  returnParameters: rest,
});

/** 7.7.15 */
export const commandStatus = defineEvent("Command Status", EVENT_CODE.COMMAND_STATUS, {
  status: u8,
  numHciCommandPackets: u8,
  commandOpcode: u16,
});

/** 7.7.16 */
export const hardwareError = defineEvent("Hardware Error", EVENT_CODE.HARDWARE_ERROR, { hardwareCode: u8 });

/** 7.7.19; the hot path reads it by hand in acl.ts. */
export const numberOfCompletedPackets = defineEvent(
  "Number Of Completed Packets",
  EVENT_CODE.NUMBER_OF_COMPLETED_PACKETS,
  {
    numHandles: u8,
    handlesAndCounts: rest,
  },
);

/** 7.7.26 */
export const dataBufferOverflow = defineEvent("Data Buffer Overflow", 0x1a, { linkType: u8 });

/** 7.7.8; in place of the other for a host that has asked for it, and it has the size of the key. */
export const encryptionChangeV2 = defineEvent("Encryption Change [v2]", 0x59, {
  status: u8,
  connectionHandle: handle,
  encryptionEnabled: u8,
  encryptionKeySize: u8,
});

/** 7.7.39 */
export const encryptionKeyRefreshComplete = defineEvent("Encryption Key Refresh Complete", 0x30, {
  status: u8,
  connectionHandle: handle,
});
