/** The server role of a bearer: answers, notifications and indications (Vol 3, Part F, 3.3 and 3.4). */
import type { Timer } from "../../platform/platform.ts";
import { encode, encodeInto, type Fields, type Values, Writer } from "../codec.ts";
import type { Channel } from "../l2cap/channel.ts";
import { type AttBearer, type AttServer, type BearerPort, TRANSACTION_TIMEOUT_MS } from "./bearer.ts";
import { ATT_ERROR } from "./errors.ts";
import { ATT_OPCODE } from "./opcodes.ts";
import { errorResponse, exchangeMtuResponse, type Pdu } from "./pdus.ts";

/** Bytes of a notification before its value: opcode and handle. */
export const VALUE_HEADER_LENGTH = 3;

/** Errors that concern no attribute (Vol 3, Part F, 3.3). */
const NO_ATTRIBUTE: readonly number[] = [
  ATT_ERROR.INVALID_PDU,
  ATT_ERROR.REQUEST_NOT_SUPPORTED,
  ATT_ERROR.UNLIKELY_ERROR,
  ATT_ERROR.INSUFFICIENT_RESOURCES,
];

/** What a server sends. Which attributes there are, and what becomes of a request, is for whoever extends it. */
export abstract class AttServerRole implements AttServer {
  readonly channel: Channel;
  private readonly header: DataView;
  private readonly headerOffset: number;
  readonly bearer: AttBearer;
  protected readonly settings: BearerPort["settings"];
  private onConfirmed: ((confirmed: boolean) => void) | undefined = undefined;
  private indicationTimer: Timer | undefined = undefined;

  constructor(bearer: AttBearer) {
    const { channel } = bearer;
    this.bearer = bearer;
    this.settings = bearer.port.settings;
    this.channel = channel;
    this.header = channel.header;
    this.headerOffset = channel.headerOffset;
    bearer.server = this;
  }

  abstract receive(opcode: number, view: DataView, start: number, length: number): void;

  /** Handles and lengths, never values: they may be secret. */
  protected logRequest(opcode: number, view: DataView, start: number, length: number): void {
    const { port } = this.bearer;
    const what = length < 2 ? "" : ` for handle 0x${view.getUint16(start, true).toString(16)}`;
    port.log("info", `att: link ${port.link} asks 0x${opcode.toString(16)}${what}, ${length} bytes`);
  }

  /** Serves Exchange MTU Request, each time with the same Server Rx MTU (3.4.2.2). An enhanced bearer has none. */
  exchangeMtu(view: DataView, start: number, length: number): void {
    const { bearer } = this;
    const opcode = ATT_OPCODE.EXCHANGE_MTU_REQUEST;
    const serverRxMtu = bearer.rxMtu;
    if (serverRxMtu === undefined) return this.refuse(opcode, 0, ATT_ERROR.REQUEST_NOT_SUPPORTED);
    if (length !== 2) return this.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const clientRxMtu = view.getUint16(start, true);
    this.respond(exchangeMtuResponse, { serverRxMtu });
    bearer.agreeMtu(clientRxMtu);
  }

  /** Sends a response that is put together from its declaration. */
  respond<F extends Fields>(response: Pdu<F>, values: Values<F>): void {
    const writer = new Writer();
    writer.u8(response.opcode);
    encodeInto(writer, response.fields, values);
    this.respondWith(writer.finish());
  }

  /** Sends a response whose body is a part of a value, without a copy when the controller has room. */
  respondWithValue(opcode: number, value: Uint8Array, start: number, end: number): void {
    this.header.setUint8(this.headerOffset, opcode);
    this.channel.send(1, value, start, end);
  }

  /** Sends a whole response. */
  respondWith(pdu: Uint8Array): void {
    this.channel.send(0, pdu, 0, pdu.length);
  }

  /** Error Response. Some errors concern no attribute: their handle is 0, whatever is given (Vol 3, Part F, 3.3). */
  refuse(requestOpcode: number, handle: number, errorCode: number): void {
    const attributeHandle = NO_ATTRIBUTE.includes(errorCode) ? 0 : handle;
    const body = encode(errorResponse.fields, { requestOpcode, attributeHandle, errorCode });
    this.respondWithValue(ATT_OPCODE.ERROR_RESPONSE, body, 0, body.length);
  }

  /** Notifies of the first `end` bytes of a value, at most ATT_MTU - 3. See `Channel.send` for the result. */
  notify(attributeHandle: number, value: Uint8Array, end = value.length): boolean {
    // One access for opcode and handle; the fourth byte is beyond the header.
    this.header.setUint32(
      this.headerOffset,
      ATT_OPCODE.HANDLE_VALUE_NOTIFICATION | (attributeHandle << 8),
      true,
    );
    return this.channel.send(VALUE_HEADER_LENGTH, value, 0, end);
  }

  /**
   * Notifies on the first `count` of `channels`, of one group with this bearer's; the value fits all their bearers' MTUs.
   * Returns on how many of them there was room for it.
   */
  notifyAll(channels: readonly Channel[], count: number, attributeHandle: number, value: Uint8Array): number {
    this.header.setUint32(
      this.headerOffset,
      ATT_OPCODE.HANDLE_VALUE_NOTIFICATION | (attributeHandle << 8),
      true,
    );
    return this.channel.broadcast(channels, count, VALUE_HEADER_LENGTH, value, value.length);
  }

  /** Notifies several values in one PDU; `tuples` fits into ATT_MTU - 1 bytes (3.4.7.4). See `Channel.send` for the result. */
  notifyMultiple(tuples: Uint8Array): boolean {
    this.header.setUint8(this.headerOffset, ATT_OPCODE.MULTIPLE_HANDLE_VALUE_NOTIFICATION);
    return this.channel.send(1, tuples, 0, tuples.length);
  }

  /** Whether an indication waits for its confirmation: there may be only one (Vol 3, Part F, 3.3.2). */
  get indicating(): boolean {
    return this.onConfirmed !== undefined;
  }

  /** Indicates; `onConfirmed` gets whether the peer confirmed: false when it did not in time or the bearer ended. */
  indicate(attributeHandle: number, value: Uint8Array, onConfirmed: (confirmed: boolean) => void): void {
    const { bearer } = this;
    // First what may fail: an indication without a timer would block the bearer for ever.
    const { clock } = bearer.port;
    const timer = clock.setTimer(() => {
      bearer.timedOut = true;
      this.settleIndication(false);
      bearer.expire();
    }, TRANSACTION_TIMEOUT_MS);
    this.indicationTimer = timer;
    this.onConfirmed = onConfirmed;
    this.header.setUint32(
      this.headerOffset,
      ATT_OPCODE.HANDLE_VALUE_INDICATION | (attributeHandle << 8),
      true,
    );
    const end = Math.min(value.length, bearer.mtu - VALUE_HEADER_LENGTH);
    this.channel.send(VALUE_HEADER_LENGTH, value, 0, end);
  }

  /** Handle Value Confirmation: anything behind the opcode makes it none (3.4.7.3). */
  confirm(length: number): void {
    if (length === 0) this.settleIndication(true);
  }

  private settleIndication(confirmed: boolean): void {
    const { indicationTimer, onConfirmed } = this;
    this.onConfirmed = undefined;
    this.indicationTimer = undefined;
    const { clock } = this.bearer.port;
    if (indicationTimer !== undefined) clock.clearTimer(indicationTimer);
    if (onConfirmed) onConfirmed(confirmed);
  }

  /** The bearer has ended: ends what waits. */
  close(): void {
    this.settleIndication(false);
  }
}
