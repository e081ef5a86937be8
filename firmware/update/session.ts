/** One client of the management server: its frames in, answers out, and what it may make the camera keep. */

import { sameBytes } from "../ble/codec.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import { type Commands, refuseFrame } from "./commands.ts";
import { CommandError, RC } from "./errors.ts";
import { FrameAssembler, type FrameReceiver, type Header, readHeader } from "./frames.ts";

/** Bytes of the longest frame that is taken, header included; and frames of one client at a time. */
export const FRAME_MAX = 1024;
export const FRAMES_MAX = 2;

/** An incomplete frame is dropped when nothing more of it comes for this long: clients try again after 0.5 to 2.5 s. */
export const FRAGMENT_TIMEOUT_MS = 400;

/** Fragments of answers that are handed to the link before the ones before them have arrived. */
const FRAGMENTS_AT_ONCE = 8;

/** What a session is handed of its link. */
export interface SessionPort {
  readonly clock: Clock;
  readonly commands: Commands;
  /** Why this client may not ask for anything now; undefined when it may. */
  refusal(): CommandError | undefined;
  /** Takes `bytes` of what the client may make the camera keep; false when that is too much. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** Bytes that one fragment may have now. */
  fragmentLength(): number;
  /** Sends a fragment, which is taken over: "full" when it has to wait for those before it, "gone" when it cannot be sent. */
  send(fragment: Uint8Array): "sent" | "full" | "gone";
  /** A frame that was incomplete has been dropped. */
  onDropped(): void;
  /** Calls back when the client has everything; not when the link ends before. */
  whenDelivered(callback: () => void): void;
}

export class ManagementSession implements FrameReceiver {
  private readonly port: SessionPort;
  private readonly assembler = new FrameAssembler(this);
  /** Frames that have come; the first is being answered. */
  private readonly frames: Uint8Array[] = [];
  /** The answer that refuses a frame which was not kept, until it has its turn: one at a time. */
  private refusal: Uint8Array | undefined = undefined;
  private isWorking = false;
  /** Room that is taken: of the frames, and of the one that is coming. */
  private reserved = 0;
  private timer: Timer | undefined = undefined;
  private hasEnded = false;
  private readonly onEnd: (() => void)[] = [];

  constructor(port: SessionPort) {
    this.port = port;
  }

  /** What the client wrote. */
  receive(bytes: Uint8Array): void {
    const { clock } = this.port;
    this.stopTimer();
    this.assembler.push(bytes);
    if (this.assembler.isIncomplete) {
      this.timer = clock.setTimer(() => {
        this.timer = undefined;
        if (this.assembler.drop()) this.port.onDropped();
      }, FRAGMENT_TIMEOUT_MS);
    }
  }

  /** The link has ended. */
  end(): void {
    this.hasEnded = true;
    this.stopTimer();
    this.assembler.drop();
    this.refusal = undefined;
    // The frame that is being answered is given back when that is over.
    for (const frame of this.frames.splice(1)) this.release(frame.length);
    for (const callback of this.onEnd.splice(0)) callback();
  }

  private stopTimer(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  reserve(length: number): boolean {
    if (length > FRAME_MAX || this.reserved >= FRAMES_MAX || !this.port.reserve(length)) return false;
    this.reserved++;
    return true;
  }

  release(length: number): void {
    this.reserved--;
    this.port.release(length);
  }

  onFrame(frame: Uint8Array): void {
    // A client that asks again while it is being answered hears that answer.
    if (this.frames.some((other) => sameBytes(other, frame))) return this.release(frame.length);
    this.frames.push(frame);
    void this.work();
  }

  onOversized(header: Header): void {
    const isLong = header.length + 8 > FRAME_MAX;
    const error = isLong
      ? new CommandError(RC.TOO_LARGE, `a request has ${FRAME_MAX} bytes at most`)
      : new CommandError(RC.NO_MEMORY, "too many requests at a time");
    this.refusal ??= refuseFrame(header, error);
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.isWorking) return;
    this.isWorking = true;
    for (;;) {
      const frame = this.frames[0];
      if (frame) await this.serve(frame);
      else if (this.refusal) {
        const { refusal } = this;
        this.refusal = undefined;
        await this.send(refusal);
      } else break;
    }
    this.isWorking = false;
  }

  private async serve(frame: Uint8Array): Promise<void> {
    const after: (() => void)[] = [];
    const answer = await this.answer(frame, (callback) => after.push(callback));
    if (answer) await this.send(answer);
    this.frames.shift();
    this.release(frame.length);
    if (after.length > 0)
      this.whenGone(() => {
        for (const callback of after) callback();
      });
  }

  private async answer(
    frame: Uint8Array,
    afterAnswer: (callback: () => void) => void,
  ): Promise<Uint8Array | undefined> {
    const error = this.port.refusal();
    if (error) return refuseFrame(readHeader(frame), error);
    return this.port.commands.answer(frame, { client: this, afterAnswer });
  }

  private async send(answer: Uint8Array): Promise<void> {
    const { port } = this;
    for (let at = 0, sent = 0; at < answer.length && !this.hasEnded; ) {
      const end = Math.min(answer.length, at + port.fragmentLength());
      const outcome = port.send(answer.subarray(at, end));
      if (outcome === "gone") return;
      if (outcome === "sent") {
        at = end;
        sent++;
      }
      const isTooMany = sent % FRAGMENTS_AT_ONCE === 0 && at < answer.length;
      if (outcome === "full" || isTooMany) await new Promise<void>((resolve) => this.whenGone(resolve));
    }
  }

  /** Calls back once the client has everything, or its link has ended. */
  private whenGone(callback: () => void): void {
    if (this.hasEnded) return callback();
    this.onEnd.push(callback);
    this.port.whenDelivered(() => {
      const at = this.onEnd.indexOf(callback);
      if (at < 0) return;
      this.onEnd.splice(at, 1);
      callback();
    });
  }
}
