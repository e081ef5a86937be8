/**
 * The globals that firmware and applications have besides those of the language (tsconfig's `lib`). The objects come
 * from globals.ts; what is not declared here does not exist on a camera.
 */

interface Console {
  /** Writes a line of level "info". Values are separated by spaces; there are no format specifiers. */
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

declare var console: Console;

/**
 * Calls `callback` with `args` once, after `delayMs` milliseconds, at least 1, without an upper limit.
 * @returns a handle for `clearTimeout`, an integer above 0
 * @throws TypeError when `callback` is not a function
 */
declare function setTimeout(callback: (nothing: void) => void, delayMs?: number): number;
declare function setTimeout<A extends unknown[]>(
  callback: (...args: A) => void,
  delayMs?: number,
  ...args: A
): number;

/**
 * Calls `callback` with `args` every `delayMs` milliseconds, at least 1, until it is cleared. Calls that were
 * missed are left out.
 * @returns a handle for `clearInterval`, an integer above 0
 * @throws TypeError when `callback` is not a function
 */
declare function setInterval<A extends unknown[]>(
  callback: (...args: A) => void,
  delayMs?: number,
  ...args: A
): number;

/** Forgets a timer; handles that are not in use are ignored. */
declare function clearTimeout(handle: number | undefined): void;
declare function clearInterval(handle: number | undefined): void;

/** What a listener of an `AbortSignal` gets. */
interface AbortSignalEvent {
  readonly type: "abort";
  readonly target: AbortSignal;
  readonly currentTarget: AbortSignal;
}

type AbortSignalListener =
  | ((this: AbortSignal, event: AbortSignalEvent) => void)
  | { handleEvent(event: AbortSignalEvent): void };

/** Signals operations that their result is not wanted any more. */
interface AbortSignal {
  readonly aborted: boolean;
  /** Why: an Error named "AbortError" or "TimeoutError", or what was given to `abort`. */
  // biome-ignore lint/suspicious/noExplicitAny: as the standard types it, so that `throw signal.reason` needs no cast
  readonly reason: any;
  onabort: ((this: AbortSignal, event: AbortSignalEvent) => void) | null;
  /** Throws `reason` when aborted. */
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: AbortSignalListener, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: AbortSignalListener): void;
}

declare var AbortSignal: {
  readonly prototype: AbortSignal;
  /** A signal that is aborted already. */
  abort(reason?: unknown): AbortSignal;
  /**
   * A signal that aborts after `delayMs` milliseconds with an Error named "TimeoutError".
   * @throws RangeError when `delayMs` is negative or no number of milliseconds
   */
  timeout(delayMs: number): AbortSignal;
  /** A signal that aborts with the first of `signals`, for the same reason. */
  any(signals: Iterable<AbortSignal>): AbortSignal;
};

/** Owner of a signal. */
interface AbortController {
  readonly signal: AbortSignal;
  /** Aborts the signal, once; `reason` is an Error named "AbortError" when left out. */
  abort(reason?: unknown): void;
}

declare var AbortController: {
  readonly prototype: AbortController;
  new (): AbortController;
};
