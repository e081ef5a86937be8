/** Puts the fragments of ACL packets together again (Vol 3, Part A, 7.2.2). One per link. */
import { viewOf } from "../codec.ts";

/** Packet_Boundary_Flag of a continuing fragment (Vol 4, Part E, 5.4.2). */
const CONTINUING = 0x01;
/** Offset of the data in an ACL packet with its H4 indicator. */
const DATA_OFFSET = 5;
/** L2CAP length and channel id (Vol 3, Part A, 3.1). */
const HEADER_LENGTH = 4;

/** Bytes of a frame above the limit that must be there for it to be shown. */
const BEGINNING = 4;

/** Receives a complete frame: `length` bytes of payload at `start`, valid during the call. */
export type FrameReceiver = (channel: number, view: DataView, start: number, length: number) => void;

export class Reassembly {
  private readonly limit: number;
  private readonly onFrame: FrameReceiver;
  private readonly onTooLong: FrameReceiver;
  private buffer: Uint8Array | undefined;
  /** Bytes in `buffer`. */
  private filled = 0;
  /** Bytes of a refused frame still to come. */
  private skip = 0;
  /** Frames dropped: too long, cut short, or continued without a start. */
  dropped = 0;

  /**
   * @param limit the longest payload that is accepted, in bytes.
   * @param onTooLong is shown the beginning of a frame above the limit, four bytes or more, with its announced length: a
   * request that was too long has to be answered.
   */
  constructor(limit: number, onFrame: FrameReceiver, onTooLong: FrameReceiver = () => {}) {
    this.limit = limit;
    this.onFrame = onFrame;
    this.onTooLong = onTooLong;
  }

  /** One ACL packet, H4 indicator first. */
  receive(packet: DataView): void {
    const boundary = (packet.getUint8(2) >> 4) & 0x03;
    const length = packet.byteLength - DATA_OFFSET;
    if (boundary === CONTINUING) this.continue(packet, length);
    else this.start(packet, length);
  }

  private start(packet: DataView, length: number): void {
    if (this.buffer) this.drop();
    this.skip = 0;
    if (length < HEADER_LENGTH) {
      // Legal, if odd: a fragment may end inside the header.
      if (length > 0) this.collect(new Uint8Array(HEADER_LENGTH), packet, length);
      return;
    }
    const payload = packet.getUint16(DATA_OFFSET, true);
    if (payload > this.limit) {
      this.dropped++;
      this.skip = Math.max(0, payload - (length - HEADER_LENGTH));
      if (length < HEADER_LENGTH + BEGINNING) return;
      this.onTooLong(packet.getUint16(DATA_OFFSET + 2, true), packet, DATA_OFFSET + HEADER_LENGTH, payload);
    } else if (payload === length - HEADER_LENGTH) {
      this.onFrame(packet.getUint16(DATA_OFFSET + 2, true), packet, DATA_OFFSET + HEADER_LENGTH, payload);
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
    this.onFrame(view.getUint16(2, true), view, HEADER_LENGTH, buffer.length - HEADER_LENGTH);
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
    this.start(viewOf(joined), joined.length - DATA_OFFSET);
  }

  private collect(buffer: Uint8Array, packet: DataView, length: number): void {
    buffer.set(new Uint8Array(packet.buffer, packet.byteOffset + DATA_OFFSET, length), this.filled);
    this.buffer = buffer;
    this.filled += length;
  }

  private drop(): void {
    this.dropped++;
    this.forget();
  }

  private forget(): void {
    this.buffer = undefined;
    this.filled = 0;
    this.skip = 0;
  }
}
