/**
 * What the server knows of one peer, whatever it uses to talk: subscriptions, features, what it knows of the database.
 * A session is anonymous: it begins with its link and ends with it. It is a bond's once the link is encrypted with that
 * bond's key (bonded-sessions.ts); an address, even a resolved one, is only a claim.
 */
import { SERVICE_CHANGED_VALUE } from "../types.ts";
import type { ClientMemory, Subscription } from "./client-state.ts";

/** Bits of Client Supported Features (Vol 3, Part G, 7.2). */
export const CLIENT_FEATURE = { ROBUST_CACHING: 0x01, MULTIPLE_NOTIFICATIONS: 0x04 } as const;

export class ServerSession {
  /** The database has changed and the client cannot know (Vol 3, Part G, 2.5.2.1). */
  changeUnaware = false;
  /** CCCD values that are not zero, by the handle of the characteristic's value. */
  readonly configurations = new Map<number, number>();
  /** Handed to hooks: what the host knows this peer by. */
  readonly peer: unknown;
  /** Sum of `CLIENT_FEATURE` bits. */
  features = 0;
  /** It got Database Out Of Sync, or has read the Database Hash: from its next request on it knows. */
  awareAtNextRequest = false;
  /** What the log has said of notifications to it: handles of values that are cut, negative of unwanted ones. */
  readonly hints = new Set<number>();

  /** Where a bonded client is kept from link to link; undefined while it is anonymous. */
  memory: ClientMemory | undefined = undefined;
  /** Of an anonymous one: the values whose CCCD it has written. */
  readonly touched = new Set<number>();
  /** Of a bonded one: subscriptions to what is not in the database now. The client does not know yet that they are over. */
  dormant: readonly Subscription[] = [];
  /** Of a bonded one: Database Hash of the database that it knew last. */
  knownHash: Uint8Array | undefined = undefined;
  /** It knows the database as it is, or has no way to learn of changes. */
  isInformed = true;

  constructor(peer: unknown) {
    this.peer = peer;
  }

  /** Sets the CCCD of the value with this handle. */
  configure(handle: number, configuration: number): void {
    if (configuration === 0) this.configurations.delete(handle);
    else this.configurations.set(handle, configuration);
  }

  /** Whether it is to be sent Service Changed. */
  get wantsServiceChanged(): boolean {
    return this.configurations.has(SERVICE_CHANGED_VALUE);
  }

  /** The client knows the database again. */
  becomeAware(): void {
    this.changeUnaware = false;
    this.awareAtNextRequest = false;
    this.isInformed = true;
    this.dormant = [];
  }

  /** The database changed: a client with robust caching is to learn that first. */
  databaseChanged(): void {
    this.hints.clear();
    if (this.wantsServiceChanged) this.isInformed = false;
    if ((this.features & CLIENT_FEATURE.ROBUST_CACHING) === 0) return;
    this.isInformed = false;
    this.changeUnaware = true;
    this.awareAtNextRequest = false;
  }
}
