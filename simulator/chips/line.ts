/** The lines between a host and a simulated chip in the same process: bytes with a rate, supply, wake and flow control. */

import { H4_COMMAND } from "../../firmware/ble/hci/packet.ts";
import type {
  Clock,
  HciReceiver,
  HciTransport,
  HostWake,
  PatchSource,
  RadioLines,
} from "../../firmware/platform/platform.ts";
import type { Controller } from "../controller/controller.ts";
import { FROM_CONTROLLER, H4Framer } from "../h4.ts";
import { gatherPacket } from "../line.ts";
import { CYW43_TIMES, Cyw43Chip, type Cyw43Times, START_BAUD } from "./cyw43.ts";

/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;
const BAUD_TOLERANCE = 0.025;

export interface ChipLineOptions {
  readonly times?: Cyw43Times;
  readonly downloadBaud?: number;
  readonly runBaud?: number;
  /** What the board keeps for the chip; undefined: nothing. */
  readonly patch?: Uint8Array;
  /** Whether the board has HOST_WAKE and can stop its UART; true by default. */
  readonly suspends?: boolean;
  /** The rate that the UART makes of one; that rate itself by default. */
  readonly achieved?: (baudRate: number) => number;
}

/** A board's side: the transport and the lines that a platform has. */
export class ChipLine implements HciTransport, RadioLines {
  readonly driver = "cyw43";
  readonly chip: Cyw43Chip;
  readonly downloadBaud: number;
  readonly runBaud: number;
  /** What was assigned to the board; to be set before the chip is started. */
  publicAddress: Uint8Array | undefined = undefined;
  /** How often the host opened the line. */
  opened = 0;
  /** Bytes from the chip that were noise at the host's rate. */
  noise = 0;
  /** Bytes from the chip that came while the UART was stopped. */
  lost = 0;
  /** How often the UART was stopped, and for how long in all. */
  suspensions = 0;
  suspendedMs = 0;
  readonly hostWake?: HostWake;
  private isSuspended = false;
  private suspendedAtMs = 0;
  private isAsked = false;
  private onAsked: () => void = () => undefined;
  private onReady: () => void = () => undefined;
  private readonly clock: Clock;
  private readonly options: ChipLineOptions;
  private readonly framer = new H4Framer(FROM_CONTROLLER, (packet) =>
    this.receiver?.onPacket(viewOf(packet)),
  );
  private receiver: HciReceiver | undefined = undefined;
  private baudRate = START_BAUD;
  private session = 0;
  /** When the last byte on its way has arrived, in each direction. */
  private outFreeMs = 0;
  private inFreeMs = 0;

  constructor(clock: Clock, controller: Controller, options: ChipLineOptions = {}) {
    this.clock = clock;
    this.options = options;
    this.downloadBaud = options.downloadBaud ?? 3_000_000;
    this.runBaud = options.runBaud ?? 3_000_000;
    const onBytes = (bytes: Uint8Array, baudRate: number): void => this.fromChip(bytes, baudRate);
    const onHostWake = (isAsked: boolean): void => this.hearHostWake(isAsked);
    const onReady = (): void => void this.clock.setTimer(() => this.onReady(), 0);
    this.chip = new Cyw43Chip(controller, { onBytes, onHostWake, onReady }, options.times ?? CYW43_TIMES);
    if (options.suspends ?? true) {
      this.hostWake = {
        isActive: () => this.isAsked,
        watch: (listener) => {
          this.onAsked = listener;
        },
        suspend: (isSuspended) => this.suspend(isSuspended),
      };
    }
  }

  private hearHostWake(isAsked: boolean): void {
    this.isAsked = isAsked;
    this.clock.setTimer(() => this.onAsked(), 0);
  }

  private suspend(isSuspended: boolean): boolean {
    const nowMs = this.clock.now();
    if (isSuspended && this.outFreeMs > nowMs) return false;
    if (isSuspended && !this.isSuspended) {
      this.suspensions++;
      this.suspendedAtMs = nowMs;
    } else if (this.isSuspended) this.suspendedMs += nowMs - this.suspendedAtMs;
    this.isSuspended = isSuspended;
    this.chip.setHostTakes(!isSuspended);
    return true;
  }

  power(on: boolean): void {
    this.chip.power(on);
  }

  wake(awake: boolean): void {
    this.chip.wake(awake);
  }

  isReady(): boolean {
    return this.chip.isReady();
  }

  watchReady(listener: () => void): void {
    this.onReady = listener;
  }

  setBaudRate(baudRate: number): number {
    this.baudRate = this.options.achieved?.(baudRate) ?? baudRate;
    return this.baudRate;
  }

  patch(): PatchSource | undefined {
    const { patch } = this.options;
    return (
      patch && {
        size: patch.length,
        read: (offset, length) => patch.slice(offset, offset + length),
        u32: (offset) => u32At(patch, offset),
        send: (offset) => {
          const length = 3 + patch[offset + 2]!;
          const indicator = Uint8Array.of(H4_COMMAND);
          return this.write(indicator, 1, patch, offset, offset + length) ? length : 0;
        },
      }
    );
  }

  open(receiver: HciReceiver): void {
    this.suspend(false);
    this.session++;
    this.opened++;
    this.receiver = receiver;
    this.framer.reset();
  }

  write(header: Uint8Array, headerLength: number, payload?: Uint8Array, start = 0, end?: number): boolean {
    const stop = end ?? payload?.length ?? 0;
    if (this.isSuspended) this.chip.violations.push("bytes for a UART that is stopped");
    const packet = this.gather(
      header,
      headerLength,
      payload ?? header,
      payload ? start : 0,
      payload ? stop : 0,
    );
    const { baudRate } = this;
    this.outFreeMs = this.arrival(this.outFreeMs, packet.length, baudRate);
    this.clock.setTimer(() => this.chip.receive(packet, baudRate), this.outFreeMs - this.clock.now());
    return true;
  }

  readonly gather = gatherPacket;

  /** Breaks the line: the host has to open it again. */
  fail(reason: string): void {
    const { receiver } = this;
    this.clock.setTimer(() => receiver?.onFailure(reason), 0);
  }

  close(): void {
    this.suspend(false);
    this.session++;
    this.receiver = undefined;
  }

  private fromChip(bytes: Uint8Array, baudRate: number): void {
    const { session } = this;
    this.inFreeMs = this.arrival(this.inFreeMs, bytes.length, baudRate);
    this.clock.setTimer(() => {
      if (session !== this.session || !this.receiver) return;
      if (this.isSuspended) {
        this.lost += bytes.length;
        return;
      }
      const isNoise = Math.abs(baudRate / this.baudRate - 1) > BAUD_TOLERANCE;
      if (isNoise) this.noise += bytes.length;
      if (isNoise) this.receiver.onFailure("framing");
      else if (!this.framer.push(bytes)) this.receiver.onFailure("desynchronised");
    }, this.inFreeMs - this.clock.now());
  }

  private arrival(freeMs: number, length: number, baudRate: number): number {
    return Math.max(freeMs, this.clock.now()) + (length * BITS_PER_BYTE * 1000) / baudRate;
  }
}

/** As `ByteSource.u32`. */
export function u32At(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let at = 0; at < 4; at++) value += (bytes[offset + at] ?? 0) * 2 ** (8 * at);
  return value;
}

function viewOf(packet: Uint8Array): DataView {
  return new DataView(packet.buffer as ArrayBuffer, packet.byteOffset, packet.byteLength);
}
