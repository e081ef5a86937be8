/**
 * One credit-based channel (Vol 3, Part A, 3.4.3 and 10.1): SDUs in K-frames, each of which costs its sender a credit. What
 * arrives is for sdu-inbox.ts; what has to do with opening and closing a channel is in link-channels.ts.
 */
import type { CopyBytes } from "../../platform/platform.ts";
import { type Acl, type AclLink, L2CAP_OFFSET, PDU_OFFSET } from "../hci/acl.ts";
import { type ChannelParameters, CREDITS_MAX, costOf, SDU_LENGTH } from "./channel-parameters.ts";
import type { CloseReason } from "./channel-results.ts";
import { type InboxPort, SduInbox } from "./sdu-inbox.ts";

/** Length and channel identifier (Vol 3, Part A, 3.1). */
const HEADER_LENGTH = PDU_OFFSET - L2CAP_OFFSET;

/** Longest K-frame that is sent: what a link keeps of one while its controller is busy is bounded by it. */
const SENT_MPS_MAX = 512;

/** Bytes of a Flow Control Credit Indication with its headers. */
const CREDITS_LENGTH = 12;

/** Notified of what happens to a channel. */
export interface ChannelOwner {
  /** An SDU is there to be read. */
  onReceived(): void;
  /** All that was given to `send` has left for the controller, or was withdrawn. */
  onIdle(): void;
  /** Once: the channel is not open any more. What has arrived can still be read. */
  onClosed(reason: CloseReason): void;
}

/** Why a change was not asked for: an earlier one is not over, there is no memory for it, or too many requests are open. */
export type ReconfigurationRefusal = "changing" | "memory" | "requests";

/** What becomes of a change that this side asks for; exactly one is called, once. */
export interface ReconfigurationHandlers {
  /** The peer knows, and the new figures hold. */
  onChanged(): void;
  /** The peer refused: the old figures hold. `result` is that of its response, undefined when it does not know the command. */
  onRefused(result: number | undefined): void;
  /** There was no response in time, or the link ended: frames of either figures are taken. */
  onFailed(reason: "timeout" | "closed"): void;
}

/** What a channel asks of the link that it is on. */
export interface ChannelLink {
  readonly acl: Acl;
  readonly link: AclLink;
  readonly copyBytes: CopyBytes;
  /** Sends the peer credits (Vol 3, Part A, 4.24). */
  giveCredits(channel: CreditChannel, credits: number): void;
  /** The peer broke a rule: ends the channel. `what` says which, as in "sent a frame without a credit". */
  onViolation(channel: CreditChannel, what: string): void;
  /** Asks the peer to agree to other figures: see `Reconfigurations.begin`. */
  reconfigure(
    channel: CreditChannel,
    parameters: ChannelParameters,
    handlers: ReconfigurationHandlers,
  ): ReconfigurationRefusal | undefined;
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

/** The other side's figures. */
export interface PeerParameters {
  readonly cid: number;
  readonly mtu: number;
  readonly mps: number;
  readonly credits: number;
}

export class CreditChannel implements InboxPort {
  // Those first that every K-frame needs: the engine finds them soonest.
  private outgoing: Outgoing[] = [];
  /** Takes the K-frames that arrive. */
  readonly receiver: SduInbox;
  private awaitsLink = false;
  readonly cid: number;
  readonly spsm: number;
  /** What this side takes. */
  parameters: ChannelParameters;
  /** Bytes that are set aside for what it takes, item by item. */
  readonly reserved: number[];
  readonly isEnhanced: boolean;
  owner: ChannelOwner | undefined = undefined;
  state: "open" | "closing" | "closed" = "open";
  readonly peerCid: number;
  /** Longest SDU and K-frame that the peer takes. */
  peerMtu: number;
  peerMps: number;
  /** Longest K-frame that is sent. */
  private framePayload: number;
  private readonly port: ChannelLink;
  private readonly header: DataView;

  /** K-frames that the peer takes. */
  private peerCredits: number;
  /** Its last K-frame waits in the queue of the link. */
  private leaving: Outgoing | undefined = undefined;

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
    this.reserved = [costOf(parameters)];
    this.isEnhanced = isEnhanced;
    this.peerCid = peer.cid;
    this.peerMtu = peer.mtu;
    this.peerMps = peer.mps;
    this.framePayload = Math.min(peer.mps, SENT_MPS_MAX);
    this.peerCredits = peer.credits;
    this.receiver = new SduInbox(parameters, port.copyBytes, this);
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

  /**
   * Asks the peer to agree that this side takes other figures: see `Reconfigurations.begin`.
   * @param parameters of `reconfiguredOf`; the channel is an enhanced one and open.
   */
  requestReconfiguration(
    parameters: ChannelParameters,
    handlers: ReconfigurationHandlers,
  ): ReconfigurationRefusal | undefined {
    return this.port.reconfigure(this, parameters, handlers);
  }

  /** This side takes SDUs and K-frames of these figures until the peer has agreed to those that it was asked for, or not. */
  takeUntilAnswered(figures: ChannelParameters): void {
    this.receiver.reconfigure(figures);
  }

  /** This side takes these figures from now on. */
  reconfigure(parameters: ChannelParameters): void {
    this.parameters = parameters;
    this.receiver.reconfigure(parameters);
  }

  /** The peer takes other SDUs and K-frames from now on (Vol 3, Part A, 4.27). */
  reconfigurePeer(mtu: number, mps: number): void {
    this.peerMtu = mtu;
    this.peerMps = mps;
    this.framePayload = Math.min(mps, SENT_MPS_MAX);
  }

  private pump(): void {
    if (this.awaitsLink || this.state !== "open") return;
    const { acl, link } = this.port;
    const { header, peerCid } = this;
    for (let item = this.outgoing[0]; item && this.peerCredits > 0; item = this.outgoing[0]) {
      if (link.queued > 0 && !acl.takes(link, this.framePayload)) return this.awaitLink();
      const from = item.at;
      let to = from + this.framePayload;
      let length = HEADER_LENGTH;
      if (from === item.sduEnd) {
        // The first K-frame of an SDU.
        const sduEnd = Math.min(item.end, from + item.chunk);
        item.sduEnd = sduEnd;
        header.setUint16(PDU_OFFSET, sduEnd - from, true);
        length += SDU_LENGTH;
        to -= SDU_LENGTH;
      }
      if (to > item.sduEnd) to = item.sduEnd;
      header.setUint32(L2CAP_OFFSET, (length - HEADER_LENGTH + to - from) | (peerCid << 16), true);
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
      this.receiver.replenish();
      this.pump();
    });
  }

  // ---- receiving

  /** Bytes of the oldest SDU that have not been read; undefined when none has arrived. */
  get readable(): number | undefined {
    return this.receiver.readable;
  }

  /** Bytes that have arrived in whole SDUs and have not been read. */
  get unread(): number {
    return this.receiver.unread;
  }

  /** What the SDUs cost that have arrived and have not been read to their ends, overheads included. */
  get unreadCost(): number {
    return this.receiver.unreadCost;
  }

  /** Takes the oldest SDU, or what is left of it. One has arrived. */
  read(): Uint8Array {
    const bytes = this.receiver.read();
    this.checkDrained();
    return bytes;
  }

  /** Copies from the oldest SDU, and leaves what `target` has no room for. Returns how many bytes. One has arrived. */
  readInto(target: Uint8Array): number {
    const count = this.receiver.readInto(target);
    this.checkDrained();
    return count;
  }

  private checkDrained(): void {
    if (this.state === "closed" && this.receiver.readable === undefined) this.port.onDrained(this);
  }

  /** For the inbox. */
  onReceived(): void {
    this.owner?.onReceived();
  }

  /** For the inbox. */
  onViolation(what: string): void {
    this.port.onViolation(this, what);
  }

  /** For the inbox. */
  giveCredits(credits: number): boolean {
    const { acl, link } = this.port;
    // Credits that found no room would be lost for ever.
    if (link.queued > 0 && !acl.takes(link, CREDITS_LENGTH)) {
      this.awaitLink();
      return false;
    }
    this.port.giveCredits(this, credits);
    return true;
  }

  // ---- the end

  /** Ends it, unless it has ended; the owner is notified once the peer has confirmed it, or did not in time. */
  close(): void {
    this.port.close(this);
  }

  /** For the link: nothing is sent or received any more. What has arrived in whole SDUs can still be read. */
  end(): void {
    this.outgoing = [];
    this.leaving = undefined;
    this.receiver.close();
  }

  /** Drops what has arrived and was not read. */
  discard(): void {
    this.receiver.discard();
    this.checkDrained();
  }
}
