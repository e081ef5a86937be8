/** The GATT client on one bearer: what a peer's server has, its values, and those that it sends (Vol 3, Part G, 2.3). */
import type { AttBearer, BearerPort } from "../../att/bearer.ts";
import {
  AttClientRole,
  type ClientCounters,
  type Operation,
  type Outcome,
  type ValueHandler,
} from "../../att/client-role.ts";
import { ATT_ERROR, GattError, ProtocolError } from "../../att/errors.ts";
import { exchangeMtuRequest, exchangeMtuResponse } from "../../att/pdus.ts";
import { copyBytes, viewOf } from "../../codec.ts";
import { BleError } from "../../errors.ts";
import type { OperationGate } from "../../operation-gate.ts";
import { UUID } from "../../uuid.ts";
import type { DatabaseCache } from "./cache.ts";
import {
  type DiscoveryContext,
  type Found,
  findCharacteristics,
  findInformation,
  findServices,
} from "./discovery.ts";
import { Inbox } from "./inbox.ts";
import { KnownDatabase } from "./known-database.ts";
import { readByUuid, readValue } from "./reads.ts";
import type { AttributeShare, RemoteCharacteristic, RemoteDescriptor, RemoteService } from "./remote.ts";
import { type ValueWrite, writeCommandPdu, writeValue } from "./writes.ts";

/** Values of each characteristic that wait for the application unless it says otherwise. */
export const INBOX_SIZE = 16;
/** Server Supported Features, and its bit for enhanced bearers (Vol 3, Part G, 7.4). */
const SERVER_SUPPORTED_FEATURES = 0x2b3a;
const SERVER_FEATURE_EATT = 0x01;

/** Services, characteristics and descriptors that are known of one peer, and of all; one takes about 250 bytes of the heap. */
export const ATTRIBUTES_MAX = 512;
export const ATTRIBUTES_MAX_ALL = 1024;

/** Counters of the clients of all links. */
export interface GattClientCounters extends ClientCounters {
  /** Values that a server sent and that the application did not take in time. */
  droppedValues: number;
  /** Notifications and indications of values that nobody here wanted. */
  unwantedValues: number;
  /** Services, characteristics and descriptors that are known now. */
  knownAttributes: number;
  /** How often a peer described more of them than there is room for. */
  refusedAttributes: number;
}

/** What a client is made of, beside its bearer. */
export interface ClientParts {
  readonly counters: GattClientCounters;
  readonly cache: DatabaseCache;
  /** What the host knows the peer by, from link to link. */
  readonly peer: string;
}

/** Sees each value that the server sends, wanted or not. */
export type ValueWatcher = (handle: number, value: Uint8Array, isIndication: boolean) => void;

/** Notifications and indications of one characteristic. */
export interface Inboxes {
  readonly notifications: Inbox;
  readonly indications: Inbox;
}

export class GattClient implements DiscoveryContext, ValueHandler {
  readonly bearer: AttBearer;
  private readonly role: AttClientRole;
  private readonly counters: GattClientCounters;
  readonly port: BearerPort;
  /** By handle of the value. */
  private readonly inboxes = new Map<number, Inboxes>();
  /** What is accounted for, by handle of a service's declaration. The services themselves are the application's to keep. */
  private readonly shares = new Map<number, AttributeShare>();
  private attributes = 0;
  /** Server Supported Features; undefined until they were read. */
  private serverFeatures: number | undefined = undefined;
  private hasWarnedOfAttributes = false;
  private watcher: ValueWatcher | undefined = undefined;
  /** The server has answered something since `takeActivity` was called last. */
  private wasAnswered = false;
  /** The peer's database, where databases are remembered. */
  readonly known: KnownDatabase;
  /** Called when the peer's database has changed, as far as the peer was asked to say so. */
  onDatabaseChanged: (() => void) | undefined = undefined;

  constructor(bearer: AttBearer, { cache, counters, peer }: ClientParts) {
    this.bearer = bearer;
    this.counters = counters;
    this.port = bearer.port;
    this.known = new KnownDatabase(this, cache, peer);
    this.role = new AttClientRole(bearer, this, counters);
  }

  /** ATT_MTU in force. */
  get mtu(): number {
    return this.bearer.mtu;
  }

  /** See `AttBearer.gate`. */
  get gate(): OperationGate | undefined {
    return this.bearer.gate;
  }

  /** See `AttClientRole.isFree`. */
  get isFree(): boolean {
    return this.role.isFree;
  }

  /** See `AttClientRole.perform`. */
  perform<T>(work: (operation: Operation) => Promise<T>, outcome: Outcome<T>, bytes = 0): Operation {
    const reject = (error: unknown): void => {
      if (error instanceof GattError && error.status === ATT_ERROR.DATABASE_OUT_OF_SYNC)
        this.databaseChanged();
      outcome.reject(error);
    };
    const resolve = (value: T): void => {
      this.wasAnswered = true;
      outcome.resolve(value);
    };
    return this.role.perform(work, { resolve, reject }, bytes);
  }

  /** Whether the peer has been of use since this was called last: it has answered, or its values are wanted. */
  takeActivity(): boolean {
    const { wasAnswered } = this;
    this.wasAnswered = false;
    return wasAnswered || this.inboxes.size > 0;
  }

  /** What was found means nothing any more. */
  private databaseChanged(): void {
    this.known.forget();
    for (const share of this.shares.values()) this.release(share);
    this.shares.clear();
    this.port.log("info", `gatt: the database of link ${this.port.link} has changed`);
    this.onDatabaseChanged?.();
  }

  /**
   * Whether the server says that it knows Read Multiple Variable Request, as every one with enhanced bearers does (Vol 3,
   * Part G, 7.4). Others need not know it, and some leave what they do not know without an answer.
   */
  async readsMultipleVariable(operation: Operation): Promise<boolean> {
    this.serverFeatures ??= (await readByUuid(operation, new UUID(SERVER_SUPPORTED_FEATURES)))?.[0] ?? 0;
    return (this.serverFeatures & SERVER_FEATURE_EATT) !== 0;
  }

  /**
   * Exchanges the ATT_MTU, or returns the one that was exchanged by either side (Vol 3, Part G, 4.3.1).
   * @throws GattError, ProtocolError.
   */
  async exchangeMtu(operation: Operation): Promise<number> {
    const { bearer } = this;
    if (bearer.mtuExchanged) return bearer.mtu;
    const clientRxMtu = bearer.takeRxMtu();
    if (clientRxMtu === undefined) return bearer.mtu;
    const body = await operation.request(exchangeMtuRequest, { clientRxMtu }, exchangeMtuResponse);
    if (body.length !== 2) throw new ProtocolError(`an MTU of ${body.length} bytes`);
    bearer.agreeMtu(viewOf(body).getUint16(0, true));
    return bearer.mtu;
  }

  /** See discovery.ts. */
  findServices(operation: Operation, first: number, uuid?: UUID): Promise<Found<RemoteService>> {
    return findServices(operation, first, uuid);
  }

  /** See discovery.ts. */
  findCharacteristics(
    operation: Operation,
    first: number,
    last: number,
  ): Promise<Found<RemoteCharacteristic>> {
    return findCharacteristics(operation, first, last);
  }

  /** See discovery.ts. */
  findInformation(operation: Operation, first: number, last: number): Promise<Found<RemoteDescriptor>> {
    return findInformation(operation, first, last);
  }

  /** See reads.ts. */
  readValue(operation: Operation, handle: number): Promise<Uint8Array> {
    return readValue(operation, this, handle);
  }

  /** See writes.ts. */
  writeValue(operation: Operation, write: ValueWrite): Promise<void> {
    return writeValue(operation, this, write);
  }

  /**
   * Writes without a response, at once, also while operations wait. "full" when the queue of the link has no room for it,
   * "queued" when it waits for the controller; "held" while operations do not go out: it is for `perform` then.
   */
  writeCommand(write: ValueWrite): "sent" | "queued" | "full" | "held" {
    if (!this.isFree) return "held";
    const pdu = writeCommandPdu(write);
    if (this.bearer.timedOut || !this.bearer.channel.hasRoom(pdu.length)) return "full";
    return this.bearer.send(pdu) ? "sent" : "queued";
  }

  /**
   * A service was found: it takes the place of what was known there. What is found of it later is accounted for by
   * `accountFor`.
   * @throws as `accountFor`.
   */
  adopt(service: RemoteService): void {
    const { startHandle, share } = service;
    const former = this.shares.get(startHandle);
    if (former) this.release(former);
    this.shares.set(startHandle, share);
    share.isCounted = true;
    this.accountFor(service);
  }

  /**
   * More of a service is known than before.
   * @throws BleError `too-many-attributes` when there is no room for it, now and from then on.
   */
  accountFor(service: RemoteService): void {
    const { share } = service;
    // What another one has taken the place of is the application's, if it keeps it.
    if (!share.isCounted) return;
    const { port, counters } = this;
    const more = service.attributeCount - share.attributes;
    counters.knownAttributes += more;
    share.attributes += more;
    this.attributes += more;
    if (this.attributes <= ATTRIBUTES_MAX && counters.knownAttributes <= ATTRIBUTES_MAX_ALL) return;
    if (!this.hasWarnedOfAttributes) {
      this.hasWarnedOfAttributes = true;
      port.log(
        "warning",
        `gatt: link ${port.link} describes more than the ${ATTRIBUTES_MAX} attributes that there is room for, ${ATTRIBUTES_MAX_ALL} of all links`,
      );
    }
    counters.refusedAttributes++;
    throw new BleError(
      "too-many-attributes",
      "The peer describes more services, characteristics and descriptors than there is room for: look for those that you need by their UUIDs.",
    );
  }

  private release(share: AttributeShare): void {
    this.attributes -= share.attributes;
    this.counters.knownAttributes -= share.attributes;
    share.attributes = 0;
    share.isCounted = false;
  }

  /** Where the values of a characteristic wait; from now on, if they did not yet. */
  inboxesOf(handle: number): Inboxes {
    const known = this.inboxes.get(handle);
    if (known) return known;
    const { port } = this;
    const { account } = this.bearer;
    const open = (what: string): Inbox =>
      new Inbox(account, INBOX_SIZE, () => {
        port.log(
          "warning",
          `gatt: link ${port.link} sends ${what} of handle ${handle} faster than they are taken: the oldest are dropped`,
        );
      });
    const inboxes = { notifications: open("notifications"), indications: open("indications") };
    this.inboxes.set(handle, inboxes);
    return inboxes;
  }

  /** Whether somebody here wants the values of a characteristic. */
  hasInboxes(handle: number): boolean {
    return this.inboxes.has(handle);
  }

  /** Has `watcher` see every value that the server sends, in place of the one before. */
  watch(watcher: ValueWatcher | undefined): void {
    this.watcher = watcher;
  }

  /** For the bearer's client role. What comes before anything may be asked of the peer reaches nobody (`isFree`). */
  onValue(handle: number, view: DataView, start: number, length: number, isIndication: boolean): void {
    const { counters, watcher } = this;
    // A bonded peer that has not proved who it is may be anybody with its address.
    if (!this.isFree) {
      counters.unwantedValues++;
      return;
    }
    if (handle === this.known.serviceChanged && isIndication) this.databaseChanged();
    const inboxes = this.inboxes.get(handle);
    if (!inboxes && !watcher) {
      if (handle === this.known.serviceChanged) return;
      counters.unwantedValues++;
      return;
    }
    const value = copyBytes(view, start, length);
    const inbox = isIndication ? inboxes?.indications : inboxes?.notifications;
    const before = inbox?.dropped ?? 0;
    inbox?.push(value);
    counters.droppedValues += (inbox?.dropped ?? 0) - before;
    watcher?.(handle, value, isIndication);
  }

  /** For the bearer's client role: the bearer has ended. */
  onEnd(): void {
    for (const { notifications, indications } of this.inboxes.values()) {
      notifications.close();
      indications.close();
    }
    this.inboxes.clear();
    for (const share of this.shares.values()) this.release(share);
    this.shares.clear();
  }
}
