/** The line to a controller that sleeps: it is woken before bytes, and let go when there have been none for a while. */
import type { Clock, HciReceiver, HciTransport, RadioLines, Timer } from "../platform/platform.ts";

/** From DEV_WAKE to the first byte. */
const WAKE_MS = 5;

/** Without a packet to the controller for as long, it may sleep. */
const IDLE_MS = 500;

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
  private readonly lines: Pick<RadioLines, "wake">;
  private readonly clock: Clock;
  private receiver: HciReceiver | undefined = undefined;
  private state: (typeof STATE)[keyof typeof STATE] = STATE.PINNED;
  private lastWriteMs = 0;
  private timer: Timer | undefined = undefined;

  constructor(line: HciTransport, lines: Pick<RadioLines, "wake">, clock: Clock) {
    this.line = line;
    this.lines = lines;
    this.clock = clock;
  }

  /** Keeps the controller awake from now on. */
  pin(): void {
    this.stopTimer();
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
    this.receiver = undefined;
    this.line.close();
  }

  private onWritable(): void {
    if (this.state <= STATE.AWAKE) this.receiver?.onWritable();
  }

  private awaken(): void {
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
    }, delayMs);
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
