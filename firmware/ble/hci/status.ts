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

/** `connection timeout (0x08)`; a code without a name here is printed all the same. */
export function statusText(status: number): string {
  const code = `0x${status < 16 ? "0" : ""}${status.toString(16)}`;
  for (const [name, value] of Object.entries(HCI_STATUS)) {
    if (value === status) return `${name.toLowerCase().split("_").join(" ")} (${code})`;
  }
  return `error ${code}`;
}
