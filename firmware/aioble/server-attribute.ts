/** What characteristics and descriptors of ours have in common: a value, and waiting for clients to write it. */
import { BleError } from "../ble/errors.ts";
import type { Attribute, ReadAnswer, ValueHooks, WriteAnswer } from "../ble/gatt/server/database.ts";
import { checkedValue, ownBytes, setValue, type Value } from "../ble/gatt/server/values.ts";
import { UUID } from "../ble/uuid.ts";
import { type CapturedWrite, type CaptureTarget, HandedWrite } from "./capture.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device.ts";
import { checkTimeout, NO_LIMITS, type Signal, type WaitOptions, type WaitScope } from "./wait.ts";
import { WriteIterator, type WriteSource } from "./write-iterator.ts";

/** An attribute's place in the server while it is registered. */
export interface Registration {
  readonly core: Core;
  readonly attribute: Attribute;
}

/** Hooks while they are put together. */
type OpenHooks = { -readonly [K in keyof ValueHooks]: ValueHooks[K] };

/** Somebody who waits for the next write: a promise of `written`, or an iterator. */
interface Taker {
  readonly isOver: boolean;
  /** Whether what it resolves with may never be looked at. */
  readonly mayBeAbandoned: boolean;
  resolve(written: unknown): boolean;
  reject(error: unknown): boolean;
}

/** So many waits at once are waits that were left behind. */
const TAKERS_EXPECTED = 16;

/** @template Written what `written` resolves with. */
export abstract class ServerAttribute<Written> implements CaptureTarget, WriteSource<Written> {
  readonly uuid: UUID;
  /** Not for applications: see CaptureTarget. */
  overflown = 0;
  /** Not for applications: see CaptureTarget. */
  unseen = 0;
  protected value: Uint8Array;
  protected append = false;
  protected registration: Registration | undefined = undefined;
  private readonly capture: boolean;
  /** Who wrote last, until somebody has waited for it. */
  private lastWriter: DeviceConnection | undefined = undefined;
  /** With `capture` the next write is for the first of them. */
  private waiting: Taker[] = [];
  private warnedOfTakers = false;
  private warnedOfUnseen = false;

  /**
   * Before a client reads: return an ATT error code to refuse, bytes to answer with, or 0 or nothing for the stored value.
   * A promise has 29 s. Called once for a value that the client reads in parts, and only when a client reads. Define it
   * before registering.
   *
   * Codes: 0x02 (read not permitted), 0x05, 0x08, 0x0C and 0x0F (security), 0x0E, 0x11, the application's own 0x80 to
   * 0x9F, and 0xE0 to 0xFF. For any other answer, an exception, and no answer in time, the client gets 0x0E (Unlikely
   * Error) and the log a line.
   */
  onRead?(connection: DeviceConnection): ReadAnswer | PromiseLike<ReadAnswer>;
  /**
   * Before a client's write is stored: return an ATT error code to refuse it, 0 or nothing to accept. A promise has 29 s.
   * Define it before registering. When other services are registered before the promise settles, nothing is stored and
   * the client gets an error.
   *
   * Codes: as for `onRead`, with 0x03 (write not permitted), 0x0D (wrong length) and 0x13 (value not allowed) instead
   * of 0x02.
   */
  onWrite?(connection: DeviceConnection, data: Uint8Array): WriteAnswer | PromiseLike<WriteAnswer>;

  constructor(uuid: UUID, kind: string, options: { readonly initial?: Value }, capture: boolean) {
    if (!(uuid instanceof UUID)) throw new TypeError(`${kind} needs a bluetooth.UUID`);
    this.uuid = uuid;
    this.value = checkedValue(options.initial ?? new Uint8Array(0));
    this.capture = capture;
  }

  /**
   * With `capture`: clients' writes that nobody got: the capture queue was full, or `written` resolved with them and nobody
   * has looked at `connection` or `data` since, as when it had lost a Promise.race.
   */
  get droppedWrites(): number {
    return this.overflown + this.unseen;
  }

  /** Whether any client may write it. */
  protected abstract get isWritable(): boolean;

  /** The value as it stands, not a copy. */
  protected get stored(): Uint8Array {
    return this.registration ? this.registration.attribute.value : this.value;
  }

  /** The current value: what was written last, by us or by a client. Reading an appended value empties it. */
  read(): Uint8Array {
    const value = ownBytes(this.stored);
    if (this.append) this.put(new Uint8Array(0));
    return value;
  }

  /** Sets the value that clients read. @throws RangeError for more than 512 bytes. */
  write(data: Value): unknown {
    this.put(checkedValue(data));
    return undefined;
  }

  private put(value: Uint8Array): void {
    const registration = this.registration;
    if (registration) setValue(registration.attribute, value);
    else this.value = value;
  }

  /**
   * Waits for a client to write. Without `capture`: resolves with its connection, at once when a write has come since the
   * last time; once for "there is something new", not once for each write. With `capture`: resolves with the connection
   * and the data of each write, one by one in arrival order; the connection may be down by then.
   * @throws TypeError when no client may write it or it is not registered; the promise rejects with TimeoutError, the
   * signal's reason, BleError `not-registered` when other services take its place.
   */
  written(options: WaitOptions = NO_LIMITS): Promise<Written> {
    const scope = this.waitScope();
    checkTimeout(options.timeoutMs);
    const earlier = this.takeEarlier();
    if (earlier !== undefined)
      return Promise.resolve(this.capture ? (this.hand(earlier) as Written) : earlier);
    const wait = scope.start<unknown>(options);
    if (!wait.isOver) this.join(wait);
    return wait.promise as Promise<Written>;
  }

  /** Not for applications: see WriteSource. */
  waitScope(): WaitScope {
    const { core } = this.registered("written");
    if (!this.isWritable) {
      throw new TypeError(`${this.uuid} was declared without write: true or writeNoResponse: true`);
    }
    return core.scope;
  }

  /** Not for applications: see WriteSource. */
  takeEarlier(): Written | undefined {
    if (this.capture) return this.registration!.core.capture.take(this) as Written | undefined;
    const writer = this.lastWriter;
    this.lastWriter = undefined;
    return writer as Written | undefined;
  }

  /** Not for applications: see WriteSource; also for waits. */
  join(taker: Taker): void {
    // Waits that ended otherwise than by a write stay until the next one comes.
    if (this.waiting.length > 0) this.waiting = this.waiting.filter((other) => !other.isOver);
    this.waiting.push(taker);
    if (this.waiting.length < TAKERS_EXPECTED || this.warnedOfTakers) return;
    this.warnedOfTakers = true;
    this.registration!.core.host.log(
      "warning",
      `aioble: ${this.waiting.length} calls of written() wait for ${this.uuid}: end those that lost a Promise.race by a signal, or they fill the memory`,
    );
  }

  /** Not for applications: see WriteSource. */
  leave(taker: Taker): void {
    this.waiting = this.waiting.filter((other) => other !== taker);
  }

  /** A captured write for a promise that may have been left behind. */
  private hand(write: unknown): HandedWrite {
    if (this.unseen > 0 && !this.warnedOfUnseen) {
      this.warnedOfUnseen = true;
      this.registration!.core.host.log(
        "warning",
        `aioble: nobody has looked at the write to ${this.uuid} before this one: a written() that lost a Promise.race takes the next write, so end it by a signal`,
      );
    }
    return new HandedWrite(this, write as CapturedWrite);
  }

  /** `written` again and again, for `for await`. Leaving the loop ends it. @throws as `written`. */
  writes(options: { readonly signal?: Signal } = {}): AsyncIterableIterator<Written> {
    this.waitScope();
    return new WriteIterator<Written>(this, options.signal);
  }

  protected registered(what: string): Registration {
    if (!this.registration) {
      throw new TypeError(`${what}() on ${this.uuid}, which is not registered: call registerServices first`);
    }
    return this.registration;
  }

  /** `value` is stored: what the application gets must be a copy. */
  private onWritten(core: Core, link: unknown, value: Uint8Array): void {
    const connection = core.connectionOf(link);
    if (!connection) return;
    const waiting = this.waiting;
    if (!this.capture) {
      let heard = false;
      while (waiting.length > 0) heard = waiting.shift()!.resolve(connection) || heard;
      if (!heard) this.lastWriter = connection;
      return;
    }
    const data = ownBytes(value);
    // Whoever captures has the bytes: left here, they would fill the room for what comes next.
    if (this.append) this.put(new Uint8Array(0));
    const write: CapturedWrite = { connection, data };
    for (let taker = waiting.shift(); taker; taker = waiting.shift()) {
      if (!taker.isOver) {
        taker.resolve(taker.mayBeAbandoned ? this.hand(write) : write);
        return;
      }
    }
    core.capture.add(this, connection, data);
  }

  /** What the server asks and tells. Only what is defined costs anything. */
  protected hooks(core: Core): OpenHooks {
    const hooks: OpenHooks = {};
    if (this.onRead) hooks.onRead = (link) => this.onRead!(core.connectionOf(link)!);
    if (this.onWrite)
      hooks.onWrite = (link, value) => this.onWrite!(core.connectionOf(link)!, ownBytes(value));
    if (this.isWritable) {
      hooks.onWritten = (link, value) => this.onWritten(core, link, value);
    }
    return hooks;
  }

  /** Not for applications: the server offers it as `attribute`. */
  register(core: Core, attribute: Attribute): void {
    this.registration = { core, attribute };
  }

  /** Not for applications: the server offers it no longer. */
  unregister(): void {
    this.value = this.stored;
    if (this.capture) this.registration?.core.capture.forget(this);
    this.registration = undefined;
    const error = new BleError(
      "not-registered",
      `${this.uuid} is not among the registered services any more.`,
    );
    for (const wait of this.waiting.splice(0)) wait.reject(error);
  }
}
