/** The database of one peer, remembered, and how the peer says that it has changed (Vol 3, Part G, 2.5.2 and 7). */
import type { BearerPort } from "../../att/bearer.ts";
import type { Operation } from "../../att/client-role.ts";
import { GattError } from "../../att/errors.ts";
import { UUID } from "../../uuid.ts";
import { CCCD, TYPE } from "../types.ts";
import type { DatabaseCache, RemoteDatabase } from "./cache.ts";
import {
  type DiscoveryContext,
  discoverCharacteristics,
  discoverDescriptors,
  type Found,
  findServices,
} from "./discovery.ts";
import { readByUuid } from "./reads.ts";
import type { RemoteCharacteristic, RemoteService } from "./remote.ts";
import { writeValue } from "./writes.ts";

/** The Generic Attribute service and its characteristics (Vol 3, Part G, 7). */
const GENERIC_ATTRIBUTE = 0x1801;
const SERVICE_CHANGED = 0x2a05;
const CLIENT_SUPPORTED_FEATURES = 0x2b29;
const DATABASE_HASH = 0x2b2a;
/** What this client supports: robust caching, and several notifications in one PDU (7.2). */
const CLIENT_FEATURES = 0x05;

/** The client that this belongs to. */
interface Owner extends DiscoveryContext {
  readonly port: BearerPort;
  /** A service was found. */
  adopt(service: RemoteService): void;
}

export class KnownDatabase {
  /** Handle of the value of Service Changed, once the peer was asked to indicate it. */
  serviceChanged: number | undefined = undefined;
  private readonly client: Owner;
  private readonly cache: DatabaseCache;
  private readonly peer: string;
  /** The peer was asked to say when it changes. */
  private isWatched = false;
  /** Undefined until it was asked for, and after it has changed. */
  private database: RemoteDatabase | undefined = undefined;

  /** @param peer what the host knows the peer by, from link to link. */
  constructor(client: Owner, cache: DatabaseCache, peer: string) {
    this.client = client;
    this.cache = cache;
    this.peer = peer;
  }

  /** Whether databases are remembered: else services are looked for each time. */
  get isEnabled(): boolean {
    return this.cache.isEnabled;
  }

  /**
   * All primary services, from memory where the peer's Database Hash says that they are the same. The peer is asked to say
   * when they change on this link.
   */
  async services(operation: Operation): Promise<readonly RemoteService[]> {
    this.database ??= this.cache.open(this.peer, await readHash(operation));
    const { database } = this;
    database.services ??= await this.findAll(operation);
    const { services } = database;
    if (!this.isWatched) await this.watch(operation, services);
    this.isWatched = true;
    return services;
  }

  private async findAll(operation: Operation): Promise<RemoteService[]> {
    const all: RemoteService[] = [];
    for (let first: number | undefined = 1; first !== undefined; ) {
      const { items, next }: Found<RemoteService> = await findServices(operation, first);
      for (const service of items) this.client.adopt(service);
      all.push(...items);
      first = next;
    }
    return all;
  }

  /** Asks for Service Changed, and for Database Out Of Sync where the peer would send it (Vol 3, Part G, 7.1 and 7.2). */
  private async watch(operation: Operation, services: readonly RemoteService[]): Promise<void> {
    const service = services.find(({ uuid }) => uuid.short === GENERIC_ATTRIBUTE);
    if (!service) return;
    while (!service.isComplete) await discoverCharacteristics(operation, service, this.client);
    const find = (type: number): RemoteCharacteristic | undefined =>
      service.characteristics.find(({ uuid }) => uuid.short === type);
    const features = find(CLIENT_SUPPORTED_FEATURES);
    if (features) await this.offer(operation, features.valueHandle, Uint8Array.of(CLIENT_FEATURES));
    const changed = find(SERVICE_CHANGED);
    if (!changed) return;
    await discoverDescriptors(operation, service, changed, this.client);
    const cccd = changed.descriptors.find(
      ({ uuid }) => uuid.short === TYPE.CLIENT_CHARACTERISTIC_CONFIGURATION,
    );
    if (!cccd) return;
    this.serviceChanged = changed.valueHandle;
    await this.offer(operation, cccd.handle, Uint8Array.of(CCCD.INDICATE, 0));
  }

  /** Writes what a peer may refuse: it does not do without the rest. */
  private async offer(operation: Operation, handle: number, value: Uint8Array): Promise<void> {
    try {
      await writeValue(operation, this.client, { handle, value });
    } catch (error) {
      if (!(error instanceof GattError)) throw error;
      const { port } = this.client;
      port.log("info", `gatt: link ${port.link} does not say when its database changes: ${error.message}`);
    }
  }

  /** The database has changed. */
  forget(): void {
    this.cache.forget(this.peer);
    this.database = undefined;
  }
}

/** Database Hash (7.3); undefined where the peer has none, or shows it to nobody like us. */
async function readHash(operation: Operation): Promise<Uint8Array | undefined> {
  try {
    const hash = await readByUuid(operation, new UUID(DATABASE_HASH));
    return hash?.length === 16 ? hash : undefined;
  } catch (error) {
    if (error instanceof GattError) return undefined;
    throw error;
  }
}
