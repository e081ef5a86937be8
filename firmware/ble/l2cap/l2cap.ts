/** L2CAP on one LE link: the fixed channels (Vol 3, Part A, 2.1). */
import type { LogLevel } from "../../platform/platform.ts";
import { type Acl, type AclLink, L2CAP_OFFSET, PDU_OFFSET, QUEUE_LIMIT } from "../hci/acl.ts";
import { type FrameReceiver, Reassembly } from "./reassembly.ts";
import { Signaling } from "./signaling.ts";

export { PDU_OFFSET } from "../hci/acl.ts";

/** Fixed channel identifiers (Vol 3, Part A, Table 2.2). */
export const CHANNEL = { ATT: 0x0004, SIGNALING: 0x0005, SMP: 0x0006 } as const;

/** Bytes of L2CAP header. */
const HEADER_LENGTH = PDU_OFFSET - L2CAP_OFFSET;

/**
 * Receives what arrives on one fixed channel; the range is valid during the call. ATT and signalling, which have to refuse
 * what is too long, are shown frames above the link's limit too: `length` is the announced one then, and of the frame only
 * the first four bytes are sure to be there.
 */
export type ChannelReceiver = (view: DataView, start: number, length: number) => void;

export class L2cap {
  private readonly acl: Acl;
  readonly link: AclLink;
  private readonly reassembly: Reassembly;
  private readonly channels = new Map<number, ChannelReceiver>();

  /** @param limit the longest frame payload that any channel of this link accepts, in bytes. */
  constructor(acl: Acl, link: AclLink, limit: number, log: (level: LogLevel, message: string) => void) {
    this.acl = acl;
    this.link = link;
    const deliver: FrameReceiver = (channel, view, start, length) => {
      const receiver = this.channels.get(channel);
      if (receiver) receiver(view, start, length);
      else
        log(
          "debug",
          `l2cap: dropped ${length} bytes for channel 0x${channel.toString(16)}, which is not open`,
        );
    };
    this.reassembly = new Reassembly(limit, deliver, (channel, view, start, length) => {
      if (channel === CHANNEL.ATT || channel === CHANNEL.SIGNALING) deliver(channel, view, start, length);
    });
    const signaling = new Signaling((frame) => this.send(CHANNEL.SIGNALING, 0, frame));
    this.attach(CHANNEL.SIGNALING, (view, start, length) => signaling.receive(view, start, length));
  }

  /** Delivers what arrives on a fixed channel to `receiver`. */
  attach(channel: number, receiver: ChannelReceiver): void {
    this.channels.set(channel, receiver);
  }

  /** One ACL packet of this link. */
  receive(packet: DataView): void {
    this.reassembly.receive(packet);
  }

  /** Where the layers above put their headers, from `PDU_OFFSET`. */
  get headerView(): DataView {
    return this.acl.headerView;
  }

  /** Whether the link's queue has room. */
  get canQueue(): boolean {
    return this.link.queue.length < QUEUE_LIMIT;
  }

  /** Frames from the peer that could not be put together. */
  get dropped(): number {
    return this.reassembly.dropped;
  }

  /**
   * Sends a frame on a fixed channel: `pduHeaderLength` bytes that the caller put into the ACL header buffer at
   * `PDU_OFFSET`, then `payload[start..end)`. Returns whether it has left for the controller already.
   */
  send(
    channel: number,
    pduHeaderLength: number,
    payload?: Uint8Array,
    start = 0,
    end = payload ? payload.length : 0,
  ): boolean {
    const view = this.acl.headerView;
    view.setUint16(L2CAP_OFFSET, pduHeaderLength + end - start, true);
    view.setUint16(L2CAP_OFFSET + 2, channel, true);
    return this.acl.send(this.link, HEADER_LENGTH + pduHeaderLength, payload, start, end);
  }

  /** Sends on this link what another has just sent with the same lengths, headers included; see `Acl.repeat`. */
  repeat(pduHeaderLength: number, payload: Uint8Array, end: number): boolean {
    return this.acl.repeat(this.link, HEADER_LENGTH + pduHeaderLength, payload, end);
  }
}
