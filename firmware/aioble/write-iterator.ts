/** `written` again and again, for `for await`. */
import { BleError } from "../ble/errors.ts";
import type { ScopeMember, Signal, WaitScope } from "./wait.ts";

/** What an iterator needs of the attribute whose writes it hands out. */
export interface WriteSource<Written> {
  /** The scope that waits begin in now. @throws TypeError when it is not registered. */
  waitScope(): WaitScope;
  /** A write that came before anybody waited. */
  takeEarlier(): Written | undefined;
  /** The next write is for `iterator`. */
  join(iterator: WriteIterator<Written>): void;
  /** The next write is not for `iterator` any more. */
  leave(iterator: WriteIterator<Written>): void;
}

/** The result of a step after the last one. */
const END: IteratorReturnResult<undefined> = Object.freeze({ value: undefined, done: true });

/**
 * An iterator over writes that can be left while it waits. Written by hand: between two writes there is one promise, and
 * nothing is set up again for each of them.
 */
export class WriteIterator<Written> implements AsyncIterableIterator<Written>, ScopeMember {
  private readonly source: WriteSource<Written>;
  private readonly signal: Signal | undefined;
  private readonly onAbort: (() => void) | undefined = undefined;
  /** The step that waits, what settles it, and the scope that ends it. */
  private step: Promise<IteratorResult<Written>> | undefined = undefined;
  private fulfil!: (result: IteratorResult<Written>) => void;
  private refuse!: (error: unknown) => void;
  private scope!: WaitScope;
  private left = false;

  constructor(source: WriteSource<Written>, signal: Signal | undefined) {
    this.source = source;
    this.signal = signal;
    if (signal) this.onAbort = () => this.reject(signal.reason);
  }

  /** What a step of a loop results in is looked at. */
  get mayBeAbandoned(): boolean {
    return false;
  }

  /** Whether no step waits. */
  get isOver(): boolean {
    return this.step === undefined;
  }

  next(): Promise<IteratorResult<Written>> {
    if (this.left) return Promise.resolve(END);
    const before = this.step;
    if (before) {
      // Steps are taken in turn.
      const next = (): Promise<IteratorResult<Written>> => this.next();
      return before.then(next, next);
    }
    const { signal, source } = this;
    if (signal?.aborted) return Promise.reject(signal.reason);
    try {
      const scope = source.waitScope();
      const value = source.takeEarlier();
      return value === undefined ? this.wait(scope) : Promise.resolve({ value, done: false });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private wait(scope: WaitScope): Promise<IteratorResult<Written>> {
    const { deferrals } = scope;
    const step = deferrals.create<IteratorResult<Written>>();
    this.fulfil = deferrals.fulfil as (result: IteratorResult<Written>) => void;
    this.refuse = deferrals.refuse;
    this.scope = scope;
    this.step = step;
    try {
      scope.members.add(this);
      this.source.join(this);
      if (this.onAbort) this.signal!.addEventListener("abort", this.onAbort);
    } catch (error) {
      this.leave();
      throw error;
    }
    return step;
  }

  /** A write has come. Returns whether a step waited for it. */
  resolve(value: Written): boolean {
    if (!this.step) return false;
    this.finish();
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
    this.finish();
  }

  private finish(): void {
    this.step = undefined;
    this.scope.members.delete(this);
    if (this.onAbort) this.signal!.removeEventListener("abort", this.onAbort);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
