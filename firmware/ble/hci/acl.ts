/**
 * ACL data of every link: what arrives goes to the link that has the handle; what is sent is fragmented, waits for the
 * controller's buffer credits (Vol 4, Part E, 4.1.1), and until then in the only queue on the way out.
 *
 * An outgoing packet is put together in place: each layer writes its header into `header` at its own offset, in one
 * access, just before the transport gathers header and payload. Nothing may be called in between that sends something
 * else.
 */

import type { HciTransport, LogLevel } from "../../platform/platform.ts";
import { Budget } from "../budget.ts";
import { viewOf } from "../codec.ts";
import { AclLink, newPdu, type QueuedPdu, SPARE_MAX, settleCompletions } from "./acl-link.ts";
import { H4_ACL } from "./packet.ts";

export { AclLink, type AclReceiver } from "./acl-link.ts";

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
/** PDUs that each link may have waiting, whatever the others have. */
export const QUEUE_SHARE = 8;
/** PDUs of all links that wait when no link may have more than its share, so that several silent peers do not fill the memory. */
export const QUEUE_LIMIT_ALL = 64;
/**
 * Room beyond it for answers. A peer that keeps to one request at a time never needs more; one that asks on without
 * taking answers would fill the memory.
 */
const ANSWER_RESERVE = 8;
/**
 * PDUs of a link that wait beyond its share of the budget: an answer and an indication, and of our client a request and a
 * confirmation. Whoever keeps to one transaction at a time never has more.
 */
const BEYOND_MAX = 4;
/** Bytes of its share that a link keeps for what it sends: notifications alone do not refuse it a long write. */
const WRITE_RESERVE = 768;

/** What the ACL layer is handed. */
export interface AclPort {
  readonly transport: HciTransport;
  /** What the links may keep together; left out, there is no bound but their numbers. */
  readonly budget?: Budget;
  /** The controller holds data of a link whose `isWatched` is false. */
  onUnwatched?(link: AclLink): void;
  /** Data came from the controller for a link that there is not. */
  onStray?(handle: number): void;
  log(level: LogLevel, message: string): void;
}

export class Acl {
  /** Where headers are written: `PDU_OFFSET` and up for layers above L2CAP. */
  readonly header = new Uint8Array(PDU_OFFSET + PDU_HEADER_MAX);
  readonly headerView = viewOf(this.header);
  private readonly transport: HciTransport;
  private packetLength = 27;
  private credits = 1;
  private isDraining = false;
  /** Packets of one link that need no look at what the others have in the controller: one, or more when it is alone. */
  private unshared = 1;
  /** The link whose turn it is; the others follow. */
  private first: AclLink | undefined = undefined;
  /** Links. */
  private count = 0;
  private buffers = 1;
  /** Packets that one link may have in the controller, whatever the others have there. */
  private guaranteed = 1;
  private mostLinks = 0;
  /** Buffers that are kept for links that may yet come. */
  private kept = 0;
  private readonly port: AclPort;
  private readonly budget: Budget;
  /** Frames that found a link's queue full, the reserve included. */
  dropped = 0;

  constructor(port: AclPort) {
    this.transport = port.transport;
    this.port = port;
    this.budget = port.budget ?? new Budget(Number.MAX_SAFE_INTEGER, port);
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

  /** Links that may be up at a time: those that are not yet will find a buffer. */
  set places(places: number) {
    this.mostLinks = places;
    this.divide();
  }

  /**
   * Half of the buffers is divided among the links. One is kept for each link that may yet come, of half of the buffers at
   * most: whoever is connected may keep what he has for as long as he likes.
   */
  private divide(): void {
    const { buffers, count } = this;
    this.guaranteed = Math.max(1, Math.floor(buffers / (2 * count)));
    this.kept = Math.max(0, Math.min(this.mostLinks - count, Math.floor(buffers / 2)));
    this.unshared = count < 2 ? buffers - this.kept : 1;
  }

  /**
   * Whether a link may have one more packet in the controller, where there is a credit. The first one always; then as many
   * as it is guaranteed, if each other link is left its first; then more, if each other link is left what it is guaranteed.
   * So links out of range, however many, hold up nobody, whoever came first.
   */
  private mayHaveMore(link: AclLink): boolean {
    const each = link.inController < this.guaranteed ? 1 : this.guaranteed;
    let left = this.credits - this.kept;
    for (let other = this.first; other; other = other.next) {
      if (other !== link && other.inController < each) left -= each - other.inController;
    }
    return left > 0;
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
    // Whoever keeps a link that has ended would keep all that came after it.
    link.next = undefined;
  }

  /** Adds a connection. A handle that the controller uses again replaces the old one. */
  open(handle: number): AclLink {
    const stale = this.find(handle);
    if (stale) this.close(stale);
    const link = new AclLink(handle, this.budget.account(handle));
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
    let pdu = link.first;
    link.first = link.last = link.completions = undefined;
    link.queued = 0;
    this.drain();
    link.beyond = 0;
    for (let each = pdu; each; each = each.next) link.account.give(each.end);
    for (; pdu; pdu = pdu.next) pdu.onLost?.(link.lossReason?.());
    // Whoever keeps the link keeps nothing of those whom it served.
    link.receiver = link.lossReason = link.spare = undefined;
  }

  /** One packet from the controller, H4 indicator first. False when it is malformed; data for no link is dropped. */
  receive(packet: DataView, packetLength = packet.byteLength): boolean {
    const length = packetLength - L2CAP_OFFSET;
    if (length < 0) return false;
    const header = packet.getUint32(1, true);
    if (header >>> 16 !== length) return false;
    const handle = header & 0x0fff;
    let link = this.first;
    while (link && link.handle !== handle) link = link.next;
    const receiver = link?.receiver;
    if (receiver) receiver.receive(packet, (header >> 12) & 0b11, length);
    else if (!link) this.port.onStray?.(handle);
    return true;
  }

  /**
   * Calls `callback` when the controller has completed everything that was sent or queued on this link up to now: the
   * peer has it (Vol 4, Part E, 7.7.19). Never when the link ends before. The returned function withdraws the wait.
   */
  whenCompleted(link: AclLink, callback: () => void): () => void {
    let packets = link.inController;
    for (let pdu = link.first; pdu; pdu = pdu.next) {
      packets += Math.ceil((pdu.end - L2CAP_OFFSET - pdu.sent) / this.packetLength);
    }
    return link.awaitCompletion(packets, callback);
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
      (link.inController < this.unshared || (this.count > 1 && this.mayHaveMore(link))) &&
      this.transport.write(this.header, L2CAP_OFFSET + headerLength, payload, start, end)
    ) {
      this.credits--;
      link.inController++;
      if (!link.isWatched) this.port.onUnwatched?.(link);
      return true;
    }
    const queued = link.queued;
    if (queued >= QUEUE_LIMIT + ANSWER_RESERVE) return this.drop(link);
    const isBeyond = !link.account.charge(L2CAP_OFFSET + length);
    if (isBeyond) {
      if (link.beyond >= BEYOND_MAX || !link.account.force(L2CAP_OFFSET + length)) return this.drop(link);
      link.beyond++;
    }
    const spare = link.spare;
    const packet = this.transport.gather(
      this.header,
      L2CAP_OFFSET + headerLength,
      payload,
      start,
      end,
      spare?.packet,
    );
    const pdu = spare ?? newPdu(packet);
    link.spare = undefined;
    pdu.packet = packet;
    pdu.end = L2CAP_OFFSET + length;
    pdu.isBeyond = isBeyond;
    const last = link.last;
    if (last) last.next = pdu;
    else link.first = pdu;
    link.last = pdu;
    link.queued = queued + 1;
    // A frame that fits has met the obstacle already.
    if (fits) return false;
    // Whoever hears that a frame has left may send the next, which is for the loop that runs: calls would pile up.
    if (!this.isDraining) this.drain();
    return link.queued === 0;
  }

  /** The link's queue has no room. */
  private drop(link: AclLink): false {
    this.dropped++;
    link.account.refuse();
    return false;
  }

  /**
   * Whether a link's queue takes a PDU of so many bytes that nobody asked for. One that is empty always does: what peers
   * keep elsewhere must not silence an honest link.
   */
  hasRoom(link: AclLink, bytes: number): boolean {
    if (link.queued > 0 && !link.account.fits(bytes + PDU_OFFSET + WRITE_RESERVE)) {
      link.account.refuse();
      return false;
    }
    if (link.queued < QUEUE_SHARE) return true;
    if (link.queued >= QUEUE_LIMIT) return false;
    let all = 0;
    for (let each = this.first; each; each = each.next) all += each.queued;
    return all < QUEUE_LIMIT_ALL;
  }

  /**
   * Whether `send` would take a frame of so many bytes and drop nothing, be it into the queue. For who can wait instead
   * (`AclLink.whenSent`): nothing is counted as refused.
   */
  takes(link: AclLink, bytes: number): boolean {
    return link.queued === 0 || (link.queued < QUEUE_SHARE && link.account.fits(bytes + PDU_OFFSET));
  }

  /**
   * Number Of Completed Packets (Vol 4, Part E, 7.7.19), `length` bytes with the indicator, with entries for `count` links.
   * Wrong handles and counts are noted and change nothing.
   */
  completed(packet: DataView, length = packet.byteLength, count = length > 3 ? packet.getUint8(3) : 0): void {
    for (let at = 4, end = 4 + count * 4; at < end && at + 4 <= length; at += 4) {
      const entry = packet.getUint32(at, true);
      this.credit(entry & 0x0fff, entry >>> 16);
    }
    this.drain();
  }

  /** The same event with one entry. */
  completedOne(handle: number, count: number): void {
    this.credit(handle, count);
    this.drain();
  }

  /** The controller has completed `done` packets of a link. */
  private credit(handle: number, done: number): void {
    let link = this.first;
    while (link && link.handle !== handle) link = link.next;
    if (!link) return; // Reported after the disconnection: already counted by close().
    const held = link.inController;
    let taken = done;
    if (done > held) {
      // The controller can do so as often as it likes.
      if (!link.isMiscounted) {
        this.port.log(
          "warning",
          `hci: the controller completed ${done} packets on handle ${handle}, ${held} were sent; more of it is not logged`,
        );
      }
      link.isMiscounted = true;
      taken = held;
    }
    link.inController = held - taken;
    if (taken > 0) link.hasProgress = true;
    this.credits += taken;
    const completions = link.completions;
    if (completions) settleCompletions(link, completions, taken);
  }

  /** Sends what waits, the links taking turns, until the controller or the transport is full. For events. */
  drain(): void {
    this.isDraining = true;
    let link = this.first;
    while (link) {
      const pdu = link.first;
      if (pdu === undefined || !this.transmit(link, pdu)) link = link.next;
      else {
        // To the end of the line.
        if (this.count > 1) {
          this.remove(link);
          this.append(link);
        }
        link = this.first;
      }
    }
    this.isDraining = false;
  }

  /** Sends the first PDU of a link, or its next fragment. False when the controller or the transport does not take it. */
  private transmit(link: AclLink, pdu: QueuedPdu): boolean {
    const held = link.inController;
    if (this.credits === 0 || (held >= this.unshared && !this.mayHaveMore(link))) return false;
    const sent = pdu.sent;
    const rest = pdu.end - sent - L2CAP_OFFSET;
    if (rest > this.packetLength) {
      if (!this.transmitFragment(link, pdu, this.packetLength)) return false;
      pdu.sent = sent + this.packetLength;
    } else {
      const taken =
        sent === 0 ? this.transport.write(pdu.packet, pdu.end) : this.transmitFragment(link, pdu, rest);
      if (!taken) return false;
    }
    this.credits--;
    link.inController = held + 1;
    if (!link.isWatched) this.port.onUnwatched?.(link);
    if (rest > this.packetLength) return true;
    const next = pdu.next;
    link.first = next;
    if (!next) link.last = undefined;
    link.queued--;
    link.account.give(pdu.end);
    if (pdu.isBeyond) link.beyond--;
    const onSent = pdu.onSent;
    // Unless its packet is long, the link uses both again.
    if (pdu.end <= SPARE_MAX) {
      pdu.sent = 0;
      pdu.onSent = pdu.onLost = pdu.next = undefined;
      link.spare = pdu;
    }
    if (onSent) onSent(true);
    return true;
  }

  private transmitFragment(link: AclLink, { packet, sent }: QueuedPdu, length: number): boolean {
    if (sent === 0) return this.transport.write(packet, L2CAP_OFFSET + length);
    this.headerView.setUint32(1, link.handle | (CONTINUING << 12) | (length << 16), true);
    const from = L2CAP_OFFSET + sent;
    return this.transport.write(this.header, L2CAP_OFFSET, packet, from, from + length);
  }
}
