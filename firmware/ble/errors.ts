/** Every `code` of the errors below and of those derived from them. Each has a heading in docs/errors.md. */
export type BleErrorCode =
  | "accept-list-full"
  | "advertising-while-connected"
  | "already-advertising"
  | "already-connecting"
  | "already-scanning"
  | "already-updating"
  | "bond-lost"
  | "bond-not-saved"
  | "bond-unusable"
  | "connecting-while-connected"
  | "controller-baud-rate"
  | "controller-busy"
  | "controller-lost"
  | "controller-not-ready"
  | "controller-refused"
  | "controller-timeout"
  | "controller-unsuitable"
  | "device-disconnected"
  | "gatt-error"
  | "l2cap-disconnected"
  | "l2cap-refused"
  | "no-bonds"
  | "not-advertising"
  | "not-registered"
  | "not-supported"
  | "operation-queue-full"
  | "pairing-failed"
  | "pairing-refused"
  | "pairing-timeout"
  | "parameters-refused"
  | "patch-damaged"
  | "patch-failed"
  | "patch-missing"
  | "patch-refused"
  | "peer-memory-full"
  | "protocol-error"
  | "psm-in-use"
  | "public-address-missing"
  | "radio-off"
  | "radio-on"
  | "send-queue-full"
  | "timeout"
  | "too-many-attributes"
  | "too-many-channels"
  | "too-many-connections"
  | "unknown-handle"
  | "update-refused";

/**
 * The base of every error that the stack raises.
 *
 * `code` is a stable slug with a heading in docs/errors.md; the message is a sentence that says what to do.
 */
export class BleError extends Error {
  override name = "BleError";
  readonly code: BleErrorCode;

  constructor(code: BleErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The controller refused a command, did not answer, or its line failed (Vol 1, Part F). */
export class HciError extends BleError {
  override name = "HciError";
  /** Controller error code (Vol 1, Part F, 1.3), 0 when the controller said nothing. */
  readonly status: number;

  constructor(code: BleErrorCode, message: string, status = 0) {
    super(code, message);
    this.status = status;
  }
}

/** Whether the controller was lost, or the radio switched off, before it answered. */
export function isLoss(error: unknown): boolean {
  return error instanceof HciError && error.status === 0;
}

/** Codes of a controller that does not work, or of its line. */
const CONTROLLER_FAILURES: readonly BleErrorCode[] = [
  "controller-baud-rate",
  "controller-lost",
  "controller-not-ready",
  "controller-timeout",
  "patch-failed",
  "patch-refused",
];

/** Codes of a controller that cannot work, however often it is started: it, its patch or the board is to be replaced. */
const CONTROLLER_DEFECTS: readonly BleErrorCode[] = [
  "controller-unsuitable",
  "patch-missing",
  "patch-damaged",
];

/** Whether no further attempt to start the controller can succeed. */
export function isControllerDefect(error: unknown): boolean {
  return error instanceof HciError && CONTROLLER_DEFECTS.includes(error.code);
}

/** Whether the controller, or its line, has failed: nothing that an application does or could mend. */
export function isControllerFailure(error: unknown): boolean {
  return error instanceof HciError && CONTROLLER_FAILURES.includes(error.code);
}
