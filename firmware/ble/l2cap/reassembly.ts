/** Puts the fragments of ACL packets together again (Vol 3, Part A, 7.2.2). One per link. */
import { type Account, unboundedAccount } from "../budget.ts";
import { viewOf } from "../codec.ts";
import { type AclReceiver, CONTINUING } from "../hci/acl.ts";

/** Packet_Boundary_Flag of a first fragment from the controller (Vol 4, Part E, 5.4.2). */
const FIRST = 0b10;
/** Offset of the data in an ACL packet with its H4 indicator. */
const DATA_OFFSET = 5;
/** L2CAP length and channel id (Vol 3, Part A, 3.1). */
const HEADER_LENGTH = 4;

/** Bytes of a frame above the limit that must be there for it to be shown. */
const BEGINNING = 4;

/** Takes frames: `length` bytes of payload at `start`, valid during the call. */
export interface FrameReceiver {
  /** A complete frame. */
  onFrame(channel: number, view: DataView, start: number, length: number): void;
  /**
   * The beginning of a frame above the limit, four bytes or more of it, with its announced length: a request that was
   * too long has to be answered.
   */
  onTooLong(channel: number, view: DataView, start: number, length: number): void;
}

export class Reassembly implements AclReceiver {
  private readonly limit: number;
  private readonly receiver: FrameReceiver;
  private readonly account: Account;
  /** The frame that has begun, if any. */
  buffer: Uint8Array | undefined = undefined;
  /** Bytes in `buffer`. */
  private filled = 0;
  /** Bytes of a refused frame still to come. */
  skip = 0;
  /** Frames dropped: too long, cut short, or continued without a start. */
  dropped = 0;

  /**
   * @param limit the longest payload that is accepted, in bytes.
   * @param account what the link keeps.
   */
  constructor(limit: number, receiver: FrameReceiver, account: Account = unboundedAccount()) {
    this.limit = limit;
    this.receiver = receiver;
    this.account = account;
  }

  receive(packet: DataView, boundary: number, length: number): void {
    if (boundary === CONTINUING) return this.continue(packet, length);
    if (this.buffer) this.drop();
    this.skip = 0;
    if (length < HEADER_LENGTH) {
      // Legal, if odd: a fragment may end inside the header.
      if (length > 0) this.collect(new Uint8Array(HEADER_LENGTH), packet, length);
      return;
    }
    const header = packet.getUint32(DATA_OFFSET, true);
    const payload = header & 0xffff;
    if (payload > this.limit) {
      this.dropped++;
      this.skip = Math.max(0, payload - (length - HEADER_LENGTH));
      if (length < HEADER_LENGTH + BEGINNING) return;
      this.receiver.onTooLong(header >>> 16, packet, DATA_OFFSET + HEADER_LENGTH, payload);
    } else if (payload === length - HEADER_LENGTH) {
      this.receiver.onFrame(header >>> 16, packet, DATA_OFFSET + HEADER_LENGTH, payload);
    } else if (payload < length - HEADER_LENGTH) {
      this.dropped++;
    } else {
      this.collect(new Uint8Array(HEADER_LENGTH + payload), packet, length);
    }
  }

  private continue(packet: DataView, length: number): void {
    if (this.skip > 0) {
      this.skip = Math.max(0, this.skip - length);
      return;
    }
    const buffer = this.buffer;
    if (!buffer) {
      this.dropped++;
      return;
    }
    const total = this.filled + length;
    if (buffer.length === HEADER_LENGTH && total >= HEADER_LENGTH)
      return this.completeHeader(buffer, packet, length);
    if (total > buffer.length) return this.drop();
    this.collect(buffer, packet, length);
    if (total < buffer.length) return;
    this.forget();
    const view = viewOf(buffer);
    this.receiver.onFrame(view.getUint16(2, true), view, HEADER_LENGTH, buffer.length - HEADER_LENGTH);
  }

  /** The header came in two pieces: join it and go on as if the frame started here. */
  private completeHeader(head: Uint8Array, packet: DataView, length: number): void {
    const joined = new Uint8Array(DATA_OFFSET + this.filled + length);
    joined.set(head.subarray(0, this.filled), DATA_OFFSET);
    joined.set(
      new Uint8Array(packet.buffer, packet.byteOffset + DATA_OFFSET, length),
      DATA_OFFSET + this.filled,
    );
    this.forget();
    this.receive(viewOf(joined), FIRST, joined.length - DATA_OFFSET);
  }

  private collect(buffer: Uint8Array, packet: DataView, length: number): void {
    // One for a link: an honest peer's request must not be lost to what else waits for it.
    if (this.buffer !== buffer && !this.account.force(buffer.length)) {
      this.account.refuse();
      this.dropped++;
      this.skip = buffer.length - length;
      return;
    }
    buffer.set(new Uint8Array(packet.buffer, packet.byteOffset + DATA_OFFSET, length), this.filled);
    this.buffer = buffer;
    this.filled += length;
  }

  private drop(): void {
    this.dropped++;
    this.forget();
  }

  /** The link is gone, or its frame is whole or dropped: nothing is kept of it. */
  forget(): void {
    if (this.buffer) this.account.give(this.buffer.length);
    this.buffer = undefined;
    this.filled = 0;
    this.skip = 0;
  }
}
