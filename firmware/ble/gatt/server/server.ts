/** The GATT server: its database, its clients, and what links them (Vol 3, Part G, 2.5). */

import type { AttBearer } from "../../att/bearer.ts";
import { type LinkSecurity, UNENCRYPTED } from "../../security.ts";
import type { UUID } from "../../uuid.ts";
import { ServerBearer } from "./bearer.ts";
import type { ClientMemory } from "./client-state.ts";
import { type GattWatcher, ServerContext, type ServerPort, type SessionKeeper } from "./context.ts";
import { type Attribute, Database, type ServiceDefinition } from "./database.ts";
import { type AesCmac, GenericServices } from "./generic-services.ts";
import { dropIndications, indicate, withdrawAll } from "./indications.ts";
import { REQUESTS } from "./requests.ts";
import { ServerSession } from "./session.ts";
import { endSubscriptions } from "./subscriptions.ts";
import { Updates } from "./updates.ts";

/** Service Changed: the affected range is everything there may be (Vol 3, Part G, 7.1). */
const EVERYTHING = Object.freeze([0x01, 0x00, 0xff, 0xff]);

/** What the server is handed. */
export interface GattServerPort extends ServerPort {
  readonly aesCmac: AesCmac;
}

/** Who registers services. */
export interface Registrant {
  /** Takes over the attributes of the characteristics' values, service by service, before any client is notified. */
  onRegistered?(values: Attribute[][]): void;
  /** Other services, of another registrant, have taken their place. */
  onReplaced?(): void;
}

/** A service of the firmware itself. */
interface OwnService {
  readonly definition: ServiceDefinition;
  /** Gets the attributes of its characteristics' values, each time there is another database. */
  readonly onRegistered: (values: Attribute[]) => void;
}

export class GattServer {
  readonly updates: Updates;
  readonly generic: GenericServices;
  private readonly context: ServerContext;
  private readonly bearers: ServerBearer[] = [];
  /** One bearer of each session: the one on which the peer is notified and indicated. */
  private readonly clients: ServerBearer[] = [];
  private readonly sessions = new Map<unknown, ServerSession>();
  private registrant: Registrant | undefined = undefined;
  private readonly own: OwnService[] = [];
  /**
   * The database lacks a service of the firmware's own, or is not made yet: at start the application's registration makes it,
   * and otherwise the first who needs it.
   */
  private isStale = true;
  private application: readonly ServiceDefinition[] = [];
  /** Databases so far. */
  private changes = 0;

  constructor(port: GattServerPort) {
    this.context = new ServerContext(port);
    this.updates = new Updates(this.clients);
    this.generic = new GenericServices(
      port.aesCmac,
      (session) => this.context.keeper?.save(session, true) !== false,
    );
    this.context.databaseHash = () => this.generic.databaseHash();
  }

  /**
   * Replaces the database by the mandatory services and these; returns the attributes of the characteristics' values,
   * service by service. Clients stay subscribed to what has not changed (see `Database.successorOf`); other subscriptions
   * end, and clients that asked for it are sent Service Changed.
   * @throws RangeError when the database has no room for all of them, or one has a UUID of the firmware's own services;
   * TypeError for an include that is not among them.
   */
  register(services: readonly ServiceDefinition[], registrant?: Registrant): Attribute[][] {
    for (const service of services) this.checkForeign(service);
    const former = this.context.database;
    const values = this.rebuild(services);
    const before = this.registrant;
    this.registrant = registrant;
    if (before !== registrant) before?.onReplaced?.();
    registrant?.onRegistered?.(values);
    this.announceChange(former);
    return values;
  }

  /** Clients take the first that they find, which would be the application's. */
  private checkForeign(service: ServiceDefinition): void {
    const reserved = this.own.flatMap(({ definition }) => uuidsOf(definition));
    const taken = uuidsOf(service).find((uuid) => reserved.some((own) => own.equals(uuid)));
    if (taken === undefined) return;
    throw new RangeError(
      `${taken} is the firmware's own service of this camera, which clients would not find behind another: take another UUID`,
    );
  }

  /** Whether clients find a service with this UUID. */
  hasService(uuid: UUID): boolean {
    this.refresh();
    return this.context.database.hasService(uuid);
  }

  /**
   * Offers a service of the firmware itself, behind those of the application: whose handles are what they are without it.
   * It stays when other services are registered.
   */
  offer(definition: ServiceDefinition, onRegistered: (values: Attribute[]) => void): void {
    this.own.push({ definition, onRegistered });
    this.isStale = true;
    // Before there are clients the application registers its services as a rule, and the database is made again with that.
    if (this.bearers.length > 0) this.refresh();
  }

  /** Makes the database that is missing, or makes it again where a service was offered since. */
  private refresh(): void {
    if (!this.isStale) return;
    const former = this.context.database;
    this.rebuild(this.application);
    this.announceChange(former);
  }

  private rebuild(services: readonly ServiceDefinition[]): Attribute[][] {
    const { context } = this;
    const database = new Database();
    const adopt = this.generic.addTo(database, (peer) => this.sessions.get(peer));
    const lastGenericHandle = database.lastHandle;
    const values = services.map((service) => database.add(service));
    const lastApplicationHandle = database.lastHandle;
    const own = this.own.map(({ definition }) => database.add(definition));
    database.resolveIncludes();
    adopt();
    this.application = services;
    this.isStale = false;
    context.database = database;
    context.lastGenericHandle = lastGenericHandle;
    context.lastApplicationHandle = lastApplicationHandle;
    for (const [index, { onRegistered }] of this.own.entries()) onRegistered(own[index]!);
    return values;
  }

  private announceChange(former: Database): void {
    this.changes++;
    for (const bearer of [...this.bearers]) {
      bearer.preparedWrites.invalidate();
      bearer.keepSnapshot(undefined);
      withdrawAll(bearer);
    }
    for (const bearer of [...this.clients]) {
      const { session } = bearer;
      session.databaseChanged();
      this.carryOver(bearer, former);
      if (session.wantsServiceChanged) this.indicateChange(bearer);
    }
  }

  private indicateChange(bearer: ServerBearer): void {
    const { session } = bearer;
    const change = this.changes;
    const indication = {
      attribute: this.generic.serviceChanged,
      value: Uint8Array.from(EVERYTHING),
      onConfirmed: (confirmed: boolean) => {
        if (confirmed && change === this.changes) session.becomeAware();
      },
    };
    indicate(bearer, indication, EVERYTHING.length);
  }

  /** Has sessions of bonded clients kept from link to link. Before there are any. */
  keepSessions(createKeeper: (context: ServerContext) => SessionKeeper): void {
    this.context.keeper = createKeeper(this.context);
  }

  /**
   * The link of this bearer is encrypted with the key of a bond: the session is that bond's from now on. Its subscriptions
   * hold again, and a client that does not know the database is sent Service Changed.
   */
  recall(bearer: ServerBearer, memory: ClientMemory): void {
    const { context } = this;
    const { session } = bearer;
    const { configurations, peer } = session;
    const revived = context.keeper?.recall(session, memory) ?? [];
    if (!session.isInformed && session.wantsServiceChanged) this.indicateChange(bearer);
    for (const value of revived) {
      context.reportSubscription(peer, value, configurations.get(value.handle) ?? 0);
    }
  }

  /** The session of this bearer is no bond's any more: it goes on, and ends with its link. */
  disown({ session }: ServerBearer): void {
    session.memory = undefined;
    session.dormant = [];
  }

  /** Keeps the client's subscriptions to what has not changed, and ends the others. */
  private carryOver(bearer: ServerBearer, former: Database): void {
    const { context } = this;
    const { session } = bearer;
    const { configurations, peer } = session;
    const reports: (() => void)[] = [];
    for (const [handle, configuration] of [...configurations]) {
      const before = former.at(handle)!;
      const after = former.successorOf(before, context.database);
      if (!after) {
        configurations.delete(handle);
        context.keeper?.suspend(session, former, handle, configuration);
      }
      // Whoever goes on owning the value knows already.
      if (after && after.handlers === before.handlers) continue;
      reports.push(() => context.reportSubscription(peer, before, 0));
      if (after) reports.push(() => context.reportSubscription(peer, after, configuration));
    }
    for (const value of context.keeper?.revive(session) ?? []) {
      reports.push(() => context.reportSubscription(peer, value, configurations.get(value.handle) ?? 0));
    }
    // The application's turn is last: the client's state is whole by now.
    for (const report of reports) report();
  }

  /**
   * A bearer came up.
   * @param peer handed to hooks: what the host knows the peer by. Bearers of one peer share a session.
   */
  open(bearer: AttBearer, peer: unknown, security: LinkSecurity = UNENCRYPTED): ServerBearer {
    this.refresh();
    const known = this.sessions.get(peer);
    const session = known ?? new ServerSession(peer);
    const server = new ServerBearer(this.context, REQUESTS, bearer, session, security);
    this.bearers.push(server);
    if (known) return server;
    this.sessions.set(peer, session);
    this.clients.push(server);
    return server;
  }

  /** A bearer is gone: with the last of a peer, its subscriptions are forgotten, or kept with its bond. */
  close(server: ServerBearer): void {
    const at = this.bearers.indexOf(server);
    if (at < 0) return;
    this.bearers.splice(at, 1);
    this.updates.forget();
    dropIndications(server);
    const { session } = server;
    const next = this.bearers.find((other) => other.session === session);
    const place = this.clients.indexOf(server);
    if (next) {
      if (place >= 0) this.clients[place] = next;
    } else {
      this.clients.splice(place, 1);
      this.context.keeper?.part(session);
      endSubscriptions(server);
      this.sessions.delete(session.peer);
    }
  }

  /** The Device Name characteristic, UTF-8 bytes (Vol 3, Part C, 12.1). */
  get deviceName(): Uint8Array {
    return this.generic.deviceName;
  }

  set deviceName(name: Uint8Array) {
    this.generic.deviceName = name;
  }

  /** How many clients there are. */
  get clientCount(): number {
    return this.clients.length;
  }

  /** Has `watcher` see what clients do, in place of the one before; it costs nothing while there is none. */
  watch(watcher: GattWatcher | undefined): void {
    this.context.watcher = watcher;
    // Parts of a value that were asked for under one watcher would be stale under the next.
    for (const bearer of this.bearers) bearer.keepSnapshot(undefined);
  }

  /** Whether somebody watches what clients do. */
  get isWatched(): boolean {
    return this.context.watcher !== undefined;
  }

  /** The attribute with this handle, if there is one. */
  at(handle: number): Attribute | undefined {
    this.refresh();
    return this.context.database.at(handle);
  }

  /** Whether this is a value or descriptor of the application: no declaration, no CCCD, nothing of the mandatory services. */
  isOfApplication(attribute: Attribute): boolean {
    return this.context.isOfApplication(attribute);
  }

  /** Write commands that were dropped: too long, not allowed, or for no attribute (Vol 3, Part F, 3.4.5.3). */
  get droppedCommands(): number {
    return this.context.droppedCommands;
  }

  /** Requests that came before the answer to their client's request before (Vol 3, Part F, 3.3.2). */
  get droppedRequests(): number {
    return this.context.droppedRequests;
  }
}

const uuidsOf = ({ uuid, characteristics }: ServiceDefinition): readonly UUID[] => [
  uuid,
  ...characteristics.map((characteristic) => characteristic.uuid),
];
