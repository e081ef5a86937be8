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
