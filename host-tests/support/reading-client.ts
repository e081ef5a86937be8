/** The least client role: reads one value. Shows that a bearer has room for a second role. */
import { type AttBearer, type AttRole, TRANSACTION_TIMEOUT_MS } from "../../firmware/ble/att/bearer.ts";
import {
  errorResponse,
  handleValueIndication,
  readRequest,
  readResponse,
} from "../../firmware/ble/att/pdus.ts";
import { copyBytes } from "../../firmware/ble/codec.ts";
import type { Timer } from "../../firmware/platform/platform.ts";

interface Pending {
  readonly timer: Timer;
  resolve(value: Uint8Array): void;
  reject(error: Error): void;
}

export class ReadingClient implements AttRole {
  /** Values that the peer indicated. */
  readonly indicated: Uint8Array[] = [];
  private readonly bearer: AttBearer;
  private pending: Pending | undefined;

  constructor(bearer: AttBearer) {
    this.bearer = bearer;
    bearer.client = this;
  }

  /** Reads a value of at most ATT_MTU - 1 bytes; one at a time. */
  read(handle: number): Promise<Uint8Array> {
    const { bearer } = this;
    if (this.pending || bearer.timedOut) return Promise.reject(new Error("the bearer is taken"));
    return new Promise((resolve, reject) => {
      const timer = bearer.port.clock.setTimer(() => {
        this.take()?.reject(new Error("no response within 30 s"));
        bearer.expire();
      }, TRANSACTION_TIMEOUT_MS);
      this.pending = { timer, resolve, reject };
      bearer.send(Uint8Array.of(readRequest.opcode, handle & 0xff, handle >> 8));
    });
  }

  receive(opcode: number, view: DataView, start: number, length: number): void {
    if (opcode === readResponse.opcode) {
      this.take()?.resolve(copyBytes(view, start, length));
    } else if (
      opcode === errorResponse.opcode &&
      length === 4 &&
      view.getUint8(start) === readRequest.opcode
    ) {
      this.take()?.reject(new Error(`refused with 0x${view.getUint8(start + 3).toString(16)}`));
    } else if (opcode === handleValueIndication.opcode && length >= 2) {
      this.indicated.push(copyBytes(view, start + 2, length - 2));
      this.bearer.send(Uint8Array.of(0x1e));
    }
  }

  close(): void {
    this.take()?.reject(new Error("the link has ended"));
  }

  private take(): Pending | undefined {
    const { pending } = this;
    this.pending = undefined;
    if (pending) this.bearer.port.clock.clearTimer(pending.timer);
    return pending;
  }
}
