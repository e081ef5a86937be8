/** What the closed channels of a link have received, until it is read. */
import type { Clock, LogLevel } from "../../platform/platform.ts";
import { ITEM_OVERHEAD } from "../budget.ts";
import type { AclLink } from "../hci/acl.ts";
import type { CreditChannel } from "./credit-channel.ts";
import type { LeftBehind } from "./left-behind.ts";

/** How long what a closed channel has received waits to be read. */
export const UNREAD_MS = 30_000;

/** What unread channels are handed. */
export interface UnreadPort {
  readonly link: AclLink;
  readonly clock: Clock;
  /** Bytes that nobody read in time. */
  readonly counters: { unreadBytes: number };
  readonly left: LeftBehind;
  log(level: LogLevel, message: string): void;
}

interface Unread {
  /** Bytes that it keeps. */
  readonly bytes: number;
  /** Ends the time to read. */
  readonly timer: unknown;
}

export class UnreadChannels {
  private readonly port: UnreadPort;
  private readonly channels = new Map<CreditChannel, Unread>();

  constructor(port: UnreadPort) {
    this.port = port;
  }

  /**
   * What has arrived may be read for a while; then it goes, or a peer could fill the memory channel by channel. What was set
   * aside for the channel was given back: no more is kept than has arrived, which never is more.
   */
  keep(channel: CreditChannel): void {
    const { clock, link } = this.port;
    const bytes = channel.unreadCost;
    if (!link.account.force(bytes)) return this.drop(channel, "because no memory for peers is left");
    this.channels.set(channel, {
      bytes,
      timer: clock.setTimer(() => this.drop(channel, "within 30 s"), UNREAD_MS),
    });
  }

  /** All of it was read, or has gone. */
  drained(channel: CreditChannel): void {
    const { clock, left, link } = this.port;
    const unread = this.channels.get(channel);
    if (!unread) return;
    clock.clearTimer(unread.timer);
    this.channels.delete(channel);
    link.account.give(unread.bytes);
    left.remove(channel);
  }

  /** The link is gone. */
  end(): void {
    const { left } = this.port;
    for (const [channel, { bytes }] of [...this.channels]) {
      left.add(channel, bytes + ITEM_OVERHEAD, (why, level) => this.drop(channel, why, level));
    }
  }

  private drop(channel: CreditChannel, why: string, level: LogLevel = "warning"): void {
    const { counters, log } = this.port;
    const bytes = channel.unread;
    counters.unreadBytes += bytes;
    log(level, `l2cap: ${bytes} bytes of a closed channel were not read ${why}: they are gone`);
    // All of it is drained then.
    channel.discard();
  }
}
