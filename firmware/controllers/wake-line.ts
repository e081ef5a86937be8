/**
 * The line to a controller that sleeps: it is woken before bytes, and let go when there have been none for a while. On a board
 * with HOST_WAKE the UART stops then, as soon as the controller does not ask for the host either, and until one of them does.
 */
import type { Clock, HciReceiver, HciTransport, RadioLines, Timer } from "../platform/platform.ts";

/** From DEV_WAKE to the first byte. */
const WAKE_MS = 5;

/** Without a packet to the controller for as long, it may sleep; a packet behind that waits for WAKE_MS. */
const IDLE_MS = 100;

/** The lines that it needs. */
type Lines = Pick<RadioLines, "hostWake" | "wake">;

/** How far the controller is. */
const STATE = {
  /** It never sleeps: it is being started, or was not allowed to. */
  PINNED: 0,
  AWAKE: 1,
  ASLEEP: 2,
  /** DEV_WAKE is set; bytes may follow in a moment. */
  WAKING: 3,
} as const;

export class WakeLine implements HciTransport {
  private readonly line: HciTransport;
  private readonly lines: Lines;
  private readonly clock: Clock;
  private receiver: HciReceiver | undefined = undefined;
  private state: (typeof STATE)[keyof typeof STATE] = STATE.PINNED;
  private lastWriteMs = 0;
  private timer: Timer | undefined = undefined;
  private isSuspended = false;

  constructor(line: HciTransport, lines: Lines, clock: Clock) {
    this.line = line;
    this.lines = lines;
    this.clock = clock;
    lines.hostWake?.watch(() => this.onHostWake());
  }

  /** Keeps the controller awake from now on. */
  pin(): void {
    this.stopTimer();
    this.resume();
    this.state = STATE.PINNED;
    this.lines.wake(true);
  }

  /** The controller may sleep from now on when there is nothing for it. */
  release(): void {
    this.state = STATE.AWAKE;
    this.lastWriteMs = this.clock.now();
    this.watch(IDLE_MS);
  }

  open(receiver: HciReceiver): void {
    this.receiver = receiver;
    // What comes passes without another step in between.
    const { onCompleted, onPacket, onSucceeded } = receiver;
    this.line.open({
      onPacket,
      ...(onCompleted ? { onCompleted } : {}),
      ...(onSucceeded ? { onSucceeded } : {}),
      onWritable: () => this.onWritable(),
      onFailure: (reason) => receiver.onFailure(reason),
    });
  }

  write(
    header: Uint8Array,
    headerLength: number,
    payload?: Uint8Array,
    start?: number,
    end?: number,
  ): boolean {
    if (this.state > STATE.AWAKE) {
      if (this.state === STATE.ASLEEP) this.awaken();
      return false;
    }
    if (this.state === STATE.AWAKE) this.lastWriteMs = this.clock.now();
    return this.line.write(header, headerLength, payload, start, end);
  }

  gather(
    header: Uint8Array,
    headerLength: number,
    payload: Uint8Array,
    start: number,
    end: number,
    into?: Uint8Array,
  ): Uint8Array {
    return this.line.gather(header, headerLength, payload, start, end, into);
  }

  close(): void {
    this.stopTimer();
    this.resume();
    this.receiver = undefined;
    this.line.close();
  }

  private onWritable(): void {
    if (this.state <= STATE.AWAKE) this.receiver?.onWritable();
  }

  private awaken(): void {
    this.resume();
    this.state = STATE.WAKING;
    this.lines.wake(true);
    this.setTimer(() => {
      this.release();
      this.receiver?.onWritable();
    }, WAKE_MS);
  }

  /** One timer while it is awake, however many packets pass. */
  private watch(delayMs: number): void {
    this.setTimer(() => {
      const idleMs = this.clock.now() - this.lastWriteMs;
      if (idleMs < IDLE_MS) return this.watch(Math.ceil(IDLE_MS - idleMs));
      this.state = STATE.ASLEEP;
      this.lines.wake(false);
      this.suspend();
    }, delayMs);
  }

  /** HOST_WAKE has changed. */
  private onHostWake(): void {
    if (this.lines.hostWake?.isActive()) this.resume();
    else this.suspend();
  }

  /** Stops the UART when neither side needs it. */
  private suspend(): void {
    const { hostWake } = this.lines;
    if (!hostWake || this.state !== STATE.ASLEEP || this.isSuspended || hostWake.isActive()) return;
    this.isSuspended = hostWake.suspend(true);
    // Bytes are on their way to a controller that takes none for now.
    if (!this.isSuspended) this.setTimer(() => this.suspend(), IDLE_MS);
  }

  private resume(): void {
    if (this.isSuspended) this.lines.hostWake?.suspend(false);
    this.isSuspended = false;
  }

  private setTimer(callback: () => void, delayMs: number): void {
    this.stopTimer();
    this.timer = this.clock.setTimer(() => {
      this.timer = undefined;
      callback();
    }, delayMs);
  }

  private stopTimer(): void {
    if (this.timer !== undefined) this.clock.clearTimer(this.timer);
    this.timer = undefined;
  }
}
