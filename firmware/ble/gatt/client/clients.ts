/** The GATT clients of a host: one on each bearer that needs one. */
import type { AttBearer } from "../../att/bearer.ts";
import { DatabaseCache } from "./cache.ts";
import { GattClient, type GattClientCounters } from "./client.ts";

export class GattClients {
  readonly counters: GattClientCounters = {
    droppedValues: 0,
    knownAttributes: 0,
    refusedAttributes: 0,
    unexpectedPdus: 0,
    unwantedValues: 0,
  };
  private readonly cache: DatabaseCache;

  constructor(settings: { readonly gattCacheSize: number }) {
    this.cache = new DatabaseCache(settings);
  }

  /**
   * The client on a bearer that has none yet.
   * @param peer what the host knows the peer by, from link to link.
   */
  open(bearer: AttBearer, peer: string): GattClient {
    return new GattClient(bearer, { counters: this.counters, cache: this.cache, peer });
  }

  /** The setting may have changed. */
  trim(): void {
    this.cache.trim();
  }
}
