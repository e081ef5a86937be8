/** The queue that all capture characteristics share: every write once, in arrival order. */
import type { LogLevel } from "../platform/platform.ts";
import type { DeviceConnection } from "./device.ts";

/** Writes that the queue holds by default; `config({ captureQueueSize })` changes it. */
export const CAPTURE_QUEUE_SIZE = 10;

/** One captured write. The connection may be down by the time it is taken. */
export interface CapturedWrite {
  readonly connection: DeviceConnection;
  readonly data: Uint8Array;
}

interface Entry extends CapturedWrite {
  /** The characteristic that was written. */
  readonly target: unknown;
}

export class CaptureQueue {
  /** Writes that were dropped because the queue was full: the oldest each time. */
  dropped = 0;
  private limit = CAPTURE_QUEUE_SIZE;
  private readonly entries: Entry[] = [];
  private readonly log: (level: LogLevel, message: string) => void;

  constructor(log: (level: LogLevel, message: string) => void) {
    this.log = log;
  }

  get size(): number {
    return this.limit;
  }

  /** Changes how many writes it holds; the oldest go when there are more. */
  set size(size: number) {
    this.limit = size;
    while (this.entries.length > size) this.drop();
  }

  add(target: unknown, connection: DeviceConnection, data: Uint8Array): void {
    if (this.entries.length >= this.limit) this.drop();
    this.entries.push({ target, connection, data });
  }

  private drop(): void {
    this.entries.shift();
    if (this.dropped++ === 0) {
      this.log(
        "warning",
        `aioble: the capture queue of ${this.limit} writes is full, the oldest was dropped: await written() more often or raise captureQueueSize`,
      );
    }
  }

  /** The oldest write to this characteristic. Others' writes stay in their order and block nobody. */
  take(target: unknown): CapturedWrite | undefined {
    const { entries } = this;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!;
      if (entry.target !== target) continue;
      entries.splice(index, 1);
      return { connection: entry.connection, data: entry.data };
    }
    return undefined;
  }
}
