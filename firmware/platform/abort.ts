import type { Abortion, AbortSource, Clock, Signals } from "./platform.ts";
import type { ErrorReport } from "./report.ts";

/** What a listener of a signal gets. */
export interface AbortEvent {
  readonly type: "abort";
  readonly target: AbortSignal;
  readonly currentTarget: AbortSignal;
}

type Callback = ((this: AbortSignal, event: AbortEvent) => void) | { handleEvent(event: AbortEvent): void };

type PublicSignal = AbortSignal;

interface Listener {
  callback: Callback;
  /** A listener that an earlier one removes is not called any more. */
  removed: boolean;
}

/**
 * `AbortController` and `AbortSignal` after the DOM Standard (https://dom.spec.whatwg.org/#aborting-ongoing-activities),
 * without `EventTarget`: "abort" is the only event. It happens once, so that the option `once` of a listener changes
 * nothing; there are no other options. What a listener throws goes to `report`, and the others are still called.
 *
 * A signal made by `AbortSignal.any` looks at its sources when it is asked, and is known to them only while it has
 * listeners itself. So a source that lives as long as the camera does not collect the signals derived from it. One made by
 * `AbortSignal.timeout` has a timer only while it has listeners.
 */
export function createAbort(clock: Clock, report: ErrorReport): Signals {
  const construct = Symbol("construct");
  const NO_SIGNALS: readonly AbortSignal[] = [];
  let abortions = 0;

  class AbortSignal {
    private onabortListener: Listener | undefined = undefined;
    private listeners: Listener[] = [];
    /** What aborts this signal by itself, and what ends the watch over it. */
    private readonly own: AbortSource | undefined;
    private endWatch: (() => void) | undefined = undefined;
    /** The signals that this one follows; never followers themselves. */
    private sources: readonly AbortSignal[] = NO_SIGNALS;
    private followers: Set<AbortSignal> | undefined = undefined;
    /** The order of abortions, 0 before, and when it was: of several sources the earliest gives the reason. */
    private abortion = 0;
    private abortedAtMs = 0;
    private ownReason: unknown = undefined;

    constructor(key?: unknown, own?: AbortSource) {
      if (key !== construct) {
        throw new TypeError("Illegal constructor: get signals from AbortController or AbortSignal.timeout()");
      }
      this.own = own;
    }

    static abort(reason?: unknown): AbortSignal {
      const signal = new AbortSignal(construct);
      signal.signalAbort(reason);
      return signal;
    }

    static timeout(delayMs: number): AbortSignal {
      if (typeof delayMs !== "number") {
        throw new TypeError(`AbortSignal.timeout: the delay must be a number, not ${typeof delayMs}`);
      }
      if (!(delayMs >= 0 && delayMs <= Number.MAX_SAFE_INTEGER)) {
        throw new RangeError(`AbortSignal.timeout: the delay must be 0 or more milliseconds, not ${delayMs}`);
      }
      return new AbortSignal(construct, new Deadline(clock, delayMs));
    }

    static any(signals: Iterable<AbortSignal>): AbortSignal {
      const sources = new Set<AbortSignal>();
      for (const signal of signals) {
        if (!(signal instanceof AbortSignal)) throw new TypeError("AbortSignal.any: not an AbortSignal");
        // An aborted source decides alone, also when it follows others that have not been asked yet.
        if (signal.aborted) return AbortSignal.abort(signal.reason);
        if (signal.sources.length === 0) sources.add(signal);
        for (const source of signal.sources) sources.add(source);
      }
      const follower = new AbortSignal(construct);
      follower.sources = [...sources];
      return follower;
    }

    get aborted(): boolean {
      this.refresh();
      return this.abortion > 0;
    }

    get reason(): unknown {
      this.refresh();
      return this.ownReason;
    }

    throwIfAborted(): void {
      if (this.aborted) throw this.ownReason;
    }

    get onabort(): Callback | null {
      return this.onabortListener?.callback ?? null;
    }

    set onabort(callback: Callback | null) {
      const listener = this.onabortListener;
      if (typeof callback !== "function") {
        this.onabortListener = undefined;
        if (listener) this.remove(listener);
      } else if (listener) {
        // A new handler takes the old one's turn among the listeners.
        listener.callback = callback;
      } else {
        this.onabortListener = { callback, removed: false };
        this.add(this.onabortListener);
      }
    }

    addEventListener(type: string, callback: Callback | null, _options?: unknown): void {
      if (type !== "abort" || callback === null || callback === undefined) return;
      if (typeof callback !== "function" && typeof callback !== "object") {
        throw new TypeError(`addEventListener: the listener must be a function, not ${typeof callback}`);
      }
      if (this.find(callback)) return;
      this.add({ callback, removed: false });
    }

    removeEventListener(type: string, callback: Callback | null): void {
      if (type !== "abort" || callback === null) return;
      const listener = this.find(callback);
      if (listener) this.remove(listener);
    }

    private find(callback: Callback): Listener | undefined {
      return this.listeners.find(
        (listener) => listener.callback === callback && listener !== this.onabortListener,
      );
    }

    private add(listener: Listener): void {
      // No abortion follows the first one, so that a listener that comes later would only take memory.
      if (this.aborted) return;
      this.listeners.push(listener);
      try {
        this.watch();
      } catch (error) {
        this.remove(listener);
        throw error;
      }
    }

    private remove(listener: Listener): void {
      listener.removed = true;
      this.listeners = this.listeners.filter((other) => other !== listener);
      this.relax();
    }

    /** Somebody listens, or follows. */
    private watch(): void {
      if (this.own && !this.endWatch) this.endWatch = this.own.watch((reason) => this.signalAbort(reason));
      for (const source of this.sources) {
        source.followers ??= new Set();
        source.followers.add(this);
        source.watch();
      }
    }

    /** When nobody listens any more, nor follows, nothing is watched. */
    private relax(): void {
      if (this.listeners.length > 0 || (this.followers && this.followers.size > 0)) return;
      const { endWatch } = this;
      this.endWatch = undefined;
      endWatch?.();
      for (const source of this.sources) {
        source.followers?.delete(this);
        source.relax();
      }
    }

    /** Finds out whether it is aborted by what nobody watches: its own source, or those that it follows. */
    private refresh(): void {
      if (this.abortion > 0) return;
      if (this.own) {
        // What is watched says so itself, and calls the listeners.
        const happened = this.endWatch ? undefined : this.own.poll();
        if (happened) this.settle(happened, ++abortions);
      } else if (this.sources.length > 0) {
        this.followSources();
      }
    }

    /** Takes over the abortion of the source that was aborted first. */
    private followSources(): void {
      let first: AbortSignal | undefined;
      for (const source of this.sources) {
        source.refresh();
        if (source.abortion > 0 && (!first || source.isBefore(first))) first = source;
      }
      if (!first) return;
      this.settle({ atMs: first.abortedAtMs, reason: first.ownReason }, first.abortion);
      for (const source of this.sources) {
        source.followers?.delete(this);
        source.relax();
      }
      this.sources = NO_SIGNALS;
    }

    private isBefore(other: AbortSignal): boolean {
      if (this.abortedAtMs !== other.abortedAtMs) return this.abortedAtMs < other.abortedAtMs;
      return this.abortion < other.abortion;
    }

    private settle({ atMs, reason }: Abortion, abortion: number): void {
      this.abortion = abortion;
      this.abortedAtMs = atMs;
      this.ownReason = reason;
    }

    signalAbort(reason: unknown): void {
      if (this.abortion > 0) return;
      const why =
        reason === undefined ? createNamedError("AbortError", "This operation was aborted") : reason;
      this.settle({ atMs: clock.now(), reason: why }, ++abortions);
      this.endWatch = undefined;
      const followers = this.followers ? [...this.followers] : [];
      // All followers are aborted before the first listener runs: it may ask them.
      for (const follower of followers) follower.followSources();
      this.dispatch();
      for (const follower of followers) follower.dispatch();
    }

    private dispatch(): void {
      const signal = this as unknown as PublicSignal;
      const event: AbortEvent = { type: "abort", target: signal, currentTarget: signal };
      for (const listener of this.listeners) {
        if (listener.removed) continue;
        try {
          const { callback } = listener;
          if (typeof callback === "function") callback.call(signal, event);
          else callback.handleEvent(event);
        } catch (error) {
          report(error);
        }
      }
      this.listeners = [];
    }
  }

  class AbortController {
    readonly signal = new AbortSignal(construct);

    abort(reason?: unknown): void {
      this.signal.signalAbort(reason);
    }
  }

  return {
    AbortController: AbortController as unknown as Signals["AbortController"],
    AbortSignal: AbortSignal as unknown as Signals["AbortSignal"],
    createSignal: (source) => new AbortSignal(construct, source) as unknown as PublicSignal,
  };
}

/** What `AbortSignal.timeout` waits for. */
class Deadline implements AbortSource {
  private readonly clock: Clock;
  private readonly dueMs: number;

  constructor(clock: Clock, delayMs: number) {
    this.clock = clock;
    this.dueMs = clock.now() + delayMs;
  }

  poll(): Abortion | undefined {
    return this.clock.now() < this.dueMs ? undefined : { atMs: this.dueMs, reason: Deadline.reason() };
  }

  watch(abort: (reason: unknown) => void): () => void {
    const { clock, dueMs } = this;
    const timer = clock.setTimer(() => abort(Deadline.reason()), Math.max(0, dueMs - clock.now()));
    return () => clock.clearTimer(timer);
  }

  private static reason(): Error {
    return createNamedError("TimeoutError", "The operation was aborted due to timeout");
  }
}

/** The name is defined rather than assigned: assignment fails below a frozen `Error.prototype`. */
function createNamedError(name: string, message: string): Error {
  const error = new Error(message);
  Object.defineProperty(error, "name", {
    value: name,
    writable: true,
    configurable: true,
    enumerable: false,
  });
  return error;
}
