/**
 * Virtual time: nothing waits, and the same run gives the same order every time.
 *
 * Between two events that reach code outside the simulator, every promise job that can run is run, as a real event loop
 * would. What the simulator does for itself (connection events in which nothing happens, say) needs no such pause: it
 * uses `quiet`, which is why an idle link costs next to nothing.
 */
import type { Clock, Timer } from "../firmware/platform/platform.ts";
import { settle } from "./settle.ts";

interface Entry {
  readonly atMs: number;
  /** Entries of the same time run in the order in which they were made. */
  readonly order: number;
  readonly callback: () => void;
  readonly quiet: boolean;
  /** Its index in the heap; -1 once it has left it. */
  place: number;
}

/** How far `run` lets time go before it gives a scenario up. */
export const DEFAULT_LIMIT_MS = 600_000;

export class VirtualClock implements Clock {
  /** For the simulator's own machinery: callbacks that call nothing outside it. */
  readonly quiet: Clock;
  /** Callbacks run so far, quiet ones included. */
  events = 0;
  /** The most timers that were set at the same time. */
  pendingPeak = 0;
  private readonly settled: () => Promise<void>;
  /** A binary heap: the earliest entry first. */
  private readonly heap: Entry[] = [];
  private nowMs = 0;
  private orders = 0;
  private running = false;

  /** @param settled resolves when nothing more happens without time passing: no promise job is left, by default. */
  constructor(settled: () => Promise<void> = settle) {
    this.settled = settled;
    this.quiet = {
      now: () => this.nowMs,
      setTimer: (callback, delayMs) => this.add(callback, delayMs, true),
      clearTimer: (timer) => this.clearTimer(timer),
    };
  }

  now(): number {
    return this.nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    return this.add(callback, delayMs, false);
  }

  clearTimer(timer: Timer): void {
    const place = (timer as Entry | undefined)?.place ?? -1;
    // At once: what a timer's callback holds is not to outlive it.
    if (place >= 0) this.remove(place);
  }

  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.heap.length;
  }

  /** Lets `durationMs` pass in which nothing runs, as while the processor is busy: what became due is late. */
  elapse(durationMs: number): void {
    this.nowMs += durationMs;
  }

  /** A promise that resolves `delayMs` later, for scenarios. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(resolve, delayMs));
  }

  /** Lets `durationMs` pass, with everything that happens in it. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.nowMs + durationMs;
    await this.exclusive(() => this.loop(() => false, untilMs));
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /**
   * Runs a scenario: starts it and lets time pass until its promise settles.
   * @throws what the scenario throws; Error when nothing is left that could wake it, or after `limitMs` of virtual time.
   */
  async run<T>(scenario: () => Promise<T>, limitMs: number = DEFAULT_LIMIT_MS): Promise<T> {
    let settled = false;
    const untilMs = this.nowMs + limitMs;
    return this.exclusive(async () => {
      const result = scenario().finally(() => {
        settled = true;
      });
      result.catch(() => {});
      await this.loop(() => settled, untilMs);
      if (settled) return result;
      const why = this.heap.length > 0 ? `waits after ${limitMs} ms` : "waits, and nothing is left to happen";
      throw new Error(`the scenario still ${why} (at ${this.nowMs} ms of virtual time)`);
    });
  }

  private async exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.running) throw new Error("virtual time runs already: use sleep() inside a scenario");
    this.running = true;
    try {
      return await work();
    } finally {
      this.running = false;
    }
  }

  private async loop(finished: () => boolean, untilMs: number): Promise<void> {
    await this.settled();
    while (!finished()) {
      const next = this.heap[0];
      if (!next || next.atMs > untilMs) return;
      this.remove(0);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.events++;
      next.callback();
      if (!next.quiet) await this.settled();
    }
  }

  private add(callback: () => void, delayMs: number, quiet: boolean): Entry {
    if (!(delayMs >= 0)) throw new RangeError(`a timer of ${delayMs} ms`);
    const atMs = this.nowMs + delayMs;
    const entry: Entry = { atMs, order: this.orders++, callback, quiet, place: this.heap.length };
    this.heap.push(entry);
    this.pendingPeak = Math.max(this.pendingPeak, this.heap.length);
    this.rise(entry);
    return entry;
  }

  private remove(place: number): void {
    const { heap } = this;
    heap[place]!.place = -1;
    const last = heap.pop()!;
    if (place === heap.length) return;
    this.put(last, place);
    this.rise(last);
    this.sink(last);
  }

  private put(entry: Entry, place: number): void {
    this.heap[place] = entry;
    entry.place = place;
  }

  private rise(entry: Entry): void {
    const { heap } = this;
    while (entry.place > 0) {
      const { place } = entry;
      const parent = heap[(place - 1) >> 1]!;
      if (!isBefore(entry, parent)) return;
      this.put(entry, parent.place);
      this.put(parent, place);
    }
  }

  private sink(entry: Entry): void {
    const { heap } = this;
    for (;;) {
      const { place } = entry;
      const left = heap[place * 2 + 1];
      const right = heap[place * 2 + 2];
      const child = right && isBefore(right, left!) ? right : left;
      if (!child || !isBefore(child, entry)) return;
      this.put(entry, child.place);
      this.put(child, place);
    }
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
