/** The H4 line between a host and a simulated controller in the same process. */
import type { Clock, HciReceiver, HciTransport, Timer } from "../firmware/platform/platform.ts";
import type { VirtualClock } from "./clock.ts";
import type { Controller } from "./controller/controller.ts";

/** How slow and how narrow the line is. */
export interface LineOptions {
  /** Bytes in each direction and millisecond; unlimited when left out. 115,200 baud are 11.52. */
  readonly bytesPerMs?: number;
  /** Bytes that wait to be sent at most: more, and `write` returns false. */
  readonly queueBytes?: number;
}

/** Sees each packet when its last byte arrives; for traces. */
export type Tap = (direction: "to-controller" | "to-host", packet: Uint8Array, nowMs: number) => void;

const NOTHING = new Uint8Array(0);

/** The packet of a header and a piece of payload, in `into` where it has room for it. See `HciTransport.gather`. */
export function gatherPacket(
  header: Uint8Array,
  headerLength: number,
  payload: Uint8Array,
  start: number,
  end: number,
  into?: Uint8Array,
): Uint8Array {
  const length = headerLength + end - start;
  const packet = into !== undefined && into.length >= length ? into : new Uint8Array(length);
  packet.set(header.subarray(0, headerLength));
  packet.set(payload.subarray(start, end), headerLength);
  return packet;
}

export class SimulatedLine implements HciTransport {
  /** Sees what passes. */
  tap: Tap | undefined = undefined;
  /** How often the host opened the line. */
  opened = 0;
  private readonly clock: Clock;
  private readonly quiet: Clock;
  private readonly controller: Controller;
  private readonly options: LineOptions;
  private receiver: HciReceiver | undefined = undefined;
  private queued = 0;
  private wantsRoom = false;
  /** When the last byte on its way has arrived, in each direction. */
  private outFreeMs = 0;
  private inFreeMs = 0;

  constructor(clock: VirtualClock | Clock, controller: Controller, options: LineOptions = {}) {
    this.clock = clock;
    this.quiet = "quiet" in clock ? clock.quiet : clock;
    this.controller = controller;
    this.options = options;
    controller.onPacket = (packet) => this.fromController(packet);
  }

  open(receiver: HciReceiver): void {
    this.opened++;
    this.receiver = receiver;
    this.queued = 0;
    this.wantsRoom = false;
  }

  readonly gather = gatherPacket;

  write(header: Uint8Array, headerLength: number, payload?: Uint8Array, start = 0, end?: number): boolean {
    const stop = end ?? payload?.length ?? 0;
    const length = headerLength + (payload ? stop - start : 0);
    const { queueBytes } = this.options;
    if (queueBytes !== undefined && this.queued + length > queueBytes) {
      this.wantsRoom = true;
      return false;
    }
    const packet = this.gather(header, headerLength, payload ?? NOTHING, start, stop);
    this.queued += length;
    const session = this.opened;
    this.outFreeMs = this.arrival(this.outFreeMs, length);
    this.quiet.setTimer(() => {
      if (session !== this.opened) return;
      this.queued -= length;
      this.tap?.("to-controller", packet, this.clock.now());
      this.controller.receive(packet);
      if (this.wantsRoom) this.offerRoom(session);
    }, this.outFreeMs - this.clock.now());
    return true;
  }

  close(): void {
    this.receiver = undefined;
  }

  /** Breaks the line: the host has to open it again. */
  fail(reason: string): void {
    const receiver = this.receiver;
    this.clock.setTimer(() => receiver?.onFailure(reason), 0);
  }

  private offerRoom(session: number): Timer {
    this.wantsRoom = false;
    return this.clock.setTimer(() => {
      if (session === this.opened) this.receiver?.onWritable();
    }, 0);
  }

  private fromController(packet: Uint8Array): void {
    const session = this.opened;
    this.inFreeMs = this.arrival(this.inFreeMs, packet.length);
    this.clock.setTimer(() => {
      this.tap?.("to-host", packet, this.clock.now());
      if (session !== this.opened) return;
      this.receiver?.onPacket(
        new DataView(packet.buffer as ArrayBuffer, packet.byteOffset, packet.byteLength),
      );
    }, this.inFreeMs - this.clock.now());
  }

  private arrival(freeMs: number, length: number): number {
    const { bytesPerMs } = this.options;
    return Math.max(freeMs, this.clock.now()) + (bytesPerMs === undefined ? 0 : length / bytesPerMs);
  }
}
