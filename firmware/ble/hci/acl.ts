/**
 * ACL data towards the controller: fragmentation, the controller's buffer credits (Vol 4, Part E, 4.1.1) and the only
 * queue on the way out.
 *
 * An outgoing packet is put together in place: each layer writes its header into `header` at its own offset, just
 * before the transport gathers header and payload. Nothing may be called in between that sends something else.
 */

import type { HciTransport, LogLevel } from "../../platform/platform.ts";
import { viewOf } from "../codec.ts";
import { H4_ACL } from "./packet.ts";

/** Offset of the L2CAP header in `header`: H4 indicator, handle and flags, length (Vol 4, Part E, 5.4.2). */
export const L2CAP_OFFSET = 5;
/** Offset of the L2CAP payload in `header`: after length and channel id (Vol 3, Part A, 3.1). */
export const PDU_OFFSET = L2CAP_OFFSET + 4;
/** Bytes that a layer above L2CAP may put into `header`; the rest travels as payload. */
export const PDU_HEADER_MAX = 16;

/** Packet_Boundary_Flag, host to controller: first, non-automatically-flushable (Vol 4, Part E, 5.4.2). */
const FIRST = 0x0000;
/** Packet_Boundary_Flag: continuing fragment. */
const CONTINUING = 0x1000;

/** PDUs that one link may have waiting; more is the caller's to hold back. */
export const QUEUE_LIMIT = 32;
/**
 * Room beyond it for answers. A peer that keeps to one request at a time never needs more; one that asks on without
 * taking answers would fill the memory.
 */
const ANSWER_RESERVE = 8;

interface QueuedPdu {
  /** ACL and L2CAP headers' room, then the L2CAP frame. */
  readonly packet: Uint8Array;
  /** Bytes of the frame handed to the controller so far. */
  sent: number;
  /** Called when the last byte was handed to the transport; never when the link ends before. */
  onSent: (() => void) | undefined;
}

/** Somebody who waits until the controller has completed what was sent up to then. */
interface CompletionWait {
  /** Packets to be completed. */
  packets: number;
  readonly callback: () => void;
}

/** The sending side of one connection. */
export class AclLink {
  readonly handle: number;
  /** Packets that the controller holds. */
  inController = 0;
  readonly queue: QueuedPdu[] = [];
  readonly completions: CompletionWait[] = [];

  constructor(handle: number) {
    this.handle = handle;
  }

  /** Calls `callback` when the PDU that was queued last has left for the controller. */
  whenSent(callback: () => void): void {
    const last = this.queue[this.queue.length - 1];
    if (!last) return callback();
    const earlier = last.onSent;
    last.onSent = earlier
      ? () => {
          earlier();
          callback();
        }
      : callback;
  }
}

/** What the ACL layer is handed. */
export interface AclPort {
  readonly transport: HciTransport;
  log(level: LogLevel, message: string): void;
}

export class Acl {
  /** Where headers are written: `PDU_OFFSET` and up for layers above L2CAP. */
  readonly header = new Uint8Array(PDU_OFFSET + PDU_HEADER_MAX);
  readonly headerView = viewOf(this.header);
  private readonly port: AclPort;
  private readonly links = new Map<number, AclLink>();
  private packetLength = 27;
  private buffers = 1;
  private credits = 1;
  /** Length of the frame whose headers stand in `header`, 0 when they are those of a fragment. */
  private standing = 0;
  /** Frames that found a link's queue full, the reserve included. */
  dropped = 0;

  constructor(port: AclPort) {
    this.port = port;
  }

  /** Takes over the controller's figures: bytes of data a packet may hold and packets it can hold; forgets all links. */
  start(packetLength: number, buffers: number): void {
    this.packetLength = packetLength;
    this.buffers = buffers;
    this.credits = buffers;
    this.links.clear();
  }

  /** Adds a connection. A handle that the controller uses again replaces the old one. */
  open(handle: number): AclLink {
    const stale = this.links.get(handle);
    if (stale) this.close(stale);
    const link = new AclLink(handle);
    this.links.set(handle, link);
    return link;
  }

  /** Removes a connection: what it had in the controller counts as completed (Vol 4, Part E, 4.3). */
  close(link: AclLink): void {
    if (this.links.get(link.handle) !== link) return;
    this.links.delete(link.handle);
    this.credits = Math.min(this.buffers, this.credits + link.inController);
    link.inController = 0;
    link.queue.length = 0;
    link.completions.length = 0;
    this.drain();
  }

  /**
   * Calls `callback` when the controller has completed everything that was sent or queued on this link up to now: the
   * peer has it (Vol 4, Part E, 7.7.19). Never when the link ends before. The returned function withdraws the wait.
   */
  whenCompleted(link: AclLink, callback: () => void): () => void {
    let packets = link.inController;
    for (const { packet, sent } of link.queue) {
      packets += Math.ceil((packet.length - L2CAP_OFFSET - sent) / this.packetLength);
    }
    const wait = { packets, callback };
    if (packets === 0) callback();
    else link.completions.push(wait);
    return () => {
      const at = link.completions.indexOf(wait);
      if (at >= 0) link.completions.splice(at, 1);
    };
  }

  /**
   * Sends an L2CAP frame: `headerLength` bytes of `header` from `L2CAP_OFFSET`, then `payload[start..end)`. Goes out at
   * once when the controller has room; else a copy waits in the link's queue (see `AclLink.whenSent`) and the result is
   * false. A frame that finds the queue and its reserve full is dropped and counted.
   */
  send(
    link: AclLink,
    headerLength: number,
    payload?: Uint8Array,
    start = 0,
    end = payload ? payload.length : 0,
  ): boolean {
    const length = headerLength + end - start;
    if (length <= this.packetLength && link.queue.length === 0 && this.mayTransmit(link)) {
      const view = this.headerView;
      view.setUint8(0, H4_ACL);
      view.setUint16(1, link.handle | FIRST, true);
      view.setUint16(3, length, true);
      if (this.port.transport.write(this.header, L2CAP_OFFSET + headerLength, payload, start, end)) {
        this.credits--;
        link.inController++;
        this.standing = length;
        return true;
      }
    }
    if (link.queue.length >= QUEUE_LIMIT + ANSWER_RESERVE) {
      this.dropped++;
      return false;
    }
    const packet = new Uint8Array(L2CAP_OFFSET + length);
    packet.set(this.header.subarray(0, L2CAP_OFFSET + headerLength));
    if (payload) packet.set(payload.subarray(start, end), L2CAP_OFFSET + headerLength);
    link.queue.push({ packet, sent: 0, onSent: undefined });
    this.drain();
    return link.queue.length === 0;
  }

  /**
   * Sends on another link what `send` has just sent at once: its headers stand still, all but the handle. The caller has to
   * know that nothing else was sent since. False, and nothing is sent, when the length differs or it cannot leave at once.
   */
  repeat(link: AclLink, headerLength: number, payload: Uint8Array, end: number): boolean {
    if (headerLength + end !== this.standing || link.queue.length > 0 || !this.mayTransmit(link))
      return false;
    this.headerView.setUint16(1, link.handle | FIRST, true);
    if (!this.port.transport.write(this.header, L2CAP_OFFSET + headerLength, payload, 0, end)) return false;
    this.credits--;
    link.inController++;
    return true;
  }

  /** Number Of Completed Packets (Vol 4, Part E, 7.7.19). Wrong handles and counts are noted and change nothing. */
  completed(packet: DataView): void {
    const count = packet.byteLength > 3 ? packet.getUint8(3) : 0;
    for (let index = 0; index < count && 8 + index * 4 <= packet.byteLength; index++) {
      const link = this.links.get(packet.getUint16(4 + index * 4, true) & 0x0fff);
      if (!link) continue; // Reported after the disconnection: already counted by close().
      let done = packet.getUint16(6 + index * 4, true);
      if (done > link.inController) {
        this.port.log(
          "warning",
          `hci: the controller completed ${done} packets on handle ${link.handle}, ${link.inController} were sent`,
        );
        done = link.inController;
      }
      link.inController -= done;
      this.credits += done;
      if (link.completions.length > 0) settleCompletions(link, done);
    }
    this.drain();
  }

  /** Sends what waits, the links taking turns, until the controller or the transport is full. */
  drain(): void {
    let progress = true;
    while (progress && this.credits > 0) {
      progress = false;
      for (const link of this.links.values()) {
        if (link.queue.length > 0 && this.mayTransmit(link) && this.transmitFragment(link)) progress = true;
      }
    }
  }

  /** A link that is out of range must not take every buffer: one stays free for each of the others. */
  private mayTransmit(link: AclLink): boolean {
    const share = Math.max(1, this.buffers - (this.links.size - 1));
    return this.credits > 0 && link.inController < share;
  }

  /** To the end of the line: `drain` goes through the links in their order. */
  private yieldTurn(link: AclLink): void {
    if (this.links.size < 2) return;
    this.links.delete(link.handle);
    this.links.set(link.handle, link);
  }

  private transmitFragment(link: AclLink): boolean {
    const pdu = link.queue[0]!;
    this.standing = 0;
    const frameLength = pdu.packet.length - L2CAP_OFFSET;
    const length = Math.min(this.packetLength, frameLength - pdu.sent);
    const view = this.headerView;
    view.setUint8(0, H4_ACL);
    view.setUint16(1, link.handle | (pdu.sent === 0 ? FIRST : CONTINUING), true);
    view.setUint16(3, length, true);
    const from = L2CAP_OFFSET + pdu.sent;
    if (!this.port.transport.write(this.header, L2CAP_OFFSET, pdu.packet, from, from + length)) return false;
    this.credits--;
    link.inController++;
    this.yieldTurn(link);
    pdu.sent += length;
    if (pdu.sent === frameLength) {
      link.queue.shift();
      if (pdu.onSent) pdu.onSent();
    }
    return true;
  }
}

/** Packets of a link are completed in order, and so are the waits for them. */
function settleCompletions({ completions }: AclLink, done: number): void {
  for (const wait of completions) wait.packets -= done;
  while (completions.length > 0 && completions[0]!.packets <= 0) completions.shift()!.callback();
}
