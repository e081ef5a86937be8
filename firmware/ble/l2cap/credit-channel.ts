/**
 * One credit-based channel (Vol 3, Part A, 3.4.3 and 10.1): SDUs in K-frames, each of which costs its sender a credit. What
 * has to do with opening and closing it is in link-channels.ts.
 *
 * What arrives waits in memory that was set aside when the channel was opened. A credit is given for memory that is free, so
 * that a peer can never send more than there is room for.
 */
import { copyInto, viewOf } from "../codec.ts";
import { type Acl, type AclLink, L2CAP_OFFSET, PDU_OFFSET } from "../hci/acl.ts";
import type { ChannelReceiver } from "./channel.ts";
import { type ChannelParameters, CREDITS_MAX, framesOf, SDU_LENGTH } from "./channel-parameters.ts";
import type { CloseReason } from "./channel-results.ts";

/** Length and channel identifier (Vol 3, Part A, 3.1). */
const HEADER_LENGTH = PDU_OFFSET - L2CAP_OFFSET;

/** Longest K-frame that is sent: what a link keeps of one while its controller is busy is bounded by it. */
const SENT_MPS_MAX = 512;

/** Bytes of a Flow Control Credit Indication with its headers. */
const CREDITS_LENGTH = 12;

/** What a channel is told by whoever has it. */
export interface ChannelOwner {
  /** An SDU is there to be read. */
  onReceived(): void;
  /** All that was given to `send` has left for the controller, or was withdrawn. */
  onIdle(): void;
  /** Once: the channel is not open any more. What has arrived can still be read. */
  onClosed(reason: CloseReason): void;
}

/** What a channel asks of the link that it is on. */
export interface ChannelLink {
  readonly acl: Acl;
  readonly link: AclLink;
  /** Sends the peer credits (Vol 3, Part A, 4.24). */
  giveCredits(channel: CreditChannel, credits: number): void;
  /** The peer broke a rule: ends the channel. `what` says which, as in "sent a frame without a credit". */
  onViolation(channel: CreditChannel, what: string): void;
  /** Ends an open channel. */
  close(channel: CreditChannel): void;
  /** All of a closed channel was read. */
  onDrained(channel: CreditChannel): void;
}

/** Bytes that are being sent. */
export interface Outgoing {
  bytes: Uint8Array;
  /** Where they end. */
  end: number;
  /** Longest SDU that they are cut into. */
  readonly chunk: number;
  /** How far they have been handed on, and where the SDU ends that has begun. */
  at: number;
  sduEnd: number;
  /** Called when the last of them has left for the controller. */
  onSent: (() => void) | undefined;
}

/** One SDU on its way in, or read in part. */
interface Incoming {
  readonly bytes: Uint8Array;
  /** Bytes that have arrived. */
  filled: number;
  /** Bytes that have been read. */
  read: number;
  /** K-frames that it has taken, until it is whole; then the room that it takes, in K-frames of full length. */
  frames: number;
}

/** The other side's figures. */
export interface PeerParameters {
  readonly cid: number;
  readonly mtu: number;
  readonly mps: number;
  readonly credits: number;
}

export class CreditChannel implements ChannelReceiver {
  /** The table of channels of a link asks this. */
  readonly receiver: ChannelReceiver = this;
  readonly cid: number;
  readonly spsm: number;
  /** What this side takes. */
  readonly parameters: ChannelParameters;
  readonly isEnhanced: boolean;
  owner: ChannelOwner | undefined = undefined;
  state: "open" | "closing" | "closed" = "open";
  readonly peerCid: number;
  peerMtu: number;
  private framePayload: number;
  private readonly port: ChannelLink;
  private readonly header: DataView;

  /** K-frames that the peer takes. */
  private peerCredits: number;
  private outgoing: Outgoing[] = [];
  /** Its last K-frame waits in the queue of the link. */
  private leaving: Outgoing | undefined = undefined;
  private awaitsLink = false;

  /** K-frames that the peer may still send. */
  private given: number;
  private arriving: Incoming | undefined = undefined;
  private readonly arrived: Incoming[] = [];
  /** Room that those take that have arrived, in K-frames of full length. */
  private held = 0;

  constructor(
    port: ChannelLink,
    spsm: number,
    cid: number,
    parameters: ChannelParameters,
    peer: PeerParameters,
    isEnhanced: boolean,
  ) {
    this.port = port;
    this.header = port.acl.headerView;
    this.spsm = spsm;
    this.cid = cid;
    this.parameters = parameters;
    this.isEnhanced = isEnhanced;
    this.peerCid = peer.cid;
    this.peerMtu = peer.mtu;
    this.framePayload = Math.min(peer.mps, SENT_MPS_MAX);
    this.peerCredits = peer.credits;
    this.given = parameters.credits;
  }

  get isOpen(): boolean {
    return this.state === "open";
  }

  // ---- sending

  /**
   * Sends `bytes` in SDUs of at most `chunk` bytes, after what was given before. They are not copied: they may change once
   * `onSent` was called, which is when the last has left for the controller, maybe at once.
   * @param chunk 1 to `peerMtu`.
   */
  send(bytes: Uint8Array, chunk: number, onSent: () => void): Outgoing {
    const item: Outgoing = { bytes, end: bytes.length, chunk, at: 0, sduEnd: 0, onSent };
    this.outgoing.push(item);
    if (this.outgoing.length === 1) this.pump();
    return item;
  }

  /** Calls of `send` whose bytes have not all left for the controller. */
  get pendingSends(): number {
    return this.outgoing.length + (this.leaving ? 1 : 0);
  }

  /**
   * Nobody waits for `item` any more: what has not begun is not sent. An SDU that has begun goes on, of a copy, for the peer
   * could tell it from the next by nothing else.
   */
  withdraw(item: Outgoing): void {
    item.onSent = undefined;
    const index = this.outgoing.indexOf(item);
    if (index < 0) return;
    if (item.at === item.sduEnd) {
      this.outgoing.splice(index, 1);
      return this.checkIdle();
    }
    item.end = item.sduEnd;
    this.own(item);
  }

  /** Copies what has not left of `item`: the bytes may change from now on. */
  own(item: Outgoing): void {
    const { at } = item;
    item.bytes = item.bytes.slice(at, item.end);
    item.sduEnd -= at;
    item.end -= at;
    item.at = 0;
  }

  /** The peer takes so many K-frames more. */
  addCredits(credits: number): void {
    const sum = this.peerCredits + credits;
    if (sum > CREDITS_MAX) return this.port.onViolation(this, `gave ${sum} credits, above 65,535`);
    this.peerCredits = sum;
    this.pump();
  }

  /** The peer takes other SDUs and K-frames from now on (Vol 3, Part A, 4.27). */
  reconfigurePeer(mtu: number, mps: number): void {
    this.peerMtu = mtu;
    this.framePayload = Math.min(mps, SENT_MPS_MAX);
  }

  /** Longest K-frame that is sent. */
  get peerMps(): number {
    return this.framePayload;
  }

  private pump(): void {
    if (this.awaitsLink || this.state !== "open") return;
    const { acl, link } = this.port;
    for (let item = this.outgoing[0]; item && this.peerCredits > 0; item = this.outgoing[0]) {
      if (!acl.takes(link, this.framePayload)) return this.awaitLink();
      const from = item.at;
      let to = from + this.framePayload;
      let length = HEADER_LENGTH;
      if (from === item.sduEnd) {
        // The first K-frame of an SDU.
        const sduEnd = Math.min(item.end, from + item.chunk);
        item.sduEnd = sduEnd;
        this.header.setUint16(PDU_OFFSET, sduEnd - from, true);
        length += SDU_LENGTH;
        to -= SDU_LENGTH;
      }
      if (to > item.sduEnd) to = item.sduEnd;
      this.header.setUint32(L2CAP_OFFSET, (length - HEADER_LENGTH + to - from) | (this.peerCid << 16), true);
      this.peerCredits--;
      item.at = to;
      const isLast = to === item.end;
      if (isLast) this.outgoing.shift();
      const hasLeft = acl.send(link, length, item.bytes, from, to);
      if (!hasLeft && link.queued > 0) {
        if (isLast) this.leaving = item;
        return this.awaitLink();
      }
      if (isLast) this.finish(item);
    }
  }

  private finish(item: Outgoing): void {
    item.onSent?.();
    this.checkIdle();
  }

  private checkIdle(): void {
    if (this.pendingSends === 0) this.owner?.onIdle();
  }

  /** Goes on when what waits on the link now has left: each channel has one K-frame there at most, so that they take turns. */
  private awaitLink(): void {
    if (this.awaitsLink) return;
    this.awaitsLink = true;
    this.port.link.whenSent(() => {
      this.awaitsLink = false;
      const { leaving } = this;
      this.leaving = undefined;
      if (leaving) this.finish(leaving);
      this.replenish();
      this.pump();
    });
  }

  // ---- receiving

  /** One K-frame. */
  receive(view: DataView, start: number, length: number): void {
    if (this.state !== "open") return;
    const { mps, mtu } = this.parameters;
    if (length > mps) return this.violate(`sent a frame of ${length} bytes, above the MPS of ${mps}`);
    if (this.given === 0) return this.violate("sent a frame without a credit");
    this.given--;
    let sdu = this.arriving;
    let from = start;
    let count = length;
    if (!sdu) {
      if (length < SDU_LENGTH) return this.violate("sent the beginning of an SDU without its length");
      const total = view.getUint16(start, true);
      if (total > mtu) return this.violate(`sent an SDU of ${total} bytes, above the MTU of ${mtu}`);
      from += SDU_LENGTH;
      count -= SDU_LENGTH;
      sdu = { bytes: new Uint8Array(total), filled: 0, read: 0, frames: 0 };
      this.arriving = sdu;
    }
    const filled = sdu.filled + count;
    const { bytes } = sdu;
    if (filled > bytes.length)
      return this.violate(`sent ${filled} bytes of an SDU that it announced as ${bytes.length}`);
    if (count > 0) copyInto(bytes, sdu.filled, view, from, count);
    sdu.filled = filled;
    sdu.frames++;
    if (filled === bytes.length) {
      sdu.frames = framesOf(filled, mps);
      this.arriving = undefined;
      this.held += sdu.frames;
      this.arrived.push(sdu);
      this.owner?.onReceived();
    }
    if (this.given === 0) this.replenish();
  }

  private violate(what: string): void {
    this.port.onViolation(this, what);
  }

  /** Bytes of the oldest SDU that have not been read; undefined when none has arrived. */
  get readable(): number | undefined {
    const sdu = this.arrived[0];
    return sdu && sdu.bytes.length - sdu.read;
  }

  /** Bytes that have arrived in whole SDUs and have not been read. */
  get unread(): number {
    return this.arrived.reduce((sum, { bytes, read }) => sum + bytes.length - read, 0);
  }

  /** Takes the oldest SDU, or what is left of it. One has arrived. */
  read(): Uint8Array {
    const { bytes, read } = this.arrived[0]!;
    this.release();
    return read === 0 ? bytes : bytes.slice(read);
  }

  /** Copies from the oldest SDU, and leaves what `target` has no room for. Returns how many bytes. One has arrived. */
  readInto(target: Uint8Array): number {
    const sdu = this.arrived[0]!;
    const { bytes, read } = sdu;
    const count = Math.min(target.length, bytes.length - read);
    if (count > 0) copyInto(target, 0, viewOf(bytes), read, count);
    sdu.read = read + count;
    if (sdu.read === bytes.length) this.release();
    return count;
  }

  /** The oldest SDU has been read. */
  private release(): void {
    this.held -= this.arrived.shift()!.frames;
    if (this.state === "open") this.replenish();
    else if (this.arrived.length === 0) this.port.onDrained(this);
  }

  /**
   * Gives back what is free: half of all at a time, or whatever there is when the peer has nothing. Frames of the SDU that is
   * arriving take no more room than their bytes, however short they are.
   */
  private replenish(): void {
    if (this.state !== "open") return;
    const { given, arriving } = this;
    const { credits, mps } = this.parameters;
    const taken = arriving ? Math.min(arriving.frames, framesOf(arriving.bytes.length, mps)) : 0;
    const free = credits - given - this.held - taken;
    if (free <= 0 || (given > 0 && free * 2 < credits)) return;
    const { acl, link } = this.port;
    // Credits that found no room would be lost for ever.
    if (!acl.takes(link, CREDITS_LENGTH)) return this.awaitLink();
    this.given = given + free;
    this.port.giveCredits(this, free);
  }

  // ---- the end

  /** Ends it, unless it has ended; the owner is told once the peer has confirmed it, or did not in time. */
  close(): void {
    this.port.close(this);
  }

  /** For the link: nothing is sent or received any more. What has arrived in whole SDUs can still be read. */
  end(): void {
    this.outgoing = [];
    this.leaving = undefined;
    this.arriving = undefined;
  }

  /** Drops what has arrived and was not read. */
  discard(): void {
    this.arrived.length = 0;
    this.held = 0;
    if (this.state === "closed") this.port.onDrained(this);
  }
}
