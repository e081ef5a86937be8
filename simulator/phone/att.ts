/** The phone's ATT bearer (Vol 3, Part F): requests one after the other, and what the server sends by itself. */

import {
  errorResponse,
  exchangeMtuRequest,
  exchangeMtuResponse,
  handleValueConfirmation,
  handleValueIndication,
  handleValueNotification,
  type Pdu,
} from "../../firmware/ble/att/pdus.ts";
import { decode, encode, type Fields, type Values, viewOf, Writer } from "../../firmware/ble/codec.ts";
import type { Clock } from "../../firmware/platform/platform.ts";
import { Deferred } from "./deadline.ts";
import { AttErrorResponse, PhoneError } from "./errors.ts";

/** Transaction timeout (3.3.3). */
const TRANSACTION_TIMEOUT_MS = 30_000;
const DEFAULT_MTU = 23;
const REQUEST_NOT_SUPPORTED = 0x06;

/** A notification or an indication. */
export interface ServerValue {
  readonly kind: "notification" | "indication";
  readonly handle: number;
  readonly value: Uint8Array;
  readonly atMs: number;
}

export class PhoneAtt {
  mtu = DEFAULT_MTU;
  /** ATT_MTU that this phone offers when it is asked. */
  preferredMtu = 517;
  /** Whether indications are confirmed. */
  confirms = true;
  /** Every value the server sent, in order, and how much of it `nextValue` has returned. */
  readonly values: ServerValue[] = [];
  private taken = 0;
  private readonly clock: Clock;
  private readonly send: (pdu: Uint8Array) => void;
  private response: Deferred<Uint8Array> | undefined = undefined;
  private last: Promise<unknown> = Promise.resolve();
  private valueWait: Deferred<void> | undefined = undefined;
  private closed: PhoneError | undefined = undefined;

  constructor(clock: Clock, send: (pdu: Uint8Array) => void) {
    this.clock = clock;
    this.send = send;
  }

  /** One PDU of the peer. */
  receive(pdu: Uint8Array): void {
    const opcode = pdu[0];
    if (opcode === handleValueNotification.opcode || opcode === handleValueIndication.opcode) {
      this.receiveValue(opcode, pdu);
    } else if (opcode === exchangeMtuRequest.opcode && pdu.length === 3) {
      const peerMtu = viewOf(pdu).getUint16(1, true);
      this.post(exchangeMtuResponse, { serverRxMtu: this.preferredMtu });
      this.mtu = Math.max(DEFAULT_MTU, Math.min(this.preferredMtu, peerMtu));
    } else if (opcode !== undefined && (opcode & 1) === 0 && (opcode & 0x40) === 0 && opcode !== 0x1e) {
      this.post(errorResponse, {
        requestOpcode: opcode,
        attributeHandle: 0,
        errorCode: REQUEST_NOT_SUPPORTED,
      });
    } else {
      this.response?.resolve(pdu);
    }
  }

  private receiveValue(opcode: number, pdu: Uint8Array): void {
    if (pdu.length < 3) return;
    const kind = opcode === handleValueIndication.opcode ? "indication" : "notification";
    const handle = viewOf(pdu).getUint16(1, true);
    this.values.push({ kind, handle, value: pdu.slice(3), atMs: this.clock.now() });
    if (kind === "indication" && this.confirms) this.post(handleValueConfirmation, {});
    this.valueWait?.resolve();
  }

  /** Sends a PDU that is not answered. */
  post<F extends Fields>(pdu: Pdu<F>, values: Values<F>): void {
    this.send(encodePdu(pdu, values));
  }

  /**
   * Sends a request and decodes its response.
   * @throws AttErrorResponse when the peer refuses; PhoneError when it answers something else, or not, or the link ends.
   */
  async request<Q extends Fields, R extends Fields>(
    request: Pdu<Q>,
    values: Values<Q>,
    response: Pdu<R>,
  ): Promise<Values<R>> {
    const answer = await this.requestRaw(encodePdu(request, values));
    if (answer[0] !== response.opcode) {
      throw new PhoneError(`${request.name} was answered with opcode 0x${answer[0]?.toString(16)}`);
    }
    const decoded = decode(response.fields, viewOf(answer), 1, answer.length, true);
    if (!decoded) throw new PhoneError(`${response.name} was malformed`);
    return decoded;
  }

  /** Sends any bytes as a request and resolves with the bytes of the response. @throws as `request`. */
  requestRaw(pdu: Uint8Array): Promise<Uint8Array> {
    const run = this.last.then(async () => {
      if (this.closed) throw this.closed;
      const what = `the response to request 0x${pdu[0]?.toString(16)}`;
      this.response = new Deferred<Uint8Array>(this.clock, TRANSACTION_TIMEOUT_MS, what);
      this.send(pdu);
      const answer = await this.response.promise;
      if (answer[0] === errorResponse.opcode && answer.length === 5) {
        const view = viewOf(answer);
        throw new AttErrorResponse(view.getUint8(1), view.getUint16(2, true), view.getUint8(4));
      }
      return answer;
    });
    this.last = run.catch(() => {});
    return run;
  }

  /** The next notification or indication that was not returned yet. @throws PhoneError when none comes in time. */
  async nextValue(timeoutMs = TRANSACTION_TIMEOUT_MS): Promise<ServerValue> {
    while (this.taken >= this.values.length) {
      if (this.closed) throw this.closed;
      this.valueWait = new Deferred<void>(this.clock, timeoutMs, "a notification");
      await this.valueWait.promise;
    }
    return this.values[this.taken++]!;
  }

  /** The link is gone. */
  close(error: PhoneError): void {
    this.closed = error;
    this.response?.reject(error);
    this.valueWait?.reject(error);
  }
}

export function encodePdu<F extends Fields>(pdu: Pdu<F>, values: Values<F>): Uint8Array {
  const body = encode(pdu.fields, values);
  const writer = new Writer(1 + body.length);
  writer.u8(pdu.opcode);
  writer.bytes(body);
  return writer.finish();
}
