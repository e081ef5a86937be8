/** How long a command may take to be answered, and what counts as a sign of life when it takes longer. */
import type { Clock, Timer } from "../../platform/platform.ts";

/**
 * When the time is up, what has arrived is looked at before that is believed: the application may have computed for
 * longer, and the loop takes what waits in the UART's ring in turns. As long as packets come the controller is listened to
 * for another turn, so often at most: a controller that talks on and does not answer is dead too. None has so much data
 * before its answer that its line takes longer for them.
 */
const LISTEN_TURNS_MAX = 13;
/** How long a packet may take behind the one before: the longest takes 25 ms at 115,200 baud. */
const LISTEN_MS = 100;

/** A command, or a series of them, whose answer is awaited. */
export interface TimedCommand {
  readonly timeoutMs: number;
  /** When the latest command of a series went out: its timer goes on through all of them. */
  sentMs?: number;
}

export interface AnswerTimerPort<T> {
  readonly clock: Clock;
  /** From now on `heard` is to be set by the next packet. */
  onListen(): void;
  /** The command was not answered. */
  onExpired(pending: T): void;
}

/** Times one command, the one that is under way or is next to be. */
export class AnswerTimer<T extends TimedCommand> {
  /** A packet came since this was cleared. */
  heard = false;
  private readonly port: AnswerTimerPort<T>;
  private timer: Timer | undefined = undefined;

  constructor(port: AnswerTimerPort<T>) {
    this.port = port;
  }

  get isRunning(): boolean {
    return this.timer !== undefined;
  }

  start(pending: T): void {
    this.stop();
    delete pending.sentMs;
    this.setTimer(() => this.heed(pending), pending.timeoutMs - LISTEN_MS);
  }

  private setTimer(callback: () => void, delayMs: number): void {
    this.timer = this.port.clock.setTimer(() => {
      this.timer = undefined;
      callback();
    }, delayMs);
  }

  /** The time is nearly up for this command, unless its series has gone on: is the controller heard? */
  private heed(pending: T): void {
    const leftMs = this.leftMs(pending) - LISTEN_MS;
    if (leftMs > 0) return this.setTimer(() => this.heed(pending), leftMs);
    this.listenFor(pending, 0, LISTEN_MS);
  }

  /** What is left of the time of a series' command. */
  private leftMs({ sentMs, timeoutMs }: T): number {
    return sentMs === undefined ? 0 : sentMs + timeoutMs - this.port.clock.now();
  }

  private listenFor(pending: T, turn: number, durationMs: number): void {
    this.heard = false;
    this.port.onListen();
    this.setTimer(() => this.listen(pending, turn), durationMs);
  }

  /** The time is up for this command: looks at what has arrived, turn by turn, before that is believed. */
  private listen(pending: T, turn: number): void {
    if (this.leftMs(pending) > 0) return this.heed(pending);
    const { heard } = this;
    if (turn > 0 && (!heard || turn > LISTEN_TURNS_MAX)) return this.port.onExpired(pending);
    this.listenFor(pending, turn + 1, heard ? LISTEN_MS : 0);
  }

  stop(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }
}
