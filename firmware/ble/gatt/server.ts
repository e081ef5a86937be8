/** The GATT server: serves the requests and commands of every client (Vol 3, Part G, 4; Vol 3, Part F, 3.4). */
import type { Clock, LogLevel } from "../../platform/platform.ts";
import { type AttBearer, TRANSACTION_TIMEOUT_MS } from "../att/bearer.ts";
import { ATT_ERROR } from "../att/errors.ts";
import { isAnswer, type Question } from "./answers.ts";
import { type Attribute, Database, type ServiceDefinition, TYPE } from "./database.ts";
import { Discovery } from "./discovery.ts";
import { type AesCmac, GenericServices } from "./generic-services.ts";
import { Reads } from "./reads.ts";
import { CLIENT_FEATURE, RemoteClient } from "./remote-client.ts";
import { Updates } from "./updates.ts";
import { Writes } from "./writes.ts";

export { RemoteClient } from "./remote-client.ts";

/** Is told of everything that clients do with the application's values and descriptors, whoever registered them. */
export interface GattWatcher {
  /** Before a client reads from offset 0: an ATT error code refuses, 0 leaves it to the attribute's own hook. */
  onRead(client: unknown, attribute: Attribute): number;
  /** After a client's write was stored. */
  onWritten(client: unknown, attribute: Attribute): void;
  /** An indication has been confirmed, or the link ended before. */
  onIndicated(client: unknown, attribute: Attribute, confirmed: boolean): void;
}

/** The application has less time to answer than the client waits (Vol 3, Part F, 3.3.3). */
const ANSWER_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS - 1000;

/** What the server is handed. */
export interface GattServerPort {
  readonly clock: Clock;
  readonly aesCmac: AesCmac;
  log(level: LogLevel, message: string): void;
}

export class GattServer {
  readonly clients: RemoteClient[] = [];
  readonly updates: Updates;
  readonly generic: GenericServices;
  /** Costs nothing while there is none. */
  watcher: GattWatcher | undefined = undefined;
  readonly port: GattServerPort;
  private readonly byOwner = new Map<unknown, RemoteClient>();
  readonly reads: Reads;
  readonly writes: Writes;
  database!: Database;
  discovery!: Discovery;
  /** Handles up to here belong to the mandatory services. */
  private lastGenericHandle = 0;
  /** Tells who registered the services that they are not there any more. */
  private onReplaced: (() => void) | undefined = undefined;
  /** Last handle of the largest database so far. */
  private highestHandle = 0;
  /** Databases so far. */
  private changes = 0;

  constructor(port: GattServerPort) {
    this.port = port;
    this.updates = new Updates(this);
    this.generic = new GenericServices(port.aesCmac);
    this.reads = new Reads(this);
    this.writes = new Writes(this);
    this.rebuild([]);
  }

  /**
   * Replaces the database by the mandatory services and these; returns the attributes of the characteristics' values,
   * service by service. Subscriptions to the old database end, and clients that asked for it are sent Service Changed.
   * @param onReplaced called when a registration with another `onReplaced` takes these services' place.
   * @throws RangeError when the database has no room for all of them, TypeError for an include that is not among them.
   */
  register(services: readonly ServiceDefinition[], onReplaced?: () => void): Attribute[][] {
    const former = this.database;
    const values = this.rebuild(services);
    const before = this.onReplaced;
    this.onReplaced = onReplaced;
    if (before !== onReplaced) before?.();
    this.announceChange(former);
    return values;
  }

  private rebuild(services: readonly ServiceDefinition[]): Attribute[][] {
    const database = new Database();
    const adopt = this.generic.addTo(database, (owner) => this.byOwner.get(owner));
    this.lastGenericHandle = database.lastHandle;
    const values = services.map((service) => database.add(service));
    database.resolveIncludes();
    adopt();
    this.database = database;
    this.highestHandle = Math.max(this.highestHandle, database.lastHandle);
    this.discovery = new Discovery(database, this.reads);
    return values;
  }

  /**
   * Vol 3, Part G, 7.1: the affected range is everything that ever was, since every handle may have moved and an earlier
   * change may not have been indicated yet.
   */
  private announceChange(former: Database): void {
    const attribute = this.generic.serviceChanged;
    const last = this.highestHandle;
    const range = new Uint8Array([0x01, 0x00, last & 0xff, last >> 8]);
    const change = ++this.changes;
    for (const client of this.clients) {
      const wanted = client.configurations.get(attribute.handle);
      this.endSubscriptions(client, former);
      client.hints.clear();
      client.preparedWrites.invalidate();
      client.snapshot = undefined;
      this.updates.withdrawAll(client);
      if ((client.features & CLIENT_FEATURE.ROBUST_CACHING) !== 0) {
        client.changeUnaware = true;
        client.awareAtNextRequest = false;
      }
      if (wanted === undefined) continue;
      client.configurations.set(attribute.handle, wanted);
      this.updates.indicate(client, {
        attribute,
        value: range,
        onConfirmed: (confirmed) => {
          if (confirmed && change === this.changes) client.becomeAware();
        },
      });
    }
  }

  /** A link came up. */
  open(bearer: AttBearer, owner: unknown): RemoteClient {
    const client = new RemoteClient(this, bearer, owner);
    this.clients.push(client);
    this.byOwner.set(owner, client);
    return client;
  }

  /** A link is gone: its subscriptions and prepared writes are forgotten. */
  close(client: RemoteClient): void {
    const at = this.clients.indexOf(client);
    if (at >= 0) this.clients.splice(at, 1);
    client.preparedWrites.clear();
    this.silence(client);
    this.byOwner.delete(client.owner);
  }

  /** The link is gone, or nothing more may be sent on it. */
  silence(client: RemoteClient): void {
    this.updates.close(client);
    this.endSubscriptions(client, this.database);
  }

  private endSubscriptions({ configurations, owner }: RemoteClient, database: Database): void {
    const handles = [...configurations.keys()];
    configurations.clear();
    for (const handle of handles) this.tellSubscription(owner, database.at(handle)!, 0);
  }

  /** The client has configured the value otherwise than before. */
  tellSubscription(owner: unknown, attribute: Attribute, configuration: number): void {
    try {
      attribute.hooks?.onSubscribe?.(owner, configuration);
    } catch (error) {
      this.blame(attribute, error);
    }
  }

  /** The attribute with this handle, if there is one. */
  at(handle: number): Attribute | undefined {
    return this.database.at(handle);
  }

  /** Whether this is a value or descriptor of the application: no declaration, no CCCD, nothing of the mandatory services. */
  isOfApplication({ handle, type, configures }: Attribute): boolean {
    return handle > this.lastGenericHandle && !configures && (type.short & ~3) !== TYPE.PRIMARY_SERVICE;
  }

  /** Write commands that were dropped: too long, not allowed, or for no attribute (Vol 3, Part F, 3.4.5.3). */
  get droppedCommands(): number {
    return this.writes.droppedCommands;
  }

  /**
   * Asks the application and goes on with its answer: at once, or when its promise settles. An exception, a rejection, an
   * answer that comes too late, and one that is none (see `isAnswer`) count as Unlikely Error, with a line in the log. A
   * request that a new registration overtook is refused: its handle means something else by now. Nothing is done once the
   * link is gone.
   */
  ask<T>(
    client: RemoteClient,
    attribute: Attribute,
    kind: Question,
    question: () => T | PromiseLike<T>,
    next: (answer: T | number) => void,
  ): void {
    const { database } = this;
    const blocks = kind !== "command";
    const go = (answer: T | number): void => {
      if (database !== this.database) return next(this.overtaken(client, blocks));
      if (isAnswer(kind, answer)) return next(answer);
      this.blame(attribute, `${textOf(answer)} is no answer to a ${kind}`);
      next(ATT_ERROR.UNLIKELY_ERROR);
    };
    const fail = (error: unknown): void => {
      this.blame(attribute, error);
      go(ATT_ERROR.UNLIKELY_ERROR);
    };
    let answer: T | PromiseLike<T>;
    let isLater: boolean;
    try {
      answer = question();
      isLater = typeof (answer as PromiseLike<T> | undefined)?.then === "function";
    } catch (error) {
      return fail(error);
    }
    if (!isLater) return go(answer as T);
    if (blocks) client.busy = true;
    const settled = (): boolean => {
      if (timer === undefined) return true;
      this.port.clock.clearTimer(timer);
      timer = undefined;
      if (blocks) client.busy = false;
      return !this.clients.includes(client);
    };
    let timer: unknown = this.port.clock.setTimer(() => {
      if (!settled()) fail(`no answer within ${ANSWER_TIMEOUT_MS} ms`);
    }, ANSWER_TIMEOUT_MS);
    Promise.resolve(answer).then(
      (result) => {
        if (!settled()) go(result);
      },
      (error: unknown) => {
        if (!settled()) fail(error);
      },
    );
  }

  /** Why a request is refused that was under way when the database changed. */
  private overtaken(client: RemoteClient, blocks: boolean): number {
    if (!(blocks && client.changeUnaware)) return ATT_ERROR.UNLIKELY_ERROR;
    client.awareAtNextRequest = true;
    return ATT_ERROR.DATABASE_OUT_OF_SYNC;
  }

  /** Notes what the application threw or answered: nothing that it does in a hook may end the stack. */
  blame(attribute: Attribute, error: unknown): void {
    this.port.log("error", `gatt: the application's handler for ${attribute.type} failed: ${textOf(error)}`);
  }
}

/** What an application threw or answered, for the log: short, whatever it is. */
function textOf(value: unknown): string {
  try {
    return String(value).slice(0, 200);
  } catch {
    return typeof value;
  }
}
