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

/** A wait that has not ended, for those who end it. */
export interface Pending<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Neither a deadline nor a signal. */
export const NO_LIMITS: WaitOptions = Object.freeze({});

/** @throws RangeError when `timeoutMs` is given and not a finite number of 0 or more. */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(timeoutMs >= 0 && timeoutMs < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `timeoutMs ${timeoutMs} is out of range: give milliseconds, 0 or more, or leave it out`,
    );
  }
}

/** One wait; most have neither a deadline nor a signal, and cost no more than their promise. */
export class Wait<T> implements Pending<T> {
  readonly promise: Promise<T>;
  isOver = false;
  /** Called when it ended in any way, before the promise settles. */
  onEnd: (() => void) | undefined = undefined;
  private readonly scope: WaitScope;
  private fulfil!: (value: T) => void;
  private refuse!: (error: unknown) => void;
  /** Lets go of timer and signal. */
  private release: (() => void) | undefined = undefined;

  /** For WaitScope. */
  constructor(scope: WaitScope) {
    this.scope = scope;
    this.promise = new Promise((resolve, reject) => {
      this.fulfil = resolve;
      this.refuse = reject;
    });
  }

  /** For WaitScope: ends it by `options` too. */
  limit({ timeoutMs, signal }: WaitOptions, clock: Clock): void {
    const onAbort = (): unknown => this.reject(signal!.reason);
    let timer: Timer;
    if (timeoutMs !== undefined) {
      timer = clock.setTimer(() => {
        timer = undefined;
        this.reject(new TimeoutError(timeoutMs));
      }, timeoutMs);
    }
    if (signal) signal.addEventListener("abort", onAbort);
    this.release = () => {
      if (timer !== undefined) clock.clearTimer(timer);
      if (signal) signal.removeEventListener("abort", onAbort);
    };
  }

  /** Returns whether this ended it: false when it had ended before. */
  resolve(value: T): boolean {
    if (this.isOver) return false;
    this.finish();
    this.fulfil(value);
    return true;
  }

  /** As `resolve`. */
  reject(error: unknown): boolean {
    if (this.isOver) return false;
    this.finish();
    this.refuse(error);
    return true;
  }

  private finish(): void {
    this.isOver = true;
    this.scope.waits.delete(this);
    if (this.release) this.release();
    if (this.onEnd) this.onEnd();
  }
}

/** Waits that end together. */
export class WaitScope {
  /** Those that have not ended. */
  readonly waits = new Set<Pick<Wait<unknown>, "reject">>();
  private readonly clock: Clock;
  /** Why the scope ended; waits that start later end in it at once. */
  private ended: { readonly error: unknown } | undefined = undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Ends every wait, and those to come, with `error`. */
  end(error: unknown): void {
    this.ended = { error };
    this.interrupt(error);
  }

  /** Ends every wait with `error`; later ones are not concerned. */
  interrupt(error: unknown): void {
    for (const wait of [...this.waits]) wait.reject(error);
  }

  /**
   * Starts a wait. It may be over already.
   * @throws RangeError for a bad `timeoutMs`.
   */
  start<T>(options: WaitOptions): Wait<T> {
    const signal = options.signal;
    const isLimited = signal !== undefined || options.timeoutMs !== undefined;
    if (isLimited) checkTimeout(options.timeoutMs);
    const wait = new Wait<T>(this);
    if (this.ended) wait.reject(this.ended.error);
    else if (signal?.aborted) wait.reject(signal.reason);
    else {
      this.waits.add(wait);
      if (isLimited) wait.limit(options, this.clock);
    }
    return wait;
  }

  /**
   * The promise of a wait that `begin` sets going, unless it is over already. `onEnd` is called when it ended in any way,
   * before the promise settles.
   * @throws RangeError for a bad `timeoutMs`.
   */
  wait<T>(options: WaitOptions, begin: (pending: Pending<T>) => void, onEnd?: () => void): Promise<T> {
    const wait = this.start<T>(options);
    if (!wait.isOver) {
      wait.onEnd = onEnd;
      begin(wait);
    }
    return wait.promise;
  }
}
