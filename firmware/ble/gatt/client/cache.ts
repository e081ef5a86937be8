/**
 * Databases of peers that are remembered from link to link (Vol 3, Part G, 2.5.2). What is remembered of a peer counts as long
 * as the peer has the same Database Hash; without one it counts for the link.
 */
import { sameBytes } from "../../codec.ts";
import type { Setting } from "../../setting.ts";
import type { RemoteService } from "./remote.ts";

/** Peers whose databases are remembered. */
export const GATT_CACHE_SETTING: Setting<"gattCacheSize"> = {
  name: "gattCacheSize",
  min: 0,
  max: 16,
  initial: 0,
};

/** What is known of one peer's database. */
export interface RemoteDatabase {
  /** Database Hash; undefined where the peer has none. */
  readonly hash: Uint8Array | undefined;
  /** All primary services; undefined until they were looked for. */
  services: readonly RemoteService[] | undefined;
}

export class DatabaseCache {
  private readonly settings: { readonly gattCacheSize: number };
  /** By what the host knows peers by; the one that was used last is the last. */
  private readonly databases = new Map<string, RemoteDatabase>();

  constructor(settings: { readonly gattCacheSize: number }) {
    this.settings = settings;
  }

  /** Whether anything is remembered at all. */
  get isEnabled(): boolean {
    return this.settings.gattCacheSize > 0;
  }

  /** What is known of a peer whose database has this hash, or an empty one. */
  open(peer: string, hash: Uint8Array | undefined): RemoteDatabase {
    const known = this.databases.get(peer);
    const isCurrent = known?.hash !== undefined && hash !== undefined && sameBytes(known.hash, hash);
    const database = isCurrent ? known : { hash, services: undefined };
    this.databases.delete(peer);
    if (hash) this.databases.set(peer, database);
    this.trim();
    return database;
  }

  /** The peer's database has changed. */
  forget(peer: string): void {
    this.databases.delete(peer);
  }

  /** Keeps as many as the setting says: those that were not used for the longest time go. */
  trim(): void {
    for (const peer of this.databases.keys()) {
      if (this.databases.size <= this.settings.gattCacheSize) return;
      this.databases.delete(peer);
    }
  }
}
