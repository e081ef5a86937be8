/** Codes of the events that the session itself handles (Vol 4, Part E, 7.7): numbers, which the build puts where they are used. */
export const EVENT_CODE = {
  DISCONNECTION_COMPLETE: 0x05,
  COMMAND_COMPLETE: 0x0e,
  COMMAND_STATUS: 0x0f,
  HARDWARE_ERROR: 0x10,
  NUMBER_OF_COMPLETED_PACKETS: 0x13,
} as const;
