/** A fixed channel of one LE link (Vol 3, Part A, 2.1): its frames are its SDUs, and its queue is that of the link. */
import { type Acl, type AclLink, L2CAP_OFFSET, PDU_OFFSET } from "../hci/acl.ts";
import type { Channel, ChannelReceiver } from "./channel.ts";

/** Fixed channel identifiers (Vol 3, Part A, Table 2.2). */
export const CHANNEL = { ATT: 0x0004, SIGNALING: 0x0005, SMP: 0x0006 } as const;

/** Length and channel identifier (Vol 3, Part A, 3.1). */
const HEADER_LENGTH = PDU_OFFSET - L2CAP_OFFSET;

export class FixedChannel implements Channel {
  receiver: ChannelReceiver | undefined = undefined;
  /** The ACL layer: all links send through one, with one header buffer. */
  readonly group: Acl;
  readonly header: DataView;
  readonly id: number;
  readonly link: AclLink;
  readonly headerOffset = PDU_OFFSET;
  readonly mtu: number;

  constructor(acl: Acl, link: AclLink, id: number, mtu: number) {
    this.group = acl;
    this.link = link;
    this.header = acl.headerView;
    this.id = id;
    this.mtu = mtu;
  }

  hasRoom(length: number): boolean {
    const link = this.link;
    return link.queued === 0 || this.group.hasRoom(link, length);
  }

  send(headerLength: number, payload: Uint8Array, start: number, end: number): boolean {
    this.header.setUint32(L2CAP_OFFSET, (headerLength + end - start) | (this.id << 16), true);
    return this.group.send(this.link, HEADER_LENGTH + headerLength, payload, start, end);
  }

  broadcast(
    channels: readonly FixedChannel[],
    count: number,
    headerLength: number,
    payload: Uint8Array,
    end: number,
  ): number {
    // One header for all: sending writes nothing behind that of the ACL packet.
    this.header.setUint32(L2CAP_OFFSET, (headerLength + end) | (this.id << 16), true);
    const acl = this.group;
    const length = HEADER_LENGTH + headerLength;
    let reached = 0;
    for (let index = 0; index < count; index++) {
      const link = channels[index]!.link;
      if (link.queued > 0 && !acl.hasRoom(link, end)) continue;
      acl.send(link, length, payload, 0, end);
      reached++;
    }
    return reached;
  }
}
