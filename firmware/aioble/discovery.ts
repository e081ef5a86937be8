/**
 * What a discovery finds, one after the other. Written by hand and not as an async generator, whose `return()` would wait
 * behind a pending `next()`.
 */
import { TimeoutError } from "./errors.ts";
import type { Pending, WaitOptions } from "./wait.ts";
import { checkWait } from "./wait.ts";

/** How long a discovery may take when nobody says. */
const TIMEOUT_MS = 2000;

/** Why the loop ended a step. */
const LEFT = new Error("the discovery was left");

/** Whose steps take time. */
export interface StepClient {
  now(): number;
  /** Milliseconds for which nothing could be asked of the peer, because its link is to be encrypted first. */
  readonly heldMs: number;
}

/** How long a step may take. */
export interface StepLimits extends WaitOptions {
  readonly timeoutMs: number;
  /** Nobody said so: the time in which the peer cannot be asked, or is asked something else and answers, does not count. */
  readonly isDefault: boolean;
  /** Called when the time begins, where that is not at once. */
  onTurn(): void;
}

/** Asks the peer once; undefined when there is no more. `onBegin` gets the wait, unless it needs none. */
export type Look<T> = (
  options: StepLimits,
  onBegin: (pending: Pending<unknown>) => void,
) => Promise<readonly T[] | undefined>;

/**
 * Sends nothing before the first step, and asks for no more than the loop takes. Between two steps, and when it is left, the
 * connection is free for others.
 */
export class Discovery<T> implements AsyncIterableIterator<T> {
  private readonly look: Look<T>;
  private readonly options: WaitOptions;
  private readonly client: StepClient;
  private readonly found: T[] = [];
  /** What is left of the time, not counting what the loop itself takes. */
  private leftMs: number;
  private isOver = false;
  private waiting: Pending<unknown> | undefined = undefined;
  /** The step that was asked for last, until it is done: steps are taken in turn. */
  private last: Promise<unknown> | undefined = undefined;

  /**
   * Not for applications.
   * @param what names the call that makes it, for a person
   * @param client of the peer that is asked
   * @param known everything there is, where that is known already: the peer is not asked.
   * @throws TypeError for an unknown option, RangeError for a bad `timeoutMs`.
   */
  constructor(what: string, client: StepClient, options: WaitOptions, look: Look<T>, known?: readonly T[]) {
    checkWait(what, options);
    if (known) {
      this.found.push(...known);
      this.isOver = true;
    }
    this.client = client;
    this.options = options;
    this.look = look;
    this.leftMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  next(): Promise<IteratorResult<T>> {
    const { found, last } = this;
    if (!last && found.length > 0) return Promise.resolve({ value: found.shift()!, done: false });
    const step = last ? last.then(() => this.step()) : this.step();
    const done: Promise<void> = step.then(
      () => this.stepped(done),
      () => this.stepped(done),
    );
    this.last = done;
    return step;
  }

  private stepped(step: Promise<unknown>): void {
    if (this.last === step) this.last = undefined;
  }

  private async step(): Promise<IteratorResult<T>> {
    while (this.found.length === 0 && !this.isOver) {
      const items = await this.ask();
      if (items) this.found.push(...items);
      else this.isOver = true;
    }
    if (this.found.length === 0) return { value: undefined, done: true };
    return { value: this.found.shift()!, done: false };
  }

  private async ask(): Promise<readonly T[] | undefined> {
    const { client, leftMs } = this;
    const { signal } = this.options;
    const isDefault = this.options.timeoutMs === undefined;
    const now = (): number => client.now() - (isDefault ? client.heldMs : 0);
    let beforeMs = now();
    const onTurn = (): void => {
      beforeMs = now();
    };
    try {
      return await this.look({ timeoutMs: leftMs, signal, isDefault, onTurn }, (pending) => {
        this.waiting = pending;
      });
    } catch (error) {
      this.isOver = true;
      if (error === LEFT) return undefined;
      if (error instanceof TimeoutError) throw new TimeoutError(this.options.timeoutMs ?? TIMEOUT_MS);
      throw error;
    } finally {
      this.waiting = undefined;
      this.leftMs = Math.max(0, leftMs - (now() - beforeMs));
    }
  }

  /** Leaves the loop: a pending step ends at once. */
  return(): Promise<IteratorResult<T>> {
    this.isOver = true;
    this.found.length = 0;
    this.waiting?.reject(LEFT);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The first that is found; undefined when there is none. */
  async first(): Promise<T | undefined> {
    const { value, done } = await this.next();
    await this.return();
    return done ? undefined : value;
  }
}
