/** What closed channels of links that have ended have received: one bound for all of them, and the first to go. */

import type { LogLevel } from "../../platform/platform.ts";
import type { Leavings } from "../budget.ts";
import type { CreditChannel } from "./credit-channel.ts";

/** Why what a channel has received goes, as in "were not read before a link needed their room". */
const NEEDED = "before a link needed their room";
const TOO_MUCH = "before links that have ended had left more than may be kept";

interface Item {
  readonly bytes: number;
  /** Drops what the channel has received. */
  readonly drop: (why: string, level: LogLevel) => void;
}

export class LeftBehind implements Leavings {
  /** Bytes of all of it, overheads included. */
  bytes = 0;
  private readonly most: number;
  /** Something was dropped since nothing was left, and the log has a line of it. */
  private isLogged = false;
  /** The oldest first. */
  private readonly items = new Map<CreditChannel, Item>();

  /** @param most bytes that links which have ended may leave, all together. */
  constructor(most: number) {
    this.most = most;
  }

  /** A link has ended, and this channel of it can still be read. Those before it go when it has no room beside them. */
  add(channel: CreditChannel, bytes: number, drop: Item["drop"]): void {
    this.items.set(channel, { bytes, drop });
    this.bytes += bytes;
    while (this.bytes > this.most && this.dropOldest(TOO_MUCH));
  }

  /** All of it was read, or has gone. */
  remove(channel: CreditChannel): void {
    const item = this.items.get(channel);
    if (!item) return;
    this.items.delete(channel);
    this.bytes -= item.bytes;
    if (this.items.size === 0) this.isLogged = false;
  }

  dropOldest(why = NEEDED): boolean {
    for (const [channel, { drop }] of this.items) {
      const level = this.isLogged ? "debug" : "warning";
      this.remove(channel);
      this.isLogged = this.items.size > 0;
      drop(why, level);
      return true;
    }
    return false;
  }
}
