/** Frames of the Simple Management Protocol, and how they come together from what one link carries. */

/** Bytes of a frame's header. */
export const HEADER_LENGTH = 8;

/** Operations (the low three bits of the first byte). */
export const OPERATION = { READ: 0, READ_RESPONSE: 1, WRITE: 2, WRITE_RESPONSE: 3 } as const;

/** Versions: 0 reports every error by `rc`, 1 those of a group by `err`. */
export const VERSION = { FIRST: 0, SECOND: 1 } as const;

/** What a frame's header says. All of it big-endian. */
export interface Header {
  /** `OPERATION`. */
  readonly operation: number;
  /** `VERSION`; two bits. */
  readonly version: number;
  readonly flags: number;
  /** Bytes behind the header. */
  readonly length: number;
  readonly group: number;
  readonly sequence: number;
  /** Of the command in its group. */
  readonly command: number;
}

/** @param bytes `HEADER_LENGTH` of them, or more. */
export function readHeader(bytes: Uint8Array): Header {
  return {
    operation: bytes[0]! & 7,
    version: (bytes[0]! >> 3) & 3,
    flags: bytes[1]!,
    length: (bytes[2]! << 8) | bytes[3]!,
    group: (bytes[4]! << 8) | bytes[5]!,
    sequence: bytes[6]!,
    command: bytes[7]!,
  };
}

/** A whole frame. `length` of the header is that of the payload. */
export function writeFrame(header: Omit<Header, "length">, payload: Uint8Array): Uint8Array {
  const { command, flags, group, operation, sequence, version } = header;
  const frame = new Uint8Array(HEADER_LENGTH + payload.length);
  frame.set([
    (version << 3) | operation,
    flags,
    payload.length >> 8,
    payload.length & 0xff,
    group >> 8,
    group & 0xff,
    sequence,
    command,
  ]);
  frame.set(payload, HEADER_LENGTH);
  return frame;
}

/** Where frames go. */
export interface FrameReceiver {
  /** Whether there is room for a frame of so many bytes; the room is the frame's until it has been received or dropped. */
  reserve(length: number): boolean;
  /** A whole frame; the array is the receiver's. */
  onFrame(frame: Uint8Array): void;
  /** A frame that began will not come to its end. */
  release(length: number): void;
  /** A frame that is longer than there is room for, of which only the header is known. All of it has been read. */
  onOversized(header: Header): void;
}

/**
 * Puts frames together from the fragments of one link. The length in the header is all that says where a frame ends, so
 * that a fragment that is lost takes the frame with it: the next one begins in its middle. A pause ends what is incomplete
 * (`drop`), so that a client which tries again is understood.
 */
export class FrameAssembler {
  private readonly receiver: FrameReceiver;
  private readonly header = new Uint8Array(HEADER_LENGTH);
  /** Bytes of the frame under way that have come. */
  private received = 0;
  private frame: Uint8Array | undefined = undefined;
  /** Bytes of the frame under way. */
  private length = 0;

  constructor(receiver: FrameReceiver) {
    this.receiver = receiver;
  }

  /** Whether a frame has begun that is not whole. */
  get isIncomplete(): boolean {
    return this.received > 0;
  }

  /** Takes the next bytes of the link: any number of frames, and parts of them. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += this.take(bytes.subarray(at));
  }

  /** What has come of an incomplete frame is dropped; true when there was one. */
  drop(): boolean {
    const wasIncomplete = this.isIncomplete;
    if (this.frame) this.receiver.release(this.length);
    this.frame = undefined;
    this.received = 0;
    this.length = 0;
    return wasIncomplete;
  }

  /** Takes as many as belong to the frame under way. */
  private take(bytes: Uint8Array): number {
    const { header } = this;
    if (this.received < HEADER_LENGTH) {
      const part = bytes.subarray(0, HEADER_LENGTH - this.received);
      header.set(part, this.received);
      this.received += part.length;
      if (this.received === HEADER_LENGTH) this.begin();
      return part.length;
    }
    const part = bytes.subarray(0, this.length - this.received);
    this.frame?.set(part, this.received);
    this.received += part.length;
    this.finishIfWhole();
    return part.length;
  }

  private begin(): void {
    const { header, receiver } = this;
    this.length = HEADER_LENGTH + readHeader(header).length;
    if (receiver.reserve(this.length)) {
      this.frame = new Uint8Array(this.length);
      this.frame.set(header);
    }
    this.finishIfWhole();
  }

  private finishIfWhole(): void {
    if (this.received < this.length) return;
    const { frame } = this;
    this.frame = undefined;
    this.received = 0;
    this.length = 0;
    if (frame) this.receiver.onFrame(frame);
    else this.receiver.onOversized(readHeader(this.header));
  }
}
