/** What a phone could not do. */
export class PhoneError extends Error {
  override name = "PhoneError";
  /** HCI status, disconnection reason or ATT error code, 0 when there is none. */
  readonly code: number;

  constructor(message: string, code = 0) {
    super(message);
    this.code = code;
  }
}

/** The peer answered a request with an ATT error (Vol 3, Part F, 3.4.1.1). */
export class AttErrorResponse extends PhoneError {
  override name = "AttErrorResponse";
  readonly handle: number;

  constructor(requestOpcode: number, handle: number, code: number) {
    super(
      `the peer refused request 0x${requestOpcode.toString(16)} on handle ${handle}: error 0x${code.toString(16)}`,
      code,
    );
    this.handle = handle;
  }
}

/** Reasons of Pairing Failed (Vol 3, Part H, 3.5.5, Table 3.7). */
const REASONS: Readonly<Record<number, string>> = {
  1: "Passkey Entry Failed",
  2: "OOB Not Available",
  3: "Authentication Requirements",
  4: "Confirm Value Failed",
  5: "Pairing Not Supported",
  6: "Encryption Key Size",
  7: "Command Not Supported",
  8: "Unspecified Reason",
  9: "Repeated Attempts",
  10: "Invalid Parameters",
  11: "DHKey Check Failed",
  12: "Numeric Comparison Failed",
  15: "Key Rejected",
  16: "Busy",
};

/** A pairing that one side has ended; `code` is the reason. */
export class PairingFailedError extends PhoneError {
  override name = "PairingFailedError";

  constructor(reason: number, by: "camera" | "phone") {
    const digits = (reason + 0x100).toString(16).slice(1);
    super(`the ${by} ended the pairing: ${REASONS[reason] ?? "reason"} (0x${digits})`, reason);
  }
}
