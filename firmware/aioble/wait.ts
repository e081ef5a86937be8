/**
 * The one way in which anything waits. A wait ends exactly once: by its value, its timeout, its signal, or the end of
 * the scope it belongs to (the connection, or the radio).
 */
import type { Clock, Timer } from "../platform/platform.ts";
import { TimeoutError } from "./errors.ts";

/** The part of AbortSignal that waits need; the platform's own and Node's both fit. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What every wait takes. */
export interface WaitOptions {
  /** Deadline in milliseconds from now, 0 or more; none when left out. Ends in `TimeoutError`. */
  readonly timeoutMs?: number;
  /** Ends in the signal's reason. */
  readonly signal?: Signal;
}

/** A wait that has not ended. */
export interface Pending<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** @throws RangeError when `timeoutMs` is given and not a finite number of 0 or more. */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(timeoutMs >= 0 && timeoutMs < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `timeoutMs ${timeoutMs} is out of range: give milliseconds, 0 or more, or leave it out`,
    );
  }
}

/** Waits that end together. */
export class WaitScope {
  private readonly clock: Clock;
  private readonly pending = new Set<Pending<never>>();
  /** Why the scope ended; waits that start later end in it at once. */
  private ended: { readonly error: unknown } | undefined = undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Ends every wait, and those to come, with `error`. */
  end(error: unknown): void {
    this.ended = { error };
    for (const pending of [...this.pending]) pending.reject(error);
  }

  /** Ends every wait with `error`; later ones are not concerned. */
  interrupt(error: unknown): void {
    for (const pending of [...this.pending]) pending.reject(error);
  }

  /**
   * Starts a wait. `onEnd` is called when it ended in any way, before the promise settles.
   * @throws RangeError for a bad `timeoutMs`.
   */
  wait<T>(options: WaitOptions, begin: (pending: Pending<T>) => void, onEnd?: () => void): Promise<T> {
    const { timeoutMs, signal } = options;
    checkTimeout(timeoutMs);
    return new Promise<T>((resolve, reject) => {
      if (this.ended) return reject(this.ended.error);
      if (signal?.aborted) return reject(signal.reason);
      let timer: Timer;
      const onAbort = (): void => pending.reject(signal!.reason);
      const finish = (): boolean => {
        if (!this.pending.delete(pending as Pending<never>)) return false;
        if (timer !== undefined) this.clock.clearTimer(timer);
        if (signal) signal.removeEventListener("abort", onAbort);
        if (onEnd) onEnd();
        return true;
      };
      const pending: Pending<T> = {
        resolve: (value) => {
          if (finish()) resolve(value);
        },
        reject: (error) => {
          if (finish()) reject(error);
        },
      };
      this.pending.add(pending as Pending<never>);
      if (timeoutMs !== undefined) {
        timer = this.clock.setTimer(() => {
          timer = undefined;
          pending.reject(new TimeoutError(timeoutMs));
        }, timeoutMs);
      }
      if (signal) signal.addEventListener("abort", onAbort);
      begin(pending);
    });
  }
}
