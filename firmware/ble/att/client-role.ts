/**
 * The client role of a bearer (Vol 3, Part F, 3.3): one request at a time, operations of one or several requests in the
 * order in which they were asked for, and what the peer's server sends by itself.
 */
import type { Clock, Timer } from "../../platform/platform.ts";
import { copyBytes, encodeInto, type Fields, type Values, Writer } from "../codec.ts";
import { BleError } from "../errors.ts";
import type { GateUser } from "../operation-gate.ts";
import { textOf } from "../text.ts";
import { type AttBearer, type AttRole, TRANSACTION_TIMEOUT_MS } from "./bearer.ts";
import { GattError, ProtocolError } from "./errors.ts";
import { ATT_OPCODE } from "./opcodes.ts";
import type { Pdu } from "./pdus.ts";

/** Operations that may wait on one bearer, the one that runs included. */
export const OPERATIONS_MAX = 32;

/** Takes the values that a server sends by itself. */
export interface ValueHandler {
  /** The range is valid during the call. */
  onValue(handle: number, view: DataView, start: number, length: number, isIndication: boolean): void;
  /** The bearer has ended. */
  onEnd(): void;
}

/** Who waits for an operation. */
export interface Outcome<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A request that is on its way. */
interface Transaction {
  readonly requestOpcode: number;
  readonly responseOpcode: number;
  readonly timer: Timer;
  /** Undefined once the peer answered with something else: the bearer is not free until the right response comes. */
  outcome: Outcome<Uint8Array> | undefined;
}

/** What ends an operation that nobody waits for any more, before its next request. */
class Abandoned extends Error {
  override name = "Abandoned";
}

/** An operation: it has the bearer for itself until it is done. */
export class Operation {
  private readonly role: AttClientRole;
  /** Bytes that it keeps while it waits. */
  readonly bytes: number;
  /** Nobody waits for it any more. */
  isAbandoned = false;
  /** Called with each response of the peer from when it was asked for until it is done: it waits, but not in vain. */
  onProgress: (() => void) | undefined = undefined;
  /** Not for callers: what is done when its turn comes. */
  readonly run: () => Promise<void>;
  /** Not for callers: ends it without running it. */
  readonly refuse: (error: unknown) => void;

  constructor(
    role: AttClientRole,
    bytes: number,
    run: (self: Operation) => Promise<void>,
    refuse: (error: unknown) => void,
  ) {
    this.role = role;
    this.bytes = bytes;
    this.run = () => run(this);
    this.refuse = refuse;
  }

  /**
   * Nobody waits for it any more. It is left out when its turn has not come; else it ends with the response that is on its
   * way, which goes nowhere.
   */
  abandon(): void {
    if (this.isAbandoned) return;
    this.isAbandoned = true;
    this.role.forget(this);
  }

  /**
   * Sends a request; resolves with what follows the opcode of its response.
   * @param always also when nobody waits any more: the peer keeps something that has to be cleared.
   * @throws GattError for an Error Response, ProtocolError for anything else but the response.
   */
  request<F extends Fields>(
    request: Pdu<F>,
    values: Values<F>,
    response: Pdu,
    always = false,
  ): Promise<Uint8Array> {
    if (this.isAbandoned && !always) return Promise.reject(new Abandoned());
    return this.role.transact(encodePdu(request, values), response.opcode);
  }
}

/** A whole PDU. */
export function encodePdu<F extends Fields>(pdu: Pdu<F>, values: Values<F>): Uint8Array {
  const writer = new Writer();
  writer.u8(pdu.opcode);
  encodeInto(writer, pdu.fields, values);
  return writer.finish();
}

/** What arrived from servers and was of no use, for the counters. */
export interface ClientCounters {
  /** Responses that nobody had asked for, or of another kind, and values that were incomplete. */
  unexpectedPdus: number;
}

export class AttClientRole implements AttRole, GateUser {
  readonly bearer: AttBearer;
  private readonly clock: Clock;
  private readonly handler: ValueHandler;
  private readonly counters: ClientCounters;
  private transaction: Transaction | undefined = undefined;
  private running: Operation | undefined = undefined;
  private readonly queue: Operation[] = [];
  private closed = false;
  private hasWarned = false;

  constructor(bearer: AttBearer, handler: ValueHandler, counters: ClientCounters) {
    this.bearer = bearer;
    this.clock = bearer.port.clock;
    this.handler = handler;
    this.counters = counters;
    bearer.client = this;
  }

  /** Whether operations go out: the bearer's gate neither holds them back nor refuses them. */
  get isFree(): boolean {
    return this.bearer.gate?.isOpen ?? true;
  }

  /**
   * Does `work` when all operations before it are done; it starts within the call when there are none.
   * @param bytes that it keeps while it waits.
   * @param outcome is called with how it ended. Rejections: what `work` throws; BleError `operation-queue-full` at once when too
   * many wait, or `device-disconnected` when the bearer has ended; what the bearer's gate refuses with.
   */
  perform<T>(work: (operation: Operation) => Promise<T>, outcome: Outcome<T>, bytes = 0): Operation {
    const operation = new Operation(
      this,
      bytes,
      (self) =>
        work(self).then(
          (value) => outcome.resolve(value),
          (error: unknown) => outcome.reject(error),
        ),
      (error) => outcome.reject(error),
    );
    const refusal = this.refusal(bytes);
    if (refusal) {
      operation.isAbandoned = true;
      outcome.reject(refusal);
      return operation;
    }
    this.queue.push(operation);
    this.advance();
    return operation;
  }

  /** Why no operation is taken; undefined when one is, whose bytes are accounted for then. */
  private refusal(bytes: number): unknown {
    if (this.isEnded) return ended();
    const { account, gate } = this.bearer;
    if (gate?.refusal) return gate.refusal;
    const waiting = this.queue.length + (this.running ? 1 : 0);
    // One is taken whatever else the link keeps: values that the peer sends must not keep anybody from asking it to stop.
    if (waiting === 0 && account.force(bytes)) return undefined;
    if (waiting < OPERATIONS_MAX && account.take(bytes)) return undefined;
    return new BleError(
      "operation-queue-full",
      `${waiting} operations wait for this peer already: await some of them before the next.`,
    );
  }

  private get isEnded(): boolean {
    return this.closed || this.bearer.timedOut;
  }

  private advance(): void {
    if (this.running || this.transaction) return;
    if (!this.isFree) return this.bearer.gate!.join(this);
    const operation = this.queue.shift();
    if (!operation) return;
    this.running = operation;
    const done = (): void => {
      this.running = undefined;
      this.bearer.account.give(operation.bytes);
      this.advance();
    };
    operation.run().then(done, (error: unknown) => {
      const { port } = this.bearer;
      port.log("error", `att: link ${port.link}: who waited for an operation failed: ${textOf(error)}`);
      done();
    });
  }

  /** For the bearer's gate. */
  decided(): void {
    const { gate } = this.bearer;
    if (gate?.refusal) return this.refuse(this.queue.splice(0), gate.refusal);
    // What the peer had no chance to answer it has not left unanswered.
    for (const { onProgress } of this.queue) onProgress?.();
    this.advance();
  }

  private refuse(operations: readonly Operation[], error: unknown): void {
    for (const operation of operations) {
      this.bearer.account.give(operation.bytes);
      operation.refuse(error);
    }
  }

  /** For operations: this one need not run any more. */
  forget(operation: Operation): void {
    const at = this.queue.indexOf(operation);
    if (at < 0) return;
    this.queue.splice(at, 1);
    this.bearer.account.give(operation.bytes);
    operation.refuse(new Abandoned());
  }

  /** For operations: sends a request. */
  transact(pdu: Uint8Array, responseOpcode: number): Promise<Uint8Array> {
    if (this.isEnded) return Promise.reject(ended());
    if (this.transaction) return Promise.reject(new ProtocolError("an earlier request is still unanswered"));
    return new Promise((resolve, reject) => {
      // First what may fail: a request without a timer would own the bearer for ever.
      const timer = this.clock.setTimer(() => this.expire(), TRANSACTION_TIMEOUT_MS);
      this.transaction = { requestOpcode: pdu[0]!, responseOpcode, timer, outcome: { resolve, reject } };
      this.bearer.send(pdu);
    });
  }

  /** No response within 30 s: nothing may be sent on the bearer any more (Vol 3, Part F, 3.3.3). */
  private expire(): void {
    const { bearer } = this;
    bearer.timedOut = true;
    this.end();
    bearer.expire();
  }

  receive(opcode: number, view: DataView, start: number, length: number): void {
    switch (opcode) {
      case ATT_OPCODE.HANDLE_VALUE_NOTIFICATION:
        return this.receiveValue(view, start, length, false);
      case ATT_OPCODE.HANDLE_VALUE_INDICATION:
        // Before anything can fail: an indication blocks the peer's bearer until it is confirmed.
        this.bearer.send(Uint8Array.of(ATT_OPCODE.HANDLE_VALUE_CONFIRMATION));
        return this.receiveValue(view, start, length, true);
      case ATT_OPCODE.MULTIPLE_HANDLE_VALUE_NOTIFICATION:
        return this.receiveValues(view, start, length);
      default:
        return this.receiveResponse(opcode, view, start, length);
    }
  }

  private receiveValue(view: DataView, start: number, length: number, isIndication: boolean): void {
    if (length < 2) return this.ignore("a value without a handle");
    this.handler.onValue(view.getUint16(start, true), view, start + 2, length - 2, isIndication);
  }

  /** Handle, length, value of each; what is incomplete is dropped (Vol 3, Part F, 3.4.7.4). */
  private receiveValues(view: DataView, start: number, length: number): void {
    const end = start + length;
    let at = start;
    while (end - at >= 4) {
      const size = view.getUint16(at + 2, true);
      if (size > end - at - 4) break;
      this.handler.onValue(view.getUint16(at, true), view, at + 4, size, false);
      at += 4 + size;
    }
    if (at < end || length === 0) this.ignore("an incomplete list of values");
  }

  private receiveResponse(opcode: number, view: DataView, start: number, length: number): void {
    const { transaction } = this;
    if (!transaction) return this.ignore(`response 0x${opcode.toString(16)} to no request`);
    if (opcode === transaction.responseOpcode) return this.settle()?.resolve(copyBytes(view, start, length));
    if (
      opcode === ATT_OPCODE.ERROR_RESPONSE &&
      length > 0 &&
      view.getUint8(start) === transaction.requestOpcode
    ) {
      const status = length === 4 ? view.getUint8(start + 3) : 0;
      const error =
        status > 0 ? new GattError(status) : new ProtocolError("an Error Response without an error");
      return this.settle()?.reject(error);
    }
    this.mismatch(transaction, opcode);
  }

  /**
   * Another response than that of the request. It ends the operation, but not the transaction: what comes next is not taken
   * for the answer to another request.
   */
  private mismatch(transaction: Transaction, opcode: number): void {
    const fault = `response 0x${opcode.toString(16)} to request 0x${transaction.requestOpcode.toString(16)}`;
    this.ignore(fault);
    const { outcome } = transaction;
    transaction.outcome = undefined;
    outcome?.reject(new ProtocolError(fault));
  }

  /** A PDU longer than ATT_MTU, of which only the opcode is there. */
  receiveTooLong(opcode: number): void {
    if (this.transaction?.responseOpcode !== opcode) return this.ignore("a PDU longer than ATT_MTU");
    this.settle()?.reject(new ProtocolError("its response is longer than ATT_MTU"));
  }

  /** The transaction is over; returns who waits for it. */
  private settle(): Outcome<Uint8Array> | undefined {
    const { transaction } = this;
    this.transaction = undefined;
    if (!transaction) return undefined;
    this.clock.clearTimer(transaction.timer);
    this.running?.onProgress?.();
    for (const { onProgress } of this.queue) onProgress?.();
    // Where nobody waits, nobody would go on either.
    if (!transaction.outcome) this.advance();
    return transaction.outcome;
  }

  private ignore(what: string): void {
    this.counters.unexpectedPdus++;
    if (this.hasWarned) return;
    this.hasWarned = true;
    const { port } = this.bearer;
    port.log("warning", `att: link ${port.link} sent ${what}, which was dropped; more of it is only counted`);
  }

  /** The bearer has ended: ends what waits. */
  close(): void {
    this.closed = true;
    this.end();
    this.handler.onEnd();
  }

  private end(): void {
    const waiting = this.queue.splice(0);
    this.bearer.gate?.leave(this);
    if (this.running) this.running.onProgress = undefined;
    this.settle()?.reject(ended());
    this.refuse(waiting, ended());
  }
}

function ended(): BleError {
  return new BleError(
    "device-disconnected",
    "The device is not connected any more, or left a request unanswered for 30 s.",
  );
}
