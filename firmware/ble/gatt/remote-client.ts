/** A client of our server, as the server keeps it: one for each link. */
import type { AttBearer } from "../att/bearer.ts";
import type { Attribute } from "./database.ts";
import { PreparedWrites } from "./prepared-writes.ts";

/** Bits of Client Supported Features (Vol 3, Part G, 7.2). */
export const CLIENT_FEATURE = { ROBUST_CACHING: 0x01, MULTIPLE_NOTIFICATIONS: 0x04 } as const;

/** An indication that waits for its turn or its confirmation. */
export interface PendingIndication {
  readonly attribute: Attribute;
  value: Uint8Array;
  /** A newer value may take this one's place while it waits. */
  readonly replaceable?: boolean;
  /** Told whether the client confirmed; false when it did not within 30 s, the link ended, or it was withdrawn. */
  readonly onConfirmed: (confirmed: boolean) => void;
}

export class RemoteClient {
  readonly bearer: AttBearer;
  /** What the host knows this client by; handed to hooks. */
  readonly owner: unknown;
  /** CCCD values that are not zero, by the handle of the characteristic's value. */
  readonly configurations = new Map<number, number>();
  readonly preparedWrites = new PreparedWrites();
  /** Indications in their order; the first is on its way once `bearer.indicating`. */
  readonly indications: PendingIndication[] = [];
  /** A request waits for the application's answer. */
  busy = false;
  /** The value whose parts the client is reading: later parts come from the same answer. */
  snapshot: { readonly handle: number; readonly value: Uint8Array } | undefined = undefined;
  /** What the log has said of notifications to this client: handles of values that are cut, negative of unwanted ones. */
  readonly hints = new Set<number>();
  /** Sum of `CLIENT_FEATURE` bits. */
  features = 0;
  /** The database has changed and the client cannot know (Vol 3, Part G, 2.5.2.1). */
  changeUnaware = false;
  /** It was told so by Database Out Of Sync, or has read the Database Hash: from its next request on it knows. */
  awareAtNextRequest = false;

  constructor(bearer: AttBearer, owner: unknown) {
    this.bearer = bearer;
    this.owner = owner;
  }

  /** The client knows the database again. */
  becomeAware(): void {
    this.changeUnaware = false;
    this.awareAtNextRequest = false;
  }
}
