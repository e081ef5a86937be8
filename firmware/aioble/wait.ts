/**
 * The one way in which anything waits. A wait ends exactly once: by its value, its timeout, its signal, or the end of
 * the scope it belongs to (the connection, or the radio).
 */

import { checkKeys, type KeyTable, WAIT_KEYS } from "../ble/option-keys.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import { TimeoutError } from "./errors.ts";
import type { Taker } from "./write-iterator.ts";

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
  /** Its deadline, if it has one, counts from now. */
  postpone(): void;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Neither a deadline nor a signal. */
export const NO_LIMITS: WaitOptions = Object.freeze({});

/** @throws TypeError for no number, RangeError when `timeoutMs` is given and not a finite one of 0 or more. */
export function checkTimeout(timeoutMs: number | undefined, name = "timeoutMs"): void {
  if (timeoutMs === undefined) return;
  if (typeof timeoutMs !== "number") throw new TypeError(`${name} is a number, not a ${typeof timeoutMs}`);
  if (!(timeoutMs >= 0 && timeoutMs < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `${name} ${timeoutMs} is out of range: give milliseconds, 0 or more, or leave it out`,
    );
  }
}

/**
 * Checks the options of a call that waits: the keys, and the deadline.
 * @param what names the call, for a person
 * @param keys what the call takes, where that is more than every wait does
 * @throws TypeError for a key that it does not take, and as `checkTimeout`
 */
export function checkWait(what: string, options: WaitOptions, keys: KeyTable = WAIT_KEYS): void {
  if (options === NO_LIMITS) return;
  checkKeys(what, options, keys);
  checkTimeout(options.timeoutMs);
}

/**
 * Makes promises together with what settles them. They share one executor: a closure for each would take more memory than
 * all else of a wait.
 */
export class Deferrals {
  /** What settles the promise that was made last. */
  fulfil!: (value: never) => void;
  refuse!: (error: unknown) => void;
  private readonly executor = (fulfil: (value: never) => void, refuse: (error: unknown) => void): void => {
    this.fulfil = fulfil;
    this.refuse = refuse;
  };

  create<T>(): Promise<T> {
    return new Promise<T>(this.executor as never);
  }
}

/** One wait; most have neither a deadline nor a signal, and cost no more than their promise. */
export class Wait<T> implements Pending<T> {
  readonly promise: Promise<T>;
  isOver = false;
  /** Called when it ended in any way, before the promise settles. */
  onEnd: (() => void) | undefined = undefined;
  private readonly scope: WaitScope;
  private readonly fulfil: (value: T) => void;
  private readonly refuse: (error: unknown) => void;
  private limits: Limits | undefined = undefined;
  /** See Taker. */
  nextTaker: Taker | undefined = undefined;

  /** For WaitScope. */
  constructor(scope: WaitScope) {
    this.scope = scope;
    const deferrals = scope.deferrals;
    this.promise = deferrals.create<T>();
    this.fulfil = deferrals.fulfil as (value: T) => void;
    this.refuse = deferrals.refuse;
  }

  /** Nothing distinguishes a promise that is awaited from one that lost a race. */
  get mayBeAbandoned(): boolean {
    return true;
  }

  /** For WaitScope: ends it by `options` too. */
  limit({ timeoutMs, signal }: WaitOptions, clock: Clock): void {
    const limits: Limits = { clock, timeoutMs, timer: undefined, signal: undefined, onAbort: undefined };
    this.limits = limits;
    if (timeoutMs !== undefined) {
      limits.timer = clock.setTimer(() => {
        limits.timer = undefined;
        this.reject(new TimeoutError(timeoutMs));
      }, timeoutMs);
    }
    if (!signal) return;
    limits.onAbort = () => this.reject(signal.reason);
    limits.signal = signal;
    signal.addEventListener("abort", limits.onAbort);
  }

  /** Its deadline counts from now. */
  postpone(): void {
    const { limits } = this;
    if (this.isOver || !limits || limits.timer === undefined) return;
    const { clock, timeoutMs } = limits;
    clock.clearTimer(limits.timer);
    limits.timer = clock.setTimer(() => {
      limits.timer = undefined;
      this.reject(new TimeoutError(timeoutMs!));
    }, timeoutMs!);
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

  /** For WaitScope: ends it without a result. What had to be set going for it has failed. */
  discard(): void {
    if (!this.isOver) this.finish();
  }

  private finish(): void {
    this.isOver = true;
    this.scope.members.delete(this);
    if (this.limits) release(this.limits);
    if (this.onEnd) this.onEnd();
  }
}

/** What a deadline and a signal hold. */
interface Limits {
  readonly clock: Clock;
  readonly timeoutMs: number | undefined;
  timer: Timer;
  signal: Signal | undefined;
  onAbort: (() => void) | undefined;
}

function release({ clock, timer, signal, onAbort }: Limits): void {
  if (timer !== undefined) clock.clearTimer(timer);
  signal?.removeEventListener("abort", onAbort!);
}

/** What ends with a scope. */
export interface ScopeMember {
  /** Nothing happens when it has ended already. */
  reject(error: unknown): void;
}

/** Waits that end together. */
export class WaitScope {
  /** Those that have not ended. */
  readonly members = new Set<ScopeMember>();
  readonly deferrals: Deferrals;
  private readonly clock: Clock;
  /** Why the scope ended; waits that start later end in it at once. */
  private ended: { readonly error: unknown } | undefined = undefined;

  constructor(clock: Clock, deferrals: Deferrals) {
    this.clock = clock;
    this.deferrals = deferrals;
  }

  /** Ends every wait, and those to come, with `error`. */
  end(error: unknown): void {
    this.ended = { error };
    this.interrupt(error);
  }

  /** Ends every wait with `error`; later ones are not concerned. */
  interrupt(error: unknown): void {
    for (const member of [...this.members]) member.reject(error);
  }

  /**
   * Starts a wait. It may be over already. Nothing of it is left when this throws.
   * @throws RangeError for a bad `timeoutMs`.
   */
  start<T>(options: WaitOptions): Wait<T> {
    const signal = options.signal;
    const isLimited = signal !== undefined || options.timeoutMs !== undefined;
    if (isLimited) checkTimeout(options.timeoutMs);
    const wait = new Wait<T>(this);
    if (this.ended) wait.reject(this.ended.error);
    else if (isLimited) this.limit(wait, options);
    else this.members.add(wait);
    return wait;
  }

  private limit<T>(wait: Wait<T>, options: WaitOptions): void {
    const signal = options.signal;
    if (signal?.aborted) {
      wait.reject(signal.reason);
      return;
    }
    try {
      this.members.add(wait);
      wait.limit(options, this.clock);
    } catch (error) {
      wait.discard();
      throw error;
    }
  }

  /**
   * The promise of a wait that `begin` sets going, unless it is over already. `onEnd` is called when it ended in any way,
   * before the promise settles. Nothing of the wait is left when `begin` throws.
   * @throws RangeError for a bad `timeoutMs`; what `begin` throws.
   */
  wait<T>(options: WaitOptions, begin: (pending: Pending<T>) => void, onEnd?: () => void): Promise<T> {
    const wait = this.start<T>(options);
    if (wait.isOver) return wait.promise;
    wait.onEnd = onEnd;
    try {
      begin(wait);
    } catch (error) {
      wait.discard();
      throw error;
    }
    return wait.promise;
  }
}
