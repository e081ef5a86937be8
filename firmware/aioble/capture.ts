/**
 * The queue that all capture characteristics share: every write once, in arrival order. When it is full, the oldest write
 * of all goes, whatever characteristic it was to; a client that fills its share of the memory loses its own oldest one. A write for which `written` waits already never stands in it.
 */
import { type Account, ENDED_LINK_BYTES, ITEM_OVERHEAD, type Leavings } from "../ble/budget.ts";
import type { Setting } from "../ble/setting.ts";
import type { LogLevel } from "../platform/platform.ts";
import type { DeviceConnection } from "./device-connection.ts";

/** Writes that the queue holds by default; `config({ captureQueueSize })` changes it. */
export const CAPTURE_QUEUE_SIZE = 10;

/** The setting for it. */
export const CAPTURE_QUEUE_SETTING: Setting<"captureQueueSize"> = {
  name: "captureQueueSize",
  min: 1,
  max: 10_000,
  initial: CAPTURE_QUEUE_SIZE,
};

/** Bytes that a longer queue may take where the platform does not say. */
export const CAPTURE_BYTES = 4 * 1024 * 1024;

/** What the queue is handed. */
export interface CapturePort {
  /** Bytes that its writes may take when it is longer than by default. */
  readonly bytes: number;
  log(level: LogLevel, message: string): void;
}

/** One captured write. The connection may be down by the time it is taken. */
export interface CapturedWrite {
  readonly connection: DeviceConnection;
  readonly data: Uint8Array;
}

/** Who captures writes. */
export interface CaptureTarget {
  /** Writes to it that the queue holds. */
  held: number;
  /** Writes to it that the queue dropped. */
  overflown: number;
  /** Writes to it that `written` resolved with, and that nobody has looked at. */
  unseen: number;
}

/**
 * A captured write as `written` resolves with it. It is counted until somebody looks at it: a promise that lost a race
 * takes a write as every other does, and nothing else says that nobody is there for it.
 */
export class HandedWrite implements CapturedWrite {
  private readonly write: CapturedWrite;
  /** Until somebody has looked. */
  private target: CaptureTarget | undefined;

  constructor(target: CaptureTarget, write: CapturedWrite) {
    this.target = target;
    this.write = write;
    target.unseen++;
  }

  private look(): CapturedWrite {
    if (this.target) this.target.unseen--;
    this.target = undefined;
    return this.write;
  }

  get connection(): DeviceConnection {
    return this.look().connection;
  }

  get data(): Uint8Array {
    return this.look().data;
  }
}

interface Entry {
  readonly target: CaptureTarget;
  readonly write: CapturedWrite;
  /** What the link of the writer keeps. */
  readonly account: Account;
  /** Whether it counts there; else it counts among the bytes of a longer queue. */
  readonly isCharged: boolean;
}

/** What a write costs of the bytes of a longer queue; the first of its link holds the connection, which may end. */
function longCost(length: number, { elsewhere }: Account): number {
  return length + ITEM_OVERHEAD + (elsewhere === 0 ? ENDED_LINK_BYTES : 0);
}

export class CaptureQueue implements Leavings {
  /** An acknowledged write does not go for what a link would like to keep, only for what it is guaranteed. */
  readonly bytes = 0;
  /** Writes of all that were dropped because the queue was full or shrank: the oldest each time. */
  dropped = 0;
  private limit = CAPTURE_QUEUE_SIZE;
  private entries: Entry[] = [];
  /** Bytes of those that no link's account has. */
  private longBytes = 0;
  private readonly port: CapturePort;

  constructor(port: CapturePort) {
    this.port = port;
  }

  /** Writes that it holds at most. */
  get size(): number {
    return this.limit;
  }

  /** When it holds more than the new size, the oldest are dropped and counted; the others stay in their order. */
  set size(size: number) {
    this.limit = size;
    while (this.entries.length > size) this.drop(0, `${size} writes`);
  }

  /**
   * A client whose writes fill its share of the memory loses its own oldest ones. Where the application has asked for a
   * longer queue than the default, that has bytes of its own, of which the writer's oldest go first.
   */
  add(target: CaptureTarget, write: CapturedWrite, account: Account): void {
    const { limit, port } = this;
    if (this.entries.length >= limit) this.drop(0, `${limit} writes`);
    const isCharged = limit <= CAPTURE_QUEUE_SIZE;
    const { length } = write.data;
    if (isCharged) {
      if (!this.makeRoom(length, account)) return this.lose(target, `${limit} writes`);
    } else {
      while (this.longBytes + longCost(length, account) > port.bytes) {
        const own = this.entries.findIndex((entry) => !entry.isCharged && entry.account === account);
        const oldest = own < 0 ? this.entries.findIndex((entry) => !entry.isCharged) : own;
        if (oldest < 0) break;
        this.drop(oldest, `${port.bytes} bytes`);
      }
      this.longBytes += longCost(length, account);
      account.elsewhere++;
    }
    this.entries.push({ target, write, account, isCharged });
    target.held++;
  }

  /** False when nothing is left beside what other links are guaranteed. */
  private makeRoom(length: number, account: Account): boolean {
    while (!account.fits(length)) {
      account.refuse();
      const own = this.entries.findIndex((entry) => entry.isCharged && entry.account === account);
      if (own < 0) break;
      this.drop(own, `${this.limit} writes`);
    }
    // One write is kept beyond the link's share: the client has the answer that it arrived.
    return account.force(length);
  }

  /** @param size of the queue that is full, for the log. */
  private drop(index: number, size: string): void {
    const [entry] = this.entries.splice(index, 1) as [Entry];
    this.release(entry);
    const { target } = entry;
    target.held--;
    this.lose(target, size);
  }

  /** A write is not kept: counts it, and logs the first. */
  private lose(target: CaptureTarget, size: string): void {
    target.overflown++;
    if (this.dropped++ === 0) {
      this.port.log(
        "warning",
        `aioble: the capture queue of ${size} is full, the oldest was dropped: await written() more often or raise captureQueueSize`,
      );
    }
  }

  /** For the budget: the oldest write of a link that has ended. */
  dropOldest(): boolean {
    const oldest = this.entries.findIndex(({ account, isCharged }) => isCharged && account.hasEnded);
    if (oldest >= 0) this.drop(oldest, `${this.limit} writes`);
    return oldest >= 0;
  }

  /** This write is kept no longer. */
  private release({ account, isCharged, write }: Entry): void {
    const { length } = write.data;
    if (isCharged) return account.give(length);
    account.elsewhere--;
    this.longBytes -= longCost(length, account);
  }

  /** Nobody can take writes to this characteristic any more. */
  forget(target: CaptureTarget): void {
    for (const entry of this.entries) if (entry.target === target) this.release(entry);
    this.entries = this.entries.filter((entry) => entry.target !== target);
    target.held = 0;
  }

  /** The oldest write to this characteristic. Others' writes stay in their order and block nobody. */
  take(target: CaptureTarget): CapturedWrite | undefined {
    const { entries } = this;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!;
      if (entry.target !== target) continue;
      entries.splice(index, 1);
      this.release(entry);
      target.held--;
      return entry.write;
    }
    return undefined;
  }
}
