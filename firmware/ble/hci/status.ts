import { nameOfCode } from "../code-names.ts";

/** Controller error codes (Vol 1, Part F, 1.3), those that a Low Energy host meets. */
export const HCI_STATUS = {
  SUCCESS: 0x00,
  UNKNOWN_COMMAND: 0x01,
  UNKNOWN_CONNECTION: 0x02,
  HARDWARE_FAILURE: 0x03,
  AUTHENTICATION_FAILURE: 0x05,
  PIN_OR_KEY_MISSING: 0x06,
  MEMORY_CAPACITY_EXCEEDED: 0x07,
  CONNECTION_TIMEOUT: 0x08,
  CONNECTION_LIMIT_EXCEEDED: 0x09,
  CONNECTION_EXISTS: 0x0b,
  COMMAND_DISALLOWED: 0x0c,
  REJECTED_LIMITED_RESOURCES: 0x0d,
  UNSUPPORTED_FEATURE: 0x11,
  INVALID_PARAMETERS: 0x12,
  REMOTE_USER_TERMINATED: 0x13,
  REMOTE_LOW_RESOURCES: 0x14,
  REMOTE_POWER_OFF: 0x15,
  LOCAL_HOST_TERMINATED: 0x16,
  PAIRING_NOT_ALLOWED: 0x18,
  UNSUPPORTED_REMOTE_FEATURE: 0x1a,
  UNSPECIFIED: 0x1f,
  LL_RESPONSE_TIMEOUT: 0x22,
  INSTANT_PASSED: 0x28,
  UNSUPPORTED_LL_PARAMETER: 0x20,
  CONTROLLER_BUSY: 0x3a,
  UNACCEPTABLE_CONNECTION_PARAMETERS: 0x3b,
  ADVERTISING_TIMEOUT: 0x3c,
  MIC_FAILURE: 0x3d,
  CONNECTION_FAILED_TO_BE_ESTABLISHED: 0x3e,
} as const;

/** Their names, for messages. */
const NAMES = `
0x00 success
0x01 unknown command
0x02 unknown connection
0x03 hardware failure
0x05 authentication failure
0x06 pin or key missing
0x07 memory capacity exceeded
0x08 connection timeout
0x09 connection limit exceeded
0x0b connection exists
0x0c command disallowed
0x0d rejected limited resources
0x11 unsupported feature
0x12 invalid parameters
0x13 remote user terminated
0x14 remote low resources
0x15 remote power off
0x16 local host terminated
0x18 pairing not allowed
0x1a unsupported remote feature
0x1f unspecified
0x20 unsupported ll parameter
0x22 ll response timeout
0x28 instant passed
0x3a controller busy
0x3b unacceptable connection parameters
0x3c advertising timeout
0x3d mic failure
0x3e connection failed to be established
`;

/** `connection timeout (0x08)`; a code without a name here is printed all the same. */
export function statusText(status: number): string {
  return nameOfCode(NAMES, status, "error");
}
