/**
 * What the server knows of one peer, whatever it uses to talk: subscriptions, features, what it knows of the database.
 * A session is anonymous: it begins with its link and ends with it. It will be a bond's once the link is encrypted with
 * that bond's key; an address, even a resolved one, is only a claim.
 */

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

  constructor(peer: unknown) {
    this.peer = peer;
  }

  /** The client knows the database again. */
  becomeAware(): void {
    this.changeUnaware = false;
    this.awareAtNextRequest = false;
  }

  /** The database changed: a client with robust caching is to learn that first. */
  databaseChanged(): void {
    this.hints.clear();
    if ((this.features & CLIENT_FEATURE.ROBUST_CACHING) === 0) return;
    this.changeUnaware = true;
    this.awareAtNextRequest = false;
  }
}
