/** The errors of channels. Their codes have headings in docs/errors.md. */
import { type CloseReason, resultText } from "../ble/channels.ts";
import { BleError } from "../ble/errors.ts";
import { ProtocolError } from "./errors.ts";

/** The peer refused a channel. */
export class L2CAPConnectionError extends BleError {
  override name = "L2CAPConnectionError";
  /** Result of its response (Vol 3, Part A, 4.23 and 4.26): 2 nobody listens on the PSM, 4 no room for another channel. */
  readonly status: number;

  constructor(status: number) {
    super("l2cap-refused", `The device refused the channel: ${resultText(status)}.`);
    this.status = status;
  }
}

/** The peer's answer to a request for channels breaks the protocol. */
export function malformedAnswer(): ProtocolError {
  return new ProtocolError(
    "it is of a wrong length, or opens a channel with an identifier, an MTU or an MPS that is out of range",
    "The device's answer to the request for a channel breaks the protocol",
  );
}

const REASONS: Readonly<Record<CloseReason, string>> = {
  peer: "the device ended it",
  local: "this side ended it",
  protocol: "the device broke a rule of flow control, see the log",
  link: "the link has ended",
};

/** The channel was closed while something waited for it, or was asked of it afterwards. */
export class L2CAPDisconnectedError extends BleError {
  override name = "L2CAPDisconnectedError";
  /**
   * Who ended it: `"peer"`, `"local"`, `"protocol"` when this side did because the peer broke a rule, or `"link"`: then the
   * `cause` is the link's DeviceDisconnectedError.
   */
  readonly reason: CloseReason;

  constructor(reason: CloseReason, cause?: BleError) {
    super("l2cap-disconnected", `The channel is closed: ${REASONS[reason]}.`);
    this.reason = reason;
    if (cause) this.cause = cause;
  }
}

/** There is no memory for what a channel is to take. */
export function noChannelMemory(): BleError {
  return new BleError(
    "peer-memory-full",
    "The channel does not fit the memory that is set aside for this device: give a smaller mtu or fewer credits, or disconnect another channel.",
  );
}
