/**
 * ACL data of every link: what arrives goes to the link that has the handle; what is sent is fragmented, waits for the
 * controller's buffer credits (Vol 4, Part E, 4.1.1), and until then in the only queue on the way out.
 *
 * An outgoing packet is put together in place: each layer writes its header into `header` at its own offset, in one
 * access, just before the transport gathers header and payload. Nothing may be called in between that sends something
 * else.
 */

import type { HciTransport, LogLevel } from "../../platform/platform.ts";
import { viewOf } from "../codec.ts";
import { H4_ACL } from "./packet.ts";

/** Offset of the L2CAP header in `header`: H4 indicator, handle and flags, length (Vol 4, Part E, 5.4.2). */
export const L2CAP_OFFSET = 5;
/** Offset of the L2CAP payload in `header`: after length and channel id (Vol 3, Part A, 3.1). */
export const PDU_OFFSET = L2CAP_OFFSET + 4;
/** Bytes that a layer above L2CAP may put into `header`; the rest travels as payload. */
export const PDU_HEADER_MAX = 8;

/**
 * Packet_Boundary_Flag of a continuing fragment (Vol 4, Part E, 5.4.2). Of a first one the flag is 0 towards the
 * controller: not flushed by itself.
 */
export const CONTINUING = 0b01;

/** PDUs that one link may have waiting; more is the caller's to hold back. */
export const QUEUE_LIMIT = 32;
/**
 * Room beyond it for answers. A peer that keeps to one request at a time never needs more; one that asks on without
 * taking answers would fill the memory.
 */
const ANSWER_RESERVE = 8;

interface QueuedPdu {
  /** The frame behind the header of its first packet. */
  readonly packet: Uint8Array;
  /** Bytes of the frame handed to the controller so far. */
  sent: number;
  /** Called when the last byte was handed to the transport; never when the link ends before. */
  onSent: (() => void) | undefined;
  next: QueuedPdu | undefined;
}

/** Somebody who waits until the controller has completed what was sent up to then. */
interface CompletionWait {
  /** Packets to be completed. */
  packets: number;
  readonly callback: () => void;
}

/** Takes what arrives on one link. */
export interface AclReceiver {
  /** The data of one packet: `length` bytes after its header, and its Packet_Boundary_Flag. */
  receive(packet: DataView, boundary: number, length: number): void;
}

/** One connection. Links and what waits on them are linked lists: short, and quicker to walk than what iterates. */
export class AclLink {
  readonly handle: number;
  receiver: AclReceiver | undefined = undefined;
  /** Packets that the controller holds. */
  inController = 0;
  /** PDUs that wait. */
  queued = 0;
  first: QueuedPdu | undefined = undefined;
  private last: QueuedPdu | undefined = undefined;
  /** Waits in their order. */
  readonly completions: CompletionWait[] = [];
  /** The next link in line. */
  next: AclLink | undefined = undefined;

  constructor(handle: number) {
    this.handle = handle;
  }

  /** Adds a packet to the queue. */
  push(packet: Uint8Array): void {
    const pdu: QueuedPdu = { packet, sent: 0, onSent: undefined, next: undefined };
    if (this.last) this.last.next = pdu;
    else this.first = pdu;
    this.last = pdu;
    this.queued++;
  }

  /** Takes the first PDU out of the queue. */
  shift(): void {
    this.first = this.first!.next;
    if (!this.first) this.last = undefined;
    this.queued--;
  }

  /** Nothing waits any longer. */
  clear(): void {
    this.first = undefined;
    this.last = undefined;
    this.queued = 0;
    this.completions.length = 0;
  }

  /** Calls `callback` when the PDU that was queued last has left for the controller. */
  whenSent(callback: () => void): void {
    const { last } = this;
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
  private readonly transport: HciTransport;
  private readonly port: AclPort;
  /** The link whose turn it is; the others follow. */
  private first: AclLink | undefined = undefined;
  /** Links. */
  private count = 0;
  private packetLength = 27;
  private buffers = 1;
  private credits = 1;
  /** Packets that one link may have in the controller. */
  private share = 1;
  /** Frames that found a link's queue full, the reserve included. */
  dropped = 0;

  constructor(port: AclPort) {
    this.transport = port.transport;
    this.port = port;
    this.headerView.setUint8(0, H4_ACL);
  }

  /** Takes over the controller's figures: bytes of data a packet may hold and packets it can hold; forgets all links. */
  start(packetLength: number, buffers: number): void {
    this.packetLength = packetLength;
    this.buffers = buffers;
    this.credits = buffers;
    this.first = undefined;
    this.count = 0;
    this.divide();
  }

  /** A link that is out of range must not take every buffer: one stays free for each of the others. */
  private divide(): void {
    this.share = Math.max(1, this.buffers - (this.count - 1));
  }

  private find(handle: number): AclLink | undefined {
    let link = this.first;
    while (link && link.handle !== handle) link = link.next;
    return link;
  }

  private append(link: AclLink): void {
    link.next = undefined;
    if (!this.first) this.first = link;
    else {
      let last = this.first;
      while (last.next) last = last.next;
      last.next = link;
    }
  }

  private remove(link: AclLink): void {
    if (this.first === link) this.first = link.next;
    for (let before = this.first; before; before = before.next) {
      if (before.next === link) before.next = link.next;
    }
  }

  /** Adds a connection. A handle that the controller uses again replaces the old one. */
  open(handle: number): AclLink {
    const stale = this.find(handle);
    if (stale) this.close(stale);
    const link = new AclLink(handle);
    this.append(link);
    this.count++;
    this.divide();
    return link;
  }

  /** Removes a connection: what it had in the controller counts as completed (Vol 4, Part E, 4.3). */
  close(link: AclLink): void {
    if (this.find(link.handle) !== link) return;
    this.remove(link);
    this.count--;
    this.divide();
    this.credits = Math.min(this.buffers, this.credits + link.inController);
    link.inController = 0;
    link.clear();
    this.drain();
  }

  /** One packet from the controller, H4 indicator first. False when it is malformed; data for no link is dropped. */
  receive(packet: DataView): boolean {
    const length = packet.byteLength - L2CAP_OFFSET;
    if (length < 0) return false;
    const header = packet.getUint32(1, true);
    if (header >>> 16 !== length) return false;
    const receiver = this.find(header & 0x0fff)?.receiver;
    if (receiver) receiver.receive(packet, (header >> 12) & 0b11, length);
    return true;
  }

  /**
   * Calls `callback` when the controller has completed everything that was sent or queued on this link up to now: the
   * peer has it (Vol 4, Part E, 7.7.19). Never when the link ends before. The returned function withdraws the wait.
   */
  whenCompleted(link: AclLink, callback: () => void): () => void {
    let packets = link.inController;
    for (let pdu = link.first; pdu; pdu = pdu.next) {
      packets += Math.ceil((pdu.packet.length - L2CAP_OFFSET - pdu.sent) / this.packetLength);
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
   * Sends an L2CAP frame: `headerLength` bytes of `header` from `L2CAP_OFFSET`, then `payload[start..end)`.
   * Of `header` only the bytes before `L2CAP_OFFSET` change, so that the same frame can go out on another link next.
   * Goes out at once when the controller has room; else a copy waits in the link's queue (see `AclLink.whenSent`) and the
   * result is false. A frame that finds the queue and its reserve full is dropped and counted.
   */
  send(link: AclLink, headerLength: number, payload: Uint8Array, start: number, end: number): boolean {
    const length = headerLength + end - start;
    const fits = length <= this.packetLength;
    this.headerView.setUint32(1, link.handle | ((fits ? length : this.packetLength) << 16), true);
    if (
      fits &&
      link.queued === 0 &&
      this.credits > 0 &&
      link.inController < this.share &&
      this.transport.write(this.header, L2CAP_OFFSET + headerLength, payload, start, end)
    ) {
      this.credits--;
      link.inController++;
      return true;
    }
    if (link.queued >= QUEUE_LIMIT + ANSWER_RESERVE) {
      this.dropped++;
      return false;
    }
    link.push(this.gather(L2CAP_OFFSET + headerLength, payload, start, end));
    // A frame that fits has met the obstacle already.
    if (!fits) this.drain();
    return link.queued === 0;
  }

  /** The header that stands, and a payload. */
  private gather(headerLength: number, payload: Uint8Array, start: number, end: number): Uint8Array {
    const packet = new Uint8Array(headerLength + end - start);
    // The payload overwrites what the header buffer has too much.
    packet.set(packet.length < this.header.length ? this.header.subarray(0, headerLength) : this.header);
    packet.set(end - start < payload.length ? payload.subarray(start, end) : payload, headerLength);
    return packet;
  }

  /** Number Of Completed Packets (Vol 4, Part E, 7.7.19). Wrong handles and counts are noted and change nothing. */
  completed(packet: DataView): void {
    const length = packet.byteLength;
    const count = length > 3 ? packet.getUint8(3) : 0;
    for (let index = 0; index < count && 8 + index * 4 <= length; index++) {
      const entry = packet.getUint32(4 + index * 4, true);
      const link = this.find(entry & 0x0fff);
      if (!link) continue; // Reported after the disconnection: already counted by close().
      let done = entry >>> 16;
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
    for (let link = this.first; link && this.credits > 0; ) {
      if (link.queued > 0 && link.inController < this.share && this.transmitFragment(link)) {
        // To the end of the line.
        if (this.count > 1) {
          this.remove(link);
          this.append(link);
        }
        link = this.first;
      } else link = link.next;
    }
  }

  private transmitFragment(link: AclLink): boolean {
    const pdu = link.first!;
    const { packet, sent } = pdu;
    const rest = packet.length - L2CAP_OFFSET - sent;
    const length = Math.min(rest, this.packetLength);
    const taken =
      sent === 0
        ? this.transport.write(packet, L2CAP_OFFSET + length)
        : this.transmitContinuing(link, length);
    if (!taken) return false;
    this.credits--;
    link.inController++;
    pdu.sent += length;
    if (length === rest) {
      link.shift();
      if (pdu.onSent) pdu.onSent();
    }
    return true;
  }

  private transmitContinuing({ handle, first }: AclLink, length: number): boolean {
    this.headerView.setUint32(1, handle | (CONTINUING << 12) | (length << 16), true);
    const from = L2CAP_OFFSET + first!.sent;
    return this.transport.write(this.header, L2CAP_OFFSET, first!.packet, from, from + length);
  }
}

/** Packets of a link are completed in order, and so are the waits for them. */
function settleCompletions({ completions }: AclLink, done: number): void {
  for (const wait of completions) wait.packets -= done;
  while (completions.length > 0 && completions[0]!.packets <= 0) completions.shift()!.callback();
}
