/** What the closed channels of a link have received, until it is read. */
import type { Clock, LogLevel } from "../../platform/platform.ts";
import { type ChannelParameters, costOf } from "./channel-parameters.ts";
import type { CreditChannel } from "./credit-channel.ts";

/** How long what a closed channel has received waits to be read. */
export const UNREAD_MS = 30_000;

/** What links that have ended leave to be read, all together: their accounts do not bound it any more. */
export interface LeftBehind {
  bytes: number;
  readonly most: number;
}

/** What unread channels are handed. */
export interface UnreadPort {
  readonly clock: Clock;
  /** Bytes that nobody read in time. */
  readonly counters: { unreadBytes: number };
  readonly left: LeftBehind;
  log(level: LogLevel, message: string): void;
}

export class UnreadChannels {
  private readonly port: UnreadPort;
  private readonly free: (parameters: ChannelParameters) => void;
  /** With what ends the time to read. */
  private readonly channels = new Map<CreditChannel, unknown>();
  private isOver = false;

  /** @param free gives the link back what was set aside for a channel. */
  constructor(port: UnreadPort, free: (parameters: ChannelParameters) => void) {
    this.port = port;
    this.free = free;
  }

  /** What has arrived may be read for a while; then it goes, or a peer could fill the memory channel by channel. */
  keep(channel: CreditChannel): void {
    const timer = this.port.clock.setTimer(() => this.drop(channel, "within 30 s"), UNREAD_MS);
    this.channels.set(channel, timer);
  }

  /** All of it was read, or has gone. */
  drained(channel: CreditChannel): void {
    const timer = this.channels.get(channel);
    if (timer === undefined) return;
    this.port.clock.clearTimer(timer);
    this.channels.delete(channel);
    this.free(channel.parameters);
    if (this.isOver) this.port.left.bytes -= costOf(channel.parameters);
  }

  /** The link is gone. */
  end(): void {
    this.isOver = true;
    for (const channel of [...this.channels.keys()]) this.leaveBehind(channel);
  }

  /** A peer that comes again and again must not fill the memory with what it left before. */
  private leaveBehind(channel: CreditChannel): void {
    const { left } = this.port;
    const cost = costOf(channel.parameters);
    left.bytes += cost;
    if (left.bytes <= left.most) return;
    this.drop(channel, "and other links that have ended have left as much as may be kept");
  }

  private drop(channel: CreditChannel, why: string): void {
    const { counters, log } = this.port;
    const bytes = channel.unread;
    counters.unreadBytes += bytes;
    log("warning", `l2cap: ${bytes} bytes of a closed channel were not read ${why}: they are gone`);
    // All of it is drained then.
    channel.discard();
  }
}
