/** Sessions of bonded clients, which outlive their links: when they are recalled, and when they are kept. */

import { sameBytes } from "../../codec.ts";
import {
  type ClientMemory,
  type ClientState,
  decodeClientState,
  encodeClientState,
  markOf,
  SUBSCRIPTIONS_MAX,
  type Subscription,
} from "./client-state.ts";
import type { ServerContext, SessionKeeper } from "./context.ts";
import type { Attribute, Database } from "./database.ts";
import type { ServerSession } from "./session.ts";

const NO_HASH = new Uint8Array(16);

export class BondedSessions implements SessionKeeper {
  private readonly context: ServerContext;

  constructor(context: ServerContext) {
    this.context = context;
  }

  recall(session: ServerSession, memory: ClientMemory): readonly Attribute[] {
    session.memory?.close();
    const state = decodeClientState(memory.client);
    session.memory = memory;
    // What the client has done on this link already is added to what is kept; else there is nothing to save.
    const isChanged =
      state === undefined || session.touched.size > 0 || (session.features & ~state.features) !== 0;
    const revived = state ? this.restore(session, state) : [];
    session.touched.clear();
    if (!isChanged) return revived;
    const isNew = state === undefined && (session.configurations.size > 0 || session.features !== 0);
    if (!this.save(session, isNew) && isNew) {
      this.context.log(
        "warning",
        "gatt: what a newly bonded client has subscribed to lasts only until its link ends",
      );
    }
    return revived;
  }

  private restore(session: ServerSession, state: ClientState): readonly Attribute[] {
    session.features |= state.features;
    session.knownHash = state.hash;
    session.dormant = state.subscriptions.filter(({ handle }) => !session.touched.has(handle));
    const revived = this.revive(session);
    const isCurrent = sameBytes(state.hash, this.context.databaseHash());
    // One that has read the Database Hash on this link knows what there is.
    if (!isCurrent && !session.awareAtNextRequest) session.databaseChanged();
    return revived;
  }

  revive(session: ServerSession): readonly Attribute[] {
    const { database } = this.context;
    const { configurations } = session;
    const revived: Attribute[] = [];
    session.dormant = session.dormant.filter(({ configuration, handle, mark }) => {
      const cccd = database.at(handle + 1);
      const value = cccd?.configures;
      const isSame =
        value?.handle === handle &&
        (configuration & ~cccd!.allowedConfiguration) === 0 &&
        mark === markOf(database, handle);
      if (!isSame) return true;
      if (!configurations.has(handle)) {
        configurations.set(handle, configuration);
        revived.push(value);
      }
      return false;
    });
    return revived;
  }

  suspend(session: ServerSession, former: Database, handle: number, configuration: number): void {
    if (!session.memory) return;
    session.dormant = [...session.dormant, { handle, configuration, mark: markOf(former, handle) }];
  }

  save(session: ServerSession, isUrgent: boolean): boolean {
    const { memory } = session;
    if (!memory) return true;
    const { configurations, dormant, features } = session;
    const { context } = this;
    const subscriptions: Subscription[] = [];
    for (const [handle, configuration] of configurations) {
      subscriptions.push({ handle, configuration, mark: markOf(context.database, handle) });
    }
    if (subscriptions.length > SUBSCRIPTIONS_MAX) return false;
    subscriptions.push(...dormant.slice(0, SUBSCRIPTIONS_MAX - subscriptions.length));
    if (session.isInformed) session.knownHash = context.databaseHash();
    const hash = session.knownHash ?? NO_HASH;
    return memory.save(encodeClientState({ features, hash, subscriptions }), isUrgent);
  }

  keepSubscription(session: ServerSession, handle: number, configuration: number): boolean {
    const { configurations, memory } = session;
    if (!memory) {
      session.touched.add(handle);
      return true;
    }
    const before = configurations.get(handle) ?? 0;
    session.dormant = session.dormant.filter((each) => each.handle !== handle);
    session.configure(handle, configuration);
    const isKept = this.save(session, true);
    session.configure(handle, before);
    return isKept;
  }

  part(session: ServerSession): void {
    const { memory } = session;
    if (!memory) return;
    this.save(session, false);
    session.memory = undefined;
    memory.close();
  }
}
