/**
 * What arrives on a credit-based channel: K-frames make SDUs, which wait to be read in memory that was set aside when the
 * channel was opened (Vol 3, Part A, 3.4.3 and 10.1). A credit is given for memory that is free, so that a peer can never send
 * more than there is room for.
 */
import type { CopyBytes } from "../../platform/platform.ts";
import { ITEM_OVERHEAD } from "../budget.ts";
import { viewOf } from "../codec.ts";
import type { ChannelReceiver } from "./channel.ts";
import { type ChannelParameters, framesOf, SDU_LENGTH } from "./channel-parameters.ts";

/** One SDU on its way in, or read in part. */
interface Incoming {
  /** Bytes that have arrived. */
  filled: number;
  readonly bytes: Uint8Array;
  /** K-frames that it has taken, until it is whole; then the room that it takes, in K-frames of full length. */
  frames: number;
  /** Bytes that have been read. */
  read: number;
}

/** What an inbox is handed. */
export interface InboxPort {
  /** An SDU is there to be read. */
  onReceived(): void;
  /** The peer broke a rule. `what` says which, as in "sent a frame without a credit". */
  onViolation(what: string): void;
  /** Sends the peer credits; false when that has to wait: `replenish` is called then. */
  giveCredits(credits: number): boolean;
}

export class SduInbox implements ChannelReceiver {
  // Those first that every frame needs: the engine finds them soonest.
  private arriving: Incoming | undefined = undefined;
  /** K-frames that the peer may still send. */
  private given: number;
  private mps: number;
  private readonly copyBytes: CopyBytes;
  private isOpen = true;
  private readonly arrived: Incoming[] = [];
  /** Room that those take that have arrived, in K-frames of full length. */
  private held = 0;
  private credits: number;
  private mtu: number;
  private readonly port: InboxPort;
  /** Memory of an SDU that was read, for the next one of its length. */
  private spare: Uint8Array | undefined = undefined;

  constructor({ credits, mps, mtu }: ChannelParameters, copyBytes: CopyBytes, port: InboxPort) {
    this.credits = credits;
    this.mps = mps;
    this.mtu = mtu;
    this.given = credits;
    this.copyBytes = copyBytes;
    this.port = port;
  }

  /** Takes other figures from now on: frames that have arrived take as much room as frames of the new length would. */
  reconfigure({ credits, mps, mtu }: ChannelParameters): void {
    this.credits = credits;
    this.mtu = mtu;
    this.mps = mps;
    this.held = 0;
    for (const sdu of this.arrived) {
      sdu.frames = framesOf(sdu.filled, mps);
      this.held += sdu.frames;
    }
    this.replenish();
  }

  /** One K-frame. */
  receive(view: DataView, start: number, length: number): void {
    const sdu = this.arriving;
    const given = this.given;
    if (sdu === undefined || given === 0 || length > this.mps) return this.begin(view, start, length);
    this.given = given - 1;
    const at = sdu.filled;
    const filled = at + length;
    const bytes = sdu.bytes;
    // The fast way, for what is neither too much nor the last.
    if (filled >= bytes.length || given === 1) return this.add(sdu, view, start, length);
    const copyBytes = this.copyBytes;
    copyBytes(bytes, at, view, start, length);
    sdu.filled = filled;
    sdu.frames++;
  }

  /** The first K-frame of an SDU, or one that may not be. */
  private begin(view: DataView, start: number, length: number): void {
    if (!this.isOpen) return;
    const { mps, mtu, port, spare } = this;
    if (length > mps) return port.onViolation(`sent a frame of ${length} bytes, above the MPS of ${mps}`);
    if (this.given === 0) return port.onViolation("sent a frame without a credit");
    if (length < SDU_LENGTH) return port.onViolation("sent the beginning of an SDU without its length");
    const total = view.getUint16(start, true);
    if (total > mtu) return port.onViolation(`sent an SDU of ${total} bytes, above the MTU of ${mtu}`);
    this.given--;
    this.spare = undefined;
    const bytes = spare?.length === total ? spare : new Uint8Array(total);
    const sdu = { filled: 0, bytes, frames: 0, read: 0 };
    this.arriving = sdu;
    this.add(sdu, view, start + SDU_LENGTH, length - SDU_LENGTH);
  }

  private add(sdu: Incoming, view: DataView, start: number, length: number): void {
    const at = sdu.filled;
    const filled = at + length;
    const bytes = sdu.bytes;
    const total = bytes.length;
    if (filled > total) {
      return this.port.onViolation(`sent ${filled} bytes of an SDU that it announced as ${total}`);
    }
    const copyBytes = this.copyBytes;
    copyBytes(bytes, at, view, start, length);
    sdu.filled = filled;
    sdu.frames++;
    if (filled === total) this.complete(sdu);
    if (this.given === 0) this.replenish();
  }

  private complete(sdu: Incoming): void {
    sdu.frames = framesOf(sdu.filled, this.mps);
    this.held += sdu.frames;
    this.arriving = undefined;
    this.arrived.push(sdu);
    this.port.onReceived();
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

  /** What the SDUs cost that have arrived and have not been read to their ends, overheads included. */
  get unreadCost(): number {
    return this.arrived.reduce((sum, { bytes }) => sum + bytes.length + ITEM_OVERHEAD, 0);
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
    const rest = bytes.length - read;
    const room = target.length;
    const count = Math.min(room, rest);
    const copyBytes = this.copyBytes;
    copyBytes(target, 0, viewOf(bytes), read, count);
    sdu.read = read + count;
    if (count < rest) return count;
    if (this.isOpen) this.spare = bytes;
    this.release();
    return count;
  }

  /** The oldest SDU has been read. */
  private release(): void {
    this.held -= this.arrived.shift()!.frames;
    this.replenish();
  }

  /**
   * Gives back what is free: half of all at a time, or whatever there is when the peer has nothing. Frames of the SDU that is
   * arriving take no more room than their bytes, however short they are.
   */
  replenish(): void {
    if (!this.isOpen) return;
    const { arriving, credits, given } = this;
    const taken = arriving ? Math.min(arriving.frames, framesOf(arriving.bytes.length, this.mps)) : 0;
    const free = credits - given - this.held - taken;
    if (free <= 0 || (given > 0 && free * 2 < credits)) return;
    if (this.port.giveCredits(free)) this.given = given + free;
  }

  /** Nothing is received any more. What has arrived in whole SDUs can still be read. */
  close(): void {
    this.isOpen = false;
    this.given = 0;
    this.arriving = this.spare = undefined;
  }

  /** Drops what has arrived and was not read. */
  discard(): void {
    this.arrived.length = 0;
    this.held = 0;
  }
}
