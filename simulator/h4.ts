/** HCI packets on a byte stream: the UART transport layer (Vol 4, Part A, 2). */

/** Packet indicators that may come from the host, and from the controller. */
export const FROM_HOST = [0x01, 0x02] as const;
export const FROM_CONTROLLER = [0x02, 0x04] as const;

/** Longest ACL payload that is accepted, in bytes, unless the reader says otherwise. */
export const ACL_LIMIT = 1024;

export interface H4Options {
  /** Longest payload that is accepted, in bytes; `ACL_LIMIT` by default. */
  readonly limit?: number;
  /** Takes what follows where framing was lost, from the byte that starts no packet to the end of the piece. */
  readonly onLost?: (rest: Uint8Array) => void;
}

/** Bytes until the length of a packet is known, the indicator included. */
function headerLength(indicator: number): number {
  return indicator === 0x02 ? 5 : indicator === 0x01 ? 4 : 3;
}

function payloadLength(header: Uint8Array): number {
  if (header[0] === 0x02) return header[3]! | (header[4]! << 8);
  return header[0] === 0x01 ? header[3]! : header[2]!;
}

/** Cuts a stream into whole packets, the indicator first. */
export class H4Framer {
  /** The stream lost its framing: nothing more is taken until `reset`. */
  desynchronised = false;
  private readonly accepted: readonly number[];
  private readonly onPacket: (packet: Uint8Array) => void;
  private readonly options: H4Options;
  private readonly header = new Uint8Array(5);
  private packet: Uint8Array | undefined = undefined;
  private filled = 0;

  /**
   * @param accepted the indicators that may come, `FROM_HOST` or `FROM_CONTROLLER`.
   * @param onPacket takes each whole packet; it is the receiver's to keep.
   */
  constructor(accepted: readonly number[], onPacket: (packet: Uint8Array) => void, options: H4Options = {}) {
    this.accepted = accepted;
    this.onPacket = onPacket;
    this.options = options;
  }

  /** Forgets what was begun, and starts at a packet's first byte. */
  reset(): void {
    this.desynchronised = false;
    this.packet = undefined;
    this.filled = 0;
  }

  /** Takes the next piece of the stream. Returns false when framing is lost. */
  push(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length && !this.desynchronised) {
      at += this.packet ? this.takePayload(this.packet, bytes, at) : this.takeHeader(bytes[at]!);
    }
    if (this.desynchronised) this.options.onLost?.(bytes.subarray(at));
    return !this.desynchronised;
  }

  private takeHeader(byte: number): number {
    if (this.filled === 0 && !this.accepted.includes(byte)) {
      this.desynchronised = true;
      return 0;
    }
    this.header[this.filled++] = byte;
    const length = headerLength(this.header[0]!);
    if (this.filled < length) return 1;
    const payload = payloadLength(this.header);
    if (payload > (this.options.limit ?? ACL_LIMIT)) {
      this.desynchronised = true;
      return 1;
    }
    this.packet = new Uint8Array(length + payload);
    this.packet.set(this.header.subarray(0, length));
    this.finishIfWhole();
    return 1;
  }

  private takePayload(packet: Uint8Array, bytes: Uint8Array, at: number): number {
    const count = Math.min(packet.length - this.filled, bytes.length - at);
    packet.set(bytes.subarray(at, at + count), this.filled);
    this.filled += count;
    this.finishIfWhole();
    return count;
  }

  private finishIfWhole(): void {
    const packet = this.packet!;
    if (this.filled < packet.length) return;
    this.packet = undefined;
    this.filled = 0;
    this.onPacket(packet);
  }
}
