import { nameOfCode } from "../code-names.ts";
import { BleError } from "../errors.ts";

/** ATT error codes (Vol 3, Part F, Table 3.4; Core Specification Supplement, Part B, 1.2). */
export const ATT_ERROR = {
  INVALID_HANDLE: 0x01,
  READ_NOT_PERMITTED: 0x02,
  WRITE_NOT_PERMITTED: 0x03,
  INVALID_PDU: 0x04,
  INSUFFICIENT_AUTHENTICATION: 0x05,
  REQUEST_NOT_SUPPORTED: 0x06,
  INVALID_OFFSET: 0x07,
  INSUFFICIENT_AUTHORIZATION: 0x08,
  PREPARE_QUEUE_FULL: 0x09,
  ATTRIBUTE_NOT_FOUND: 0x0a,
  ATTRIBUTE_NOT_LONG: 0x0b,
  ENCRYPTION_KEY_SIZE_TOO_SHORT: 0x0c,
  INVALID_ATTRIBUTE_VALUE_LENGTH: 0x0d,
  UNLIKELY_ERROR: 0x0e,
  INSUFFICIENT_ENCRYPTION: 0x0f,
  UNSUPPORTED_GROUP_TYPE: 0x10,
  INSUFFICIENT_RESOURCES: 0x11,
  DATABASE_OUT_OF_SYNC: 0x12,
  VALUE_NOT_ALLOWED: 0x13,
  WRITE_REQUEST_REJECTED: 0xfc,
  CCCD_IMPROPERLY_CONFIGURED: 0xfd,
  PROCEDURE_IN_PROGRESS: 0xfe,
  OUT_OF_RANGE: 0xff,
} as const;

/** Their names, for messages. */
const NAMES = `
0x01 invalid handle
0x02 read not permitted
0x03 write not permitted
0x04 invalid pdu
0x05 insufficient authentication
0x06 request not supported
0x07 invalid offset
0x08 insufficient authorization
0x09 prepare queue full
0x0a attribute not found
0x0b attribute not long
0x0c encryption key size too short
0x0d invalid attribute value length
0x0e unlikely error
0x0f insufficient encryption
0x10 unsupported group type
0x11 insufficient resources
0x12 database out of sync
0x13 value not allowed
0xfc write request rejected
0xfd cccd improperly configured
0xfe procedure in progress
0xff out of range
`;

/** `invalid attribute value length (0x0d)`; application errors 0x80 to 0x9f have no name. */
export function attErrorText(status: number): string {
  return nameOfCode(NAMES, status, "application error");
}

/** The peer answered an operation with an ATT error (Vol 3, Part F, 3.4.1.1). */
export class GattError extends BleError {
  override name = "GattError";
  /** ATT error code, 0x01..0xFF. */
  readonly status: number;

  constructor(status: number) {
    super("gatt-error", `The peer refused: ${attErrorText(status)}.`);
    this.status = status;
  }
}

/** The peer broke the rules: its answer cannot be believed. */
export class ProtocolError extends BleError {
  override name = "ProtocolError";

  /**
   * @param fault what the peer did, without a full stop.
   * @param subject what of it broke the rules.
   */
  constructor(fault: string, subject = "The peer's GATT server is at fault") {
    super("protocol-error", `${subject}: ${fault}.`);
  }
}
