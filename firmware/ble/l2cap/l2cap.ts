/** L2CAP on one LE link: the fixed channels (Vol 3, Part A, 2.1). */
import type { LogLevel } from "../../platform/platform.ts";
import {
  type Acl,
  type AclLink,
  type AclReceiver,
  CONTINUING,
  L2CAP_OFFSET,
  PDU_OFFSET,
} from "../hci/acl.ts";
import { type FrameReceiver, Reassembly } from "./reassembly.ts";
import { Signaling } from "./signaling.ts";

export { PDU_OFFSET, QUEUE_LIMIT } from "../hci/acl.ts";

/** Fixed channel identifiers (Vol 3, Part A, Table 2.2). */
export const CHANNEL = { ATT: 0x0004, SIGNALING: 0x0005, SMP: 0x0006 } as const;

/** Bytes of L2CAP header. */
const HEADER_LENGTH = PDU_OFFSET - L2CAP_OFFSET;

/** Takes what arrives on one fixed channel. */
export interface ChannelReceiver {
  /**
   * One frame; the range is valid during the call. ATT and signalling, which have to refuse what is too long, are shown
   * frames above the link's limit too: `length` is the announced one then, and of the frame only the first four bytes are
   * sure to be there.
   */
  receive(view: DataView, start: number, length: number): void;
}

/** The lowest fixed channel that an LE link has. */
const FIRST_CHANNEL = CHANNEL.ATT;

export class L2cap implements AclReceiver, FrameReceiver {
  readonly link: AclLink;
  readonly acl: Acl;
  private readonly log: (level: LogLevel, message: string) => void;
  private readonly limit: number;
  private readonly reassembly: Reassembly;
  /** From `FIRST_CHANNEL` on. */
  private readonly channels: (ChannelReceiver | undefined)[] = [];

  /** @param limit the longest frame payload that any channel of this link accepts, in bytes. */
  constructor(acl: Acl, link: AclLink, limit: number, log: (level: LogLevel, message: string) => void) {
    this.acl = acl;
    this.link = link;
    this.log = log;
    this.limit = limit;
    this.reassembly = new Reassembly(limit, this);
    link.receiver = this;
    this.attach(CHANNEL.SIGNALING, new Signaling((frame) => this.sendFrame(CHANNEL.SIGNALING, frame)));
  }

  /** Delivers what arrives on a fixed channel to `receiver`. */
  attach(channel: number, receiver: ChannelReceiver): void {
    this.channels[channel - FIRST_CHANNEL] = receiver;
  }

  /** Most frames are whole in one packet; pieces, and what is wrong, are for `Reassembly`. */
  receive(packet: DataView, boundary: number, length: number): void {
    const reassembly = this.reassembly;
    const isNew = boundary !== CONTINUING && !reassembly.buffer && reassembly.skip === 0;
    if (isNew && length >= HEADER_LENGTH) {
      const header = packet.getUint32(L2CAP_OFFSET, true);
      const payload = header & 0xffff;
      const receiver = this.channels[(header >>> 16) - FIRST_CHANNEL];
      if (receiver && payload === length - HEADER_LENGTH && payload <= this.limit) {
        return receiver.receive(packet, PDU_OFFSET, payload);
      }
    }
    reassembly.receive(packet, boundary, length);
  }

  onFrame(channel: number, view: DataView, start: number, length: number): void {
    const receiver = this.channels[channel - FIRST_CHANNEL];
    if (receiver) receiver.receive(view, start, length);
    else {
      this.log(
        "debug",
        `l2cap: dropped ${length} bytes for channel 0x${channel.toString(16)}, which is not open`,
      );
    }
  }

  onTooLong(channel: number, view: DataView, start: number, length: number): void {
    if (channel === CHANNEL.ATT || channel === CHANNEL.SIGNALING) this.onFrame(channel, view, start, length);
  }

  /** Where the layers above put their headers, from `PDU_OFFSET`. */
  get headerView(): DataView {
    return this.acl.headerView;
  }

  /** Frames from the peer that could not be put together. */
  get dropped(): number {
    return this.reassembly.dropped;
  }

  /**
   * Sends a frame on a fixed channel: `pduHeaderLength` bytes that the caller put into the ACL header buffer at
   * `PDU_OFFSET`, then `payload[start..end)`. Returns whether it has left for the controller already.
   */
  send(channel: number, pduHeaderLength: number, payload: Uint8Array, start: number, end: number): boolean {
    // Length and channel identifier.
    this.acl.headerView.setUint32(L2CAP_OFFSET, (pduHeaderLength + end - start) | (channel << 16), true);
    return this.acl.send(this.link, HEADER_LENGTH + pduHeaderLength, payload, start, end);
  }

  /** Sends a frame with this payload. See `send` for the result. */
  sendFrame(channel: number, payload: Uint8Array): boolean {
    return this.send(channel, 0, payload, 0, payload.length);
  }
}
