/** `written` again and again, for `for await`. */
import { BleError } from "../ble/errors.ts";
import type { Core } from "./core.ts";
import type { ScopeMember, Signal, WaitScope } from "./wait.ts";

/** Somebody who waits for the next write: a promise of `written`, or an iterator. */
export interface Taker {
  /** Whether it waits no longer. */
  readonly isOver: boolean;
  /** Whether what it resolves with may never be looked at. */
  readonly mayBeAbandoned: boolean;
  /** The one that joined next. */
  nextTaker: Taker | undefined;
  resolve(written: unknown): boolean;
  reject(error: unknown): boolean;
}

/** What an iterator needs of the attribute whose writes it hands out. */
export interface WriteSource<Written> {
  /** Undefined while it is not registered. */
  readonly registration: { readonly core: Core } | undefined;
  /** Why nothing can be asked of it while it is not registered. */
  notRegistered(what: string): TypeError;
  /** A write that came before anybody waited. */
  takeEarlier(): Written | undefined;
  /** The next write is for `taker`, after those who wait already. */
  join(taker: Taker): void;
  /** The next write is not for `taker` any more. */
  leave(taker: Taker): void;
}

/** The result of a step after the last one. */
const END: IteratorReturnResult<undefined> = Object.freeze({ value: undefined, done: true });

/**
 * An iterator over writes that can be left while it waits. Written by hand: between two writes there is one promise, and
 * nothing is set up again for each of them.
 */
export class WriteIterator<Written> implements AsyncIterableIterator<Written>, ScopeMember, Taker {
  /** The step that waits, what settles it, and the scope that ends it. */
  private step: Promise<IteratorResult<Written>> | undefined = undefined;
  private fulfil!: (result: IteratorResult<Written>) => void;
  private refuse!: (error: unknown) => void;
  private scope!: WaitScope;
  nextTaker: Taker | undefined = undefined;
  /** What a step of a loop results in is looked at. */
  readonly mayBeAbandoned = false;
  private readonly source: WriteSource<Written>;
  private readonly signal: Signal | undefined;
  private readonly onAbort: (() => void) | undefined = undefined;
  private left = false;

  constructor(source: WriteSource<Written>, signal: Signal | undefined) {
    this.source = source;
    this.signal = signal;
    if (signal) this.onAbort = () => this.reject(signal.reason);
  }

  /** Whether no step waits. */
  get isOver(): boolean {
    return this.step === undefined;
  }

  next(): Promise<IteratorResult<Written>> {
    const { signal, source } = this;
    if (this.left) return Promise.resolve(END);
    if (this.step) return this.nextAfter(this.step);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const registration = source.registration;
    if (!registration) return Promise.reject(source.notRegistered("writes"));
    const value = source.takeEarlier();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    const scope = registration.core.scope;
    const deferrals = scope.deferrals;
    const step = deferrals.create<IteratorResult<Written>>();
    this.fulfil = deferrals.fulfil as (result: IteratorResult<Written>) => void;
    this.refuse = deferrals.refuse;
    this.scope = scope;
    this.step = step;
    scope.members.add(this);
    source.join(this);
    if (signal) this.listen(signal);
    return step;
  }

  /** Steps are taken in turn. */
  private nextAfter(step: Promise<unknown>): Promise<IteratorResult<Written>> {
    const next = (): Promise<IteratorResult<Written>> => this.next();
    return step.then(next, next);
  }

  private listen(signal: Signal): void {
    try {
      signal.addEventListener("abort", this.onAbort!);
    } catch (error) {
      this.reject(error);
    }
  }

  /** A write has come. Returns whether a step waited for it. */
  resolve(value: Written): boolean {
    if (!this.step) return false;
    this.step = undefined;
    this.scope.members.delete(this);
    if (this.signal) this.signal.removeEventListener("abort", this.onAbort!);
    this.fulfil({ value, done: false });
    return true;
  }

  /** The end of the radio ends the loop; every other error is thrown in it. */
  reject(error: unknown): boolean {
    if (!this.step) return false;
    this.leave();
    if (error instanceof BleError && error.code === "radio-off") this.fulfil(END);
    else this.refuse(error);
    return true;
  }

  return(): Promise<IteratorResult<Written>> {
    this.left = true;
    if (this.step) {
      this.leave();
      this.fulfil(END);
    }
    return Promise.resolve(END);
  }

  /** The step ends, but not by a write. */
  private leave(): void {
    this.source.leave(this);
    this.step = undefined;
    this.scope.members.delete(this);
    if (this.signal) this.signal.removeEventListener("abort", this.onAbort!);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
