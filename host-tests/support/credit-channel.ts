/**
 * A credit-based channel as far as its frames go: SDU length in the first K-frame, segments, credits (Vol 3, Part A, 3.4.3
 * and 10.1). Shows that ATT needs no other channel than `Channel`.
 */
import { viewOf } from "../../firmware/ble/codec.ts";
import type { Channel, ChannelReceiver } from "../../firmware/ble/l2cap/channel.ts";
import { concat } from "./bytes.ts";

/** Bytes of the SDU length. */
const SDU_LENGTH = 2;
/** K-frames that may wait for credits. */
const QUEUE_MAX = 64;

export class CreditChannel implements Channel {
  readonly mtu: number;
  readonly header: DataView;
  readonly headerOffset: number;
  receiver: ChannelReceiver | undefined = undefined;
  /** K-frames that the peer has room for. */
  credits: number;
  private readonly lower: Channel;
  private readonly mps: number;
  private readonly queue: Uint8Array[] = [];
  /** What has come of an SDU. */
  private segments: Uint8Array = new Uint8Array(0);

  /** @param lower carries K-frames of up to `mps` bytes. */
  constructor(lower: Channel, mtu: number, mps: number, credits: number) {
    this.lower = lower;
    this.mtu = mtu;
    this.mps = mps;
    this.credits = credits;
    this.header = lower.header;
    this.headerOffset = lower.headerOffset + SDU_LENGTH;
    lower.receiver = this;
  }

  /** Its frames differ from those of every other channel. */
  get group(): unknown {
    return this;
  }

  hasRoom(length: number): boolean {
    const frames = Math.ceil((SDU_LENGTH + length) / this.mps);
    return this.queue.length + frames <= QUEUE_MAX && this.lower.hasRoom(length);
  }

  send(headerLength: number, payload: Uint8Array, start: number, end: number): boolean {
    const length = headerLength + end - start;
    this.header.setUint16(this.lower.headerOffset, length, true);
    if (this.credits > 0 && this.queue.length === 0 && SDU_LENGTH + length <= this.mps) {
      this.credits--;
      return this.lower.send(SDU_LENGTH + headerLength, payload, start, end);
    }
    const { buffer, byteOffset } = this.header;
    const head = new Uint8Array(buffer, byteOffset + this.lower.headerOffset, SDU_LENGTH + headerLength);
    const sdu = concat(head, payload.subarray(start, end));
    for (let at = 0; at < sdu.length; at += this.mps) this.queue.push(sdu.slice(at, at + this.mps));
    this.drain();
    return this.queue.length === 0;
  }

  broadcast(
    channels: readonly Channel[],
    count: number,
    headerLength: number,
    payload: Uint8Array,
    end: number,
  ): number {
    if (count !== 1 || channels[0] !== this || !this.hasRoom(headerLength + end)) return 0;
    this.send(headerLength, payload, 0, end);
    return 1;
  }

  /** The peer gave credits. */
  grant(credits: number): void {
    this.credits += credits;
    this.drain();
  }

  /** One K-frame. */
  receive(view: DataView, start: number, length: number): void {
    const segment = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + start, length);
    const all = concat(this.segments, segment);
    const expected = all.length < SDU_LENGTH ? Number.POSITIVE_INFINITY : all[0]! | (all[1]! << 8);
    this.segments = all;
    if (all.length - SDU_LENGTH < expected) return;
    this.segments = new Uint8Array(0);
    if (all.length - SDU_LENGTH > expected || expected > this.mtu) return;
    this.receiver?.receive(viewOf(all), SDU_LENGTH, expected);
  }

  private drain(): void {
    for (; this.queue.length > 0 && this.credits > 0; this.credits--) {
      const frame = this.queue.shift()!;
      this.lower.send(0, frame, 0, frame.length);
    }
  }
}
