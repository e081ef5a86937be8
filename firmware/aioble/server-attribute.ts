/** What characteristics and descriptors of ours have in common: a value, and waiting for clients to write it. */
import { BleError } from "../ble/errors.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { Access, Requirements } from "../ble/gatt/access.ts";
import type { Attribute, ReadAnswer, ValueHooks, WriteAnswer } from "../ble/gatt/server/database.ts";
import { checkedValue, ownBytes, setValue, type Value } from "../ble/gatt/server/values.ts";
import { CCCD } from "../ble/gatt/types.ts";
import { checkFunction, checkKeys, SIGNAL_KEYS } from "../ble/option-keys.ts";
import { UUID } from "../ble/uuid.ts";
import { type CapturedWrite, type CaptureTarget, HandedWrite } from "./capture.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { type ProtectionOptions, requirementsOf, type Uses } from "./protection.ts";
import { checkWait, NO_LIMITS, type Signal, type WaitOptions } from "./wait.ts";
import { type Taker, WriteIterator, type WriteSource } from "./write-iterator.ts";

/** An attribute's place in the server while it is registered. */
export interface Registration {
  readonly core: Core;
  readonly attribute: Attribute;
}

/** Whose handlers are asked. */
interface Handled {
  onRead?(connection: DeviceConnection): ReadAnswer | PromiseLike<ReadAnswer>;
  onWrite?(connection: DeviceConnection, data: Uint8Array): WriteAnswer | PromiseLike<WriteAnswer>;
  onSubscribe?(connection: DeviceConnection, wants: { notify: boolean; indicate: boolean }): void;
  onWritten(core: Core, link: unknown, value: Uint8Array): void;
  readonly uuid: UUID;
  readonly authorize: ProtectionOptions["authorize"];
}

/** Looked at when they are registered, and not by setters: what has one, a subclass cannot override by a method. */
const HANDLERS = ["onRead", "onWrite", "onSubscribe"] as const;

/** What the server asks and reports about one attribute; its handlers are looked up each time, for they may come later. */
export class AttributeHooks implements ValueHooks {
  readonly handlers: Handled;
  private readonly core: Core;

  /** @throws TypeError for a handler that is no function. */
  constructor(core: Core, handlers: Handled) {
    for (const name of HANDLERS) {
      const handler = handlers[name];
      if (handler != null) checkFunction(`${name} of ${handlers.uuid}`, handler);
    }
    this.core = core;
    this.handlers = handlers;
  }

  onAuthorize(link: unknown, access: Access): boolean | PromiseLike<boolean> {
    return this.handlers.authorize?.(this.core.connectionOf(link)!, access) ?? false;
  }

  onRead(link: unknown): ReadAnswer | PromiseLike<ReadAnswer> {
    return this.handlers.onRead?.(this.core.connectionOf(link)!);
  }

  onWrite(link: unknown, value: Uint8Array): WriteAnswer | PromiseLike<WriteAnswer> {
    return this.handlers.onWrite?.(this.core.connectionOf(link)!, ownBytes(value));
  }

  onWritten(link: unknown, value: Uint8Array): void {
    this.handlers.onWritten(this.core, link, value);
  }

  onSubscribe(link: unknown, configuration: number): void {
    const connection = this.core.connectionOf(link);
    if (!connection) return;
    this.handlers.onSubscribe?.(connection, {
      notify: (configuration & CCCD.NOTIFY) !== 0,
      indicate: (configuration & CCCD.INDICATE) !== 0,
    });
  }
}

/** So many waits at once are waits that were left behind. */
const TAKERS_EXPECTED = 16;

/** @template Written what `written` resolves with. */
export abstract class ServerAttribute<Written> implements CaptureTarget, WriteSource<Written> {
  /** Not for applications: its place in the server; undefined while it is not registered. */
  registration: Registration | undefined = undefined;
  private readonly capture: boolean;
  /** Those who wait for a write, in their order: with `capture` the next write is for the first of them. */
  private firstTaker: Taker | undefined = undefined;
  private lastTaker: Taker | undefined = undefined;
  protected append = false;
  /** Not for applications: what is demanded of who uses it. */
  readonly requirements: Requirements | undefined;
  /** Not for applications: see `ProtectionOptions`. */
  readonly authorize: ProtectionOptions["authorize"];
  /** Not for applications: see CaptureTarget. */
  held = 0;
  readonly uuid: UUID;
  /** Not for applications: see CaptureTarget. */
  overflown = 0;
  /** Not for applications: see CaptureTarget. */
  unseen = 0;
  protected value: Uint8Array;
  /** Who wrote last, until somebody has waited for it. */
  private lastWriter: DeviceConnection | undefined = undefined;
  private warnedOfTakers = false;
  private warnedOfUnseen = false;

  /**
   * Before a client reads: return an ATT error code to refuse, bytes to answer with, or 0 or nothing for the stored value.
   * A promise has 29 s. Called once for a value that the client reads in parts, and only when a client reads. One
   * that is assigned after registering counts from the next read on. What is no function is a TypeError of `registerServices`,
   * or, assigned later, refuses each read, with a line in the log.
   *
   * Codes: 0x02 (read not permitted), 0x05, 0x08, 0x0C and 0x0F (security), 0x0E, 0x11, the application's own 0x80 to
   * 0x9F, and 0xE0 to 0xFF. For any other answer, an exception, and no answer in time, the client gets 0x0E (Unlikely
   * Error) and the log a line.
   */
  onRead?(connection: DeviceConnection): ReadAnswer | PromiseLike<ReadAnswer>;
  /**
   * Before a client's write is stored: return an ATT error code to refuse it, 0 or nothing to accept. A promise has 29 s.
   * One that is assigned after registering counts from the next write on. When other services are registered before the
   * promise settles, nothing is stored and the client gets an error.
   *
   * Codes: as for `onRead`, with 0x03 (write not permitted), 0x0D (wrong length) and 0x13 (value not allowed) instead
   * of 0x02.
   */
  onWrite?(connection: DeviceConnection, data: Uint8Array): WriteAnswer | PromiseLike<WriteAnswer>;

  constructor(
    uuid: UUID,
    kind: string,
    options: ProtectionOptions & { readonly initial?: Value },
    uses: Uses,
    capture: boolean,
  ) {
    if (!(uuid instanceof UUID)) throw new TypeError(`${kind} needs a bluetooth.UUID`);
    this.uuid = uuid;
    this.requirements = requirementsOf(options, uses);
    this.authorize = options.authorize;
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
    const { core } = this.registered("written");
    this.mustBeWritable();
    checkWait("written", options);
    const earlier = this.takeEarlier();
    if (earlier !== undefined)
      return Promise.resolve(this.capture ? (this.hand(earlier) as Written) : earlier);
    const wait = core.scope.start<unknown>(options);
    if (!wait.isOver) this.join(wait);
    return wait.promise as Promise<Written>;
  }

  private mustBeWritable(): void {
    if (this.isWritable) return;
    throw new TypeError(`${this.uuid} was declared without write: true or writeNoResponse: true`);
  }

  /** Not for applications: see WriteSource. */
  takeEarlier(): Written | undefined {
    if (this.capture) {
      if (this.held === 0) return undefined;
      const { capture } = this.registration!.core;
      return capture.take(this) as Written;
    }
    const writer = this.lastWriter;
    this.lastWriter = undefined;
    return writer as Written | undefined;
  }

  /** Not for applications: see WriteSource. */
  join(taker: Taker): void {
    taker.nextTaker = undefined;
    if (this.firstTaker) this.joinOthers(taker);
    else this.firstTaker = this.lastTaker = taker;
  }

  private joinOthers(taker: Taker): void {
    // Waits that ended otherwise than by a write stay until the next one comes.
    const others = this.clearTakers().filter((other) => !other.isOver);
    for (const each of [...others, taker]) {
      each.nextTaker = undefined;
      if (this.lastTaker) this.lastTaker.nextTaker = each;
      else this.firstTaker = each;
      this.lastTaker = each;
    }
    if (others.length < TAKERS_EXPECTED || this.warnedOfTakers) return;
    this.warnedOfTakers = true;
    const { core } = this.registration!;
    core.log(
      "warning",
      `aioble: more than ${TAKERS_EXPECTED} calls of written() wait for ${this.uuid}: end those that lost a Promise.race by a signal, or they fill the memory`,
    );
  }

  private clearTakers(): Taker[] {
    const takers: Taker[] = [];
    for (let taker = this.firstTaker; taker; taker = taker.nextTaker) takers.push(taker);
    this.firstTaker = this.lastTaker = undefined;
    return takers;
  }

  /** Not for applications: see WriteSource. */
  leave(taker: Taker): void {
    for (const other of this.clearTakers()) if (other !== taker) this.join(other);
  }

  /** A captured write for a promise that may have been left behind. */
  private hand(write: unknown): HandedWrite {
    if (this.unseen > 0 && !this.warnedOfUnseen) {
      this.warnedOfUnseen = true;
      const { core } = this.registration!;
      core.log(
        "warning",
        `aioble: nobody has looked at the write to ${this.uuid} before this one: a written() that lost a Promise.race takes the next write, so end it by a signal`,
      );
    }
    return new HandedWrite(this, write as CapturedWrite);
  }

  /** `written` again and again, for `for await`. Leaving the loop ends it. @throws as `written`. */
  writes(options: { readonly signal?: Signal } = NO_LIMITS): AsyncIterableIterator<Written> {
    checkKeys("writes", options, SIGNAL_KEYS);
    this.registered("writes");
    this.mustBeWritable();
    return new WriteIterator<Written>(this, options.signal);
  }

  protected registered(what: string): Registration {
    if (!this.registration) throw this.notRegistered(what);
    return this.registration;
  }

  /** Not for applications: see WriteSource. */
  notRegistered(what: string): TypeError {
    return new TypeError(`${what}() on ${this.uuid}, which is not registered: call registerServices first`);
  }

  /** Not for applications: a client's `value` is stored. What the application gets must be a copy. */
  onWritten(core: Core, link: unknown, value: Uint8Array): void {
    const connection = core.connections.get(link as Connection);
    if (!connection) return;
    if (!this.capture) return this.wake(connection);
    const write: CapturedWrite = { connection, data: new Uint8Array(value) };
    // Whoever captures has the bytes: left here, they would fill the room for what comes next.
    if (this.append) this.put(new Uint8Array(0));
    let taker = this.firstTaker;
    while (taker && !this.give(taker, write)) taker = taker.nextTaker;
    const next = taker?.nextTaker;
    this.firstTaker = next;
    if (!next) this.lastTaker = undefined;
    if (!taker) core.capture.add(this, write, (link as Connection).link.account);
  }

  /** False when it waits no longer. */
  private give(taker: Taker, write: CapturedWrite): boolean {
    if (!taker.mayBeAbandoned) return taker.resolve(write);
    return !taker.isOver && taker.resolve(this.hand(write));
  }

  /** Whoever waits gets to know that there is something new. */
  private wake(connection: DeviceConnection): void {
    let heard = false;
    let taker = this.firstTaker;
    this.firstTaker = this.lastTaker = undefined;
    for (; taker; taker = taker.nextTaker) heard = taker.resolve(connection) || heard;
    if (!heard) this.lastWriter = connection;
  }

  /** Not for applications: the server offers it as `attribute`. */
  register(core: Core, attribute: Attribute): void {
    this.registration = { core, attribute };
  }

  /** Not for applications: the server offers it no longer. */
  unregister(): void {
    this.value = this.stored;
    const core = this.registration?.core;
    if (this.capture) core?.capture.forget(this);
    this.registration = undefined;
    const error = new BleError(
      "not-registered",
      `${this.uuid} is not among the registered services any more.`,
    );
    for (const taker of this.clearTakers()) taker.reject(error);
  }
}
