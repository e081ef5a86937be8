/**
 * The queue that all capture characteristics share: every write once, in arrival order. When it is full, the oldest write
 * of all goes, whatever characteristic it was to; a client that fills its share of the memory loses its own oldest one. A write for which `written` waits already never stands in it.
 */
import type { Account } from "../ble/budget.ts";
import type { Setting } from "../ble/setting.ts";
import type { LogLevel } from "../platform/platform.ts";
import type { DeviceConnection } from "./device.ts";

/** Writes that the queue holds by default; `config({ captureQueueSize })` changes it. */
export const CAPTURE_QUEUE_SIZE = 10;

/** The setting for it. */
export const CAPTURE_QUEUE_SETTING: Setting<"captureQueueSize"> = {
  name: "captureQueueSize",
  min: 1,
  max: 10_000,
  initial: CAPTURE_QUEUE_SIZE,
};

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
  /** What the link of the writer keeps; undefined where the application has reckoned with the memory itself. */
  readonly account: Account | undefined;
}

export class CaptureQueue {
  /** Writes of all that were dropped because the queue was full or shrank: the oldest each time. */
  dropped = 0;
  private limit = CAPTURE_QUEUE_SIZE;
  private entries: Entry[] = [];
  private readonly log: (level: LogLevel, message: string) => void;

  constructor(log: (level: LogLevel, message: string) => void) {
    this.log = log;
  }

  /** Writes that it holds at most. */
  get size(): number {
    return this.limit;
  }

  /** When it holds more than the new size, the oldest are dropped and counted; the others stay in their order. */
  set size(size: number) {
    this.limit = size;
    while (this.entries.length > size) this.drop();
  }

  /**
   * A client whose writes fill its share of the memory loses its own oldest ones. Not where the application has asked for
   * a longer queue than the default: it has the memory for it.
   */
  add(target: CaptureTarget, write: CapturedWrite, account: Account): void {
    if (this.entries.length >= this.limit) this.drop();
    const isCharged = this.limit <= CAPTURE_QUEUE_SIZE;
    if (isCharged) this.makeRoom(write.data.length, account);
    this.entries.push({ target, write, account: isCharged ? account : undefined });
    target.held++;
  }

  private makeRoom(length: number, account: Account): void {
    while (!account.fits(length)) {
      account.refuse();
      const own = this.entries.findIndex((entry) => entry.account === account);
      if (own < 0) break;
      this.drop(own);
    }
    // One write is kept whatever else the link keeps: the client has the answer that it arrived.
    account.force(length);
  }

  private drop(index = 0): void {
    const [{ target, write, account }] = this.entries.splice(index, 1) as [Entry];
    release({ account, write });
    target.held--;
    target.overflown++;
    if (this.dropped++ === 0) {
      this.log(
        "warning",
        `aioble: the capture queue of ${this.limit} writes is full, the oldest was dropped: await written() more often or raise captureQueueSize`,
      );
    }
  }

  /** Nobody can take writes to this characteristic any more. */
  forget(target: CaptureTarget): void {
    for (const entry of this.entries) if (entry.target === target) release(entry);
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
      release(entry);
      target.held--;
      return entry.write;
    }
    return undefined;
  }
}

/** The writer's link keeps this write no longer. */
function release({ account, write }: Pick<Entry, "account" | "write">): void {
  const { length } = write.data;
  account?.give(length);
}
