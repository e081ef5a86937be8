/** One ATT bearer: the unenhanced one on channel 0x0004 of a link (Vol 3, Part F, 3.2.11). */

import { type Clock, LOG_LEVEL, type LogLevel, type Timer } from "../../platform/platform.ts";
import { encode, encodeInto, type Fields, type Values, Writer } from "../codec.ts";
import { CHANNEL, type ChannelReceiver, type L2cap, PDU_OFFSET, QUEUE_LIMIT } from "../l2cap/l2cap.ts";
import { ATT_ERROR } from "./errors.ts";
import {
  COMMAND_FLAG,
  errorResponse,
  exchangeMtuRequest,
  exchangeMtuResponse,
  executeWriteRequest,
  findByTypeValueRequest,
  findInformationRequest,
  handleValueConfirmation,
  handleValueIndication,
  handleValueNotification,
  multipleHandleValueNotification,
  type Pdu,
  prepareWriteRequest,
  readBlobRequest,
  readByGroupTypeRequest,
  readByTypeRequest,
  readMultipleRequest,
  readMultipleVariableRequest,
  readRequest,
  signedWriteCommand,
  writeCommand,
  writeRequest,
} from "./pdus.ts";

/** ATT_MTU before an exchange, and the least there is (Vol 3, Part G, 5.2.1). */
export const DEFAULT_MTU = 23;
/** Largest ATT_MTU that makes sense: an attribute value is at most 512 bytes (Vol 3, Part F, 3.2.9). */
export const MAX_MTU = 527;
/** Bytes of a notification before its value: opcode and handle. */
const VALUE_HEADER_LENGTH = 3;
/** Bytes of a packet before a notification's value. */
const VALUE_OFFSET = PDU_OFFSET + VALUE_HEADER_LENGTH;
/** Transaction timeout (Vol 3, Part F, 3.3.3). */
export const TRANSACTION_TIMEOUT_MS = 30_000;

/** Requests and commands that a server may be asked (the others are answered Request Not Supported). */
const SERVED: readonly number[] = [
  // What comes most often is found first.
  writeRequest.opcode,
  writeCommand.opcode,
  readRequest.opcode,
  readBlobRequest.opcode,
  readByTypeRequest.opcode,
  readByGroupTypeRequest.opcode,
  findInformationRequest.opcode,
  findByTypeValueRequest.opcode,
  readMultipleRequest.opcode,
  readMultipleVariableRequest.opcode,
  prepareWriteRequest.opcode,
  executeWriteRequest.opcode,
  signedWriteCommand.opcode,
];

/** Errors that concern no attribute (Vol 3, Part F, 3.3). */
const NO_ATTRIBUTE: readonly number[] = [
  ATT_ERROR.INVALID_PDU,
  ATT_ERROR.REQUEST_NOT_SUPPORTED,
  ATT_ERROR.UNLIKELY_ERROR,
  ATT_ERROR.INSUFFICIENT_RESOURCES,
];

/** PDUs that are never refused: the confirmation, and the odd opcodes from 0x01 to 0x23. */
function isAnswer(opcode: number): boolean {
  return opcode === handleValueConfirmation.opcode || ((opcode & 1) === 1 && opcode <= 0x23);
}

/** Answers the peer's requests. */
export interface AttServer {
  /** Serves one request or command; the range starts after the opcode and is valid during the call. */
  serve(opcode: number, view: DataView, start: number, length: number): void;
}

/** What a bearer is handed. */
export interface BearerPort {
  readonly clock: Clock;
  /** The ATT_MTU that this device offers. */
  readonly preferredMtu: number;
  log(level: LogLevel, message: string): void;
  readonly settings: { readonly logLevel: number };
  /** The MTU was agreed. */
  onMtu(mtu: number): void;
  /** The peer left a transaction open for 30 s: nothing more may be sent on this bearer. */
  onTimeout(): void;
}

export class AttBearer implements ChannelReceiver {
  mtu = DEFAULT_MTU;
  /** Whom to ask; there before the first PDU comes. */
  server!: AttServer;
  /** Whether the value that was sent last did not fit. */
  wasCut = false;
  private readonly l2cap: L2cap;
  private readonly header: DataView;
  private readonly port: BearerPort;
  private readonly preferredMtu: number;
  /** Whether the peer asked for its ATT_MTU. */
  mtuExchanged = false;
  /** The peer left a transaction open for 30 s: no command, indication or notification may follow (3.3.3). */
  timedOut = false;
  private onConfirmed: ((confirmed: boolean) => void) | undefined;
  private indicationTimer: Timer | undefined;

  constructor(l2cap: L2cap, port: BearerPort) {
    this.l2cap = l2cap;
    this.header = l2cap.headerView;
    this.port = port;
    this.preferredMtu = Math.min(MAX_MTU, Math.max(DEFAULT_MTU, port.preferredMtu));
    l2cap.attach(CHANNEL.ATT, this);
  }

  receive(view: DataView, start: number, length: number): void {
    if (length === 0) return;
    const opcode = view.getUint8(start);
    if (length > this.mtu && !isAnswer(opcode)) {
      if ((opcode & COMMAND_FLAG) !== 0)
        return this.port.log("debug", "att: dropped a command above the MTU");
      return this.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    }
    if (SERVED.includes(opcode)) {
      if (this.port.settings.logLevel >= LOG_LEVEL.info) this.logRequest(opcode, view, start + 1, length - 1);
      return this.server.serve(opcode, view, start + 1, length - 1);
    }
    if (opcode === exchangeMtuRequest.opcode) return this.exchangeMtu(view, start + 1, length - 1);
    if (opcode === handleValueConfirmation.opcode) return this.confirmed(length);
    if (opcode === handleValueIndication.opcode) {
      // Nobody here subscribed, but an indication blocks the peer's bearer until it is confirmed.
      return this.respond(handleValueConfirmation, {});
    }
    if ((opcode & COMMAND_FLAG) !== 0 || isAnswer(opcode)) return;
    this.refuse(opcode, 0, ATT_ERROR.REQUEST_NOT_SUPPORTED);
  }

  /** Handles and lengths, never values: they may be secret. */
  private logRequest(opcode: number, view: DataView, start: number, length: number): void {
    const { handle } = this.l2cap.link;
    const what = length < 2 ? "" : ` for handle 0x${view.getUint16(start, true).toString(16)}`;
    this.port.log("info", `att: link ${handle} asks 0x${opcode.toString(16)}${what}, ${length} bytes`);
  }

  /**
   * 3.4.2: both sides use the smaller figure; a figure below 23 counts as 23. A client may ask once; what it asks again
   * is refused, so that both sides keep the same figure.
   */
  private exchangeMtu(view: DataView, start: number, length: number): void {
    if (length !== 2) return this.refuse(exchangeMtuRequest.opcode, 0, ATT_ERROR.INVALID_PDU);
    if (this.mtuExchanged) return this.refuse(exchangeMtuRequest.opcode, 0, ATT_ERROR.REQUEST_NOT_SUPPORTED);
    this.mtuExchanged = true;
    const clientRxMtu = view.getUint16(start, true);
    this.respond(exchangeMtuResponse, { serverRxMtu: this.preferredMtu });
    this.mtu = Math.max(DEFAULT_MTU, Math.min(this.preferredMtu, clientRxMtu));
    this.port.onMtu(this.mtu);
  }

  /** Sends a response that was put together from its declaration. */
  respond<F extends Fields>(response: Pdu<F>, values: Values<F>): void {
    const writer = new Writer();
    writer.u8(response.opcode);
    encodeInto(writer, response.fields, values);
    this.respondWith(writer.finish());
  }

  /** Sends a response whose body is a part of a value, without a copy when the controller has room. */
  respondWithValue(opcode: number, value: Uint8Array, start: number, end: number): void {
    this.l2cap.send(CHANNEL.ATT, this.putOpcode(opcode), value, start, end);
  }

  /** Sends a whole response. */
  respondWith(pdu: Uint8Array): void {
    this.l2cap.send(CHANNEL.ATT, 0, pdu, 0, pdu.length);
  }

  /** Error Response. Some errors concern no attribute: their handle is 0, whatever is given (Vol 3, Part F, 3.3). */
  refuse(requestOpcode: number, handle: number, errorCode: number): void {
    const attributeHandle = NO_ATTRIBUTE.includes(errorCode) ? 0 : handle;
    const body = encode(errorResponse.fields, { requestOpcode, attributeHandle, errorCode });
    this.respondWithValue(errorResponse.opcode, body, 0, body.length);
  }

  /**
   * Notifies; a value longer than ATT_MTU - 3 is cut. Returns whether it has left for the controller already; else it
   * waits in the link's queue.
   */
  notify(attributeHandle: number, value: Uint8Array): boolean {
    // One access for opcode and handle; the fourth byte is beyond the header.
    this.header.setUint32(PDU_OFFSET, handleValueNotification.opcode | (attributeHandle << 8), true);
    const room = this.mtu - VALUE_HEADER_LENGTH;
    let end = value.length;
    this.wasCut = end > room;
    if (this.wasCut) end = room;
    return this.l2cap.send(CHANNEL.ATT, VALUE_HEADER_LENGTH, value, 0, end);
  }

  /** Notifies several values in one PDU; `tuples` fits into ATT_MTU - 1 bytes (3.4.7.4). See `notify` for the result. */
  notifyMultiple(tuples: Uint8Array): boolean {
    return this.l2cap.send(
      CHANNEL.ATT,
      this.putOpcode(multipleHandleValueNotification.opcode),
      tuples,
      0,
      tuples.length,
    );
  }

  /** Whether an indication waits for its confirmation: there may be only one (Vol 3, Part F, 3.3.2). */
  get indicating(): boolean {
    return this.onConfirmed !== undefined;
  }

  /** Indicates; `onConfirmed` is told whether the peer confirmed, or false when it did not in time or the bearer ended. */
  indicate(attributeHandle: number, value: Uint8Array, onConfirmed: (confirmed: boolean) => void): void {
    this.onConfirmed = onConfirmed;
    this.indicationTimer = this.port.clock.setTimer(() => {
      this.timedOut = true;
      this.settleIndication(false);
      this.port.onTimeout();
    }, TRANSACTION_TIMEOUT_MS);
    this.header.setUint32(PDU_OFFSET, handleValueIndication.opcode | (attributeHandle << 8), true);
    const end = Math.min(value.length, this.mtu - VALUE_HEADER_LENGTH);
    this.l2cap.send(CHANNEL.ATT, VALUE_HEADER_LENGTH, value, 0, end);
  }

  private confirmed(length: number): void {
    if (length === 1) this.settleIndication(true);
  }

  private settleIndication(confirmed: boolean): void {
    const onConfirmed = this.onConfirmed;
    this.onConfirmed = undefined;
    if (this.indicationTimer !== undefined) this.port.clock.clearTimer(this.indicationTimer);
    this.indicationTimer = undefined;
    if (onConfirmed) onConfirmed(confirmed);
  }

  /** The link is gone: ends what waits. */
  close(): void {
    this.settleIndication(false);
  }

  /**
   * Notifies this client of what another bearer has just sent, when nothing was sent since and the value needs no cut.
   * False when that is not so, or it could not leave at once: nothing has been sent then.
   */
  repeat(value: Uint8Array): boolean {
    const end = value.length;
    if (this.timedOut || end > this.mtu - VALUE_HEADER_LENGTH) return false;
    const l2cap = this.l2cap;
    return l2cap.acl.repeat(l2cap.link, VALUE_OFFSET, value, end);
  }

  private putOpcode(opcode: number): number {
    this.header.setUint8(PDU_OFFSET, opcode);
    return 1;
  }

  /** Whether there is room for another notification, and it may be sent. */
  get canQueue(): boolean {
    return !this.timedOut && this.l2cap.link.queued < QUEUE_LIMIT;
  }
}
