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
import type { ServerContext } from "./context.ts";
import type { Attribute, Database } from "./database.ts";
import type { ServerSession } from "./session.ts";

const NO_HASH = new Uint8Array(16);

/**
 * The client's link is encrypted with its bond's key: from now on the session is that bond's. What the client has written
 * on this link already counts more than what is recalled. Returns the subscriptions that hold again.
 */
export function recallClient(
  context: ServerContext,
  session: ServerSession,
  memory: ClientMemory,
): readonly Attribute[] {
  const state = decodeClientState(memory.client);
  session.memory = memory;
  const revived = state ? restore(context, session, state) : [];
  session.touched.clear();
  const isNew = state === undefined && (session.configurations.size > 0 || session.features !== 0);
  if (!saveClient(context, session, isNew) && isNew) {
    context.log(
      "warning",
      "gatt: what a newly bonded client has subscribed to lasts only until its link ends",
    );
  }
  return revived;
}

function restore(context: ServerContext, session: ServerSession, state: ClientState): readonly Attribute[] {
  session.features |= state.features;
  session.knownHash = state.hash;
  session.dormant = state.subscriptions.filter(({ handle }) => !session.touched.has(handle));
  const revived = revive(context.database, session);
  const isCurrent = sameBytes(state.hash, context.databaseHash());
  // One that has read the Database Hash on this link knows what there is.
  if (!isCurrent && !session.awareAtNextRequest) session.databaseChanged();
  return revived;
}

/** Lets dormant subscriptions hold again whose characteristic is in the database. Returns the values. */
export function revive(database: Database, session: ServerSession): readonly Attribute[] {
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

/** Keeps what is known of the client, where its session is a bond's. False when it cannot be kept. */
export function saveClient(context: ServerContext, session: ServerSession, isUrgent: boolean): boolean {
  const { memory } = session;
  if (!memory) return true;
  const { configurations, dormant, features } = session;
  const { database } = context;
  const subscriptions: Subscription[] = [];
  for (const [handle, configuration] of configurations) {
    subscriptions.push({ handle, configuration, mark: markOf(database, handle) });
  }
  if (subscriptions.length > SUBSCRIPTIONS_MAX) return false;
  subscriptions.push(...dormant.slice(0, SUBSCRIPTIONS_MAX - subscriptions.length));
  if (session.isInformed) session.knownHash = context.databaseHash();
  const hash = session.knownHash ?? NO_HASH;
  return memory.save(encodeClientState({ features, hash, subscriptions }), isUrgent);
}

/**
 * Keeps the subscription that a client asks for, before it is answered. False when it cannot be kept, so that it has to be
 * refused; it does not hold yet.
 */
export function keepSubscription(
  context: ServerContext,
  session: ServerSession,
  handle: number,
  configuration: number,
): boolean {
  const { configurations, memory } = session;
  if (!memory) {
    session.touched.add(handle);
    return true;
  }
  const before = configurations.get(handle) ?? 0;
  session.dormant = session.dormant.filter((each) => each.handle !== handle);
  session.configure(handle, configuration);
  const isKept = saveClient(context, session, true);
  session.configure(handle, before);
  return isKept;
}

/** The session ends, or nothing more can be sent in it: what is known of the client is kept as it is. */
export function partWithClient(context: ServerContext, session: ServerSession): void {
  const { memory } = session;
  if (!memory) return;
  saveClient(context, session, false);
  session.memory = undefined;
  memory.close();
}
