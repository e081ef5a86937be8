/** The events that the host understands (Vol 4, Part E, 7.7). Section numbers are of that part. */
import { address, bytes, rest, u8, u16 } from "../codec.ts";
import { event, leEvent } from "./packet.ts";

/** 7.7.5 */
export const disconnectionComplete = event("Disconnection Complete", 0x05, {
  status: u8,
  connectionHandle: u16,
  reason: u8,
});

/** 7.7.8 */
export const encryptionChange = event("Encryption Change", 0x08, {
  status: u8,
  connectionHandle: u16,
  encryptionEnabled: u8,
});

/** 7.7.14 */
export const commandComplete = event("Command Complete", 0x0e, {
  numHciCommandPackets: u8,
  commandOpcode: u16,
  returnParameters: rest,
});

/** 7.7.15 */
export const commandStatus = event("Command Status", 0x0f, {
  status: u8,
  numHciCommandPackets: u8,
  commandOpcode: u16,
});

/** 7.7.16 */
export const hardwareError = event("Hardware Error", 0x10, { hardwareCode: u8 });

/** 7.7.19; the hot path reads it by hand in acl.ts. */
export const numberOfCompletedPackets = event("Number Of Completed Packets", 0x13, {
  numHandles: u8,
  handlesAndCounts: rest,
});

/** 7.7.26 */
export const dataBufferOverflow = event("Data Buffer Overflow", 0x1a, { linkType: u8 });

/** 7.7.65.1 */
export const leConnectionComplete = leEvent("LE Connection Complete", 0x01, {
  status: u8,
  connectionHandle: u16,
  role: u8,
  peerAddressType: u8,
  peerAddress: address,
  connectionInterval: u16,
  peripheralLatency: u16,
  supervisionTimeout: u16,
  centralClockAccuracy: u8,
});

/** 7.7.65.3 */
export const leConnectionUpdateComplete = leEvent("LE Connection Update Complete", 0x03, {
  status: u8,
  connectionHandle: u16,
  connectionInterval: u16,
  peripheralLatency: u16,
  supervisionTimeout: u16,
});

/** 7.7.65.5 */
export const leLongTermKeyRequest = leEvent("LE Long Term Key Request", 0x05, {
  connectionHandle: u16,
  randomNumber: bytes(8),
  encryptedDiversifier: u16,
});

/** 7.7.65.6 */
export const leRemoteConnectionParameterRequest = leEvent("LE Remote Connection Parameter Request", 0x06, {
  connectionHandle: u16,
  intervalMin: u16,
  intervalMax: u16,
  maxLatency: u16,
  timeout: u16,
});

/** 7.7.65.10 */
export const leEnhancedConnectionComplete = leEvent("LE Enhanced Connection Complete", 0x0a, {
  status: u8,
  connectionHandle: u16,
  role: u8,
  peerAddressType: u8,
  peerAddress: address,
  localResolvablePrivateAddress: address,
  peerResolvablePrivateAddress: address,
  connectionInterval: u16,
  peripheralLatency: u16,
  supervisionTimeout: u16,
  centralClockAccuracy: u8,
});

/** Every event above, for traces. */
export const EVENTS = [
  disconnectionComplete,
  encryptionChange,
  commandComplete,
  commandStatus,
  hardwareError,
  numberOfCompletedPackets,
  dataBufferOverflow,
  leConnectionComplete,
  leConnectionUpdateComplete,
  leLongTermKeyRequest,
  leRemoteConnectionParameterRequest,
  leEnhancedConnectionComplete,
] as const;
