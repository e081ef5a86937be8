/** What the server sends without being asked: notifications and indications (Vol 3, Part G, 4.10 and 4.11). */
import { DEFAULT_MTU } from "../../att/bearer.ts";
import { VALUE_HEADER_LENGTH } from "../../att/server-role.ts";
import { Writer } from "../../codec.ts";
import type { Channel } from "../../l2cap/channel.ts";
import { CCCD } from "../types.ts";
import type { PendingIndication, ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";
import { hasRoomFor, indicate, indicateLatest, withdraw } from "./indications.ts";
import { CLIENT_FEATURE } from "./session.ts";
import { isSubscribed, maySend, noteCut, noteProtected, noteUnwanted } from "./subscriptions.ts";

/** What became of a notification: on its way to the peer, waiting for the controller, not asked for, or no room. */
export type NotifyOutcome = "sent" | "queued" | "unsubscribed" | "full";

/** What becomes of an indication: it is sent when its turn comes, was not asked for, or finds no room. */
export type IndicateOutcome = "waiting" | "unsubscribed" | "full";

/** Indications to one client that may wait for their turn and their confirmation. */
export const INDICATIONS_MAX = 32;

/** An indication that was asked for and may be withdrawn. */
export type Indication = Omit<PendingIndication, "replaceable">;

export class Updates {
  /** Notifications that a client missed because its queue was full. */
  droppedNotifications = 0;
  private readonly bearers: readonly ServerBearer[];
  /** Those that a value goes to at once. Kept, since a new array takes as long as half a notification. */
  private readonly channels: Channel[] = [];

  /** @param bearers one of each client, as they come and go. */
  constructor(bearers: readonly ServerBearer[]) {
    this.bearers = bearers;
  }

  /** Whether this client asked to be notified or indicated of the value. */
  isSubscribed(bearer: ServerBearer, attribute: Attribute): boolean {
    return isSubscribed(bearer, attribute, CCCD.NOTIFY | CCCD.INDICATE);
  }

  /**
   * Notifies one client. The value is taken over by the call; what is longer than ATT_MTU - 3 is cut.
   * @param force also a client that has not subscribed, which does not conform (Vol 3, Part G, 3.3.3.3).
   */
  notify(server: ServerBearer, attribute: Attribute, value: Uint8Array, force?: boolean): NotifyOutcome {
    const session = server.session;
    const handle = attribute.handle;
    // What a client never configured is undefined, of which no bit is set.
    if ((session.configurations.get(handle)! & CCCD.NOTIFY) === 0) {
      if (!force) {
        noteUnwanted(server, attribute);
        return "unsubscribed";
      }
      // Where nothing may be sent any more nobody is subscribed, so that only this call has to look.
      if (server.bearer.timedOut) return "full";
    }
    if (session.changeUnaware || attribute.requirements !== undefined) {
      if (!maySend(server, attribute)) {
        noteProtected(server, attribute);
        return "unsubscribed";
      }
    }
    const room = server.bearer.mtu - VALUE_HEADER_LENGTH;
    let end = value.length;
    if (end > room) {
      noteCut(server, attribute, end);
      end = room;
    }
    if (!server.channel.hasRoom(end)) return "full";
    return server.notify(handle, value, end) ? "sent" : "queued";
  }

  /**
   * Notifies one client of several values, in as few packets as it understands: together when it announced that it can,
   * and whole, or else one by one. Returns the worst outcome; what was not asked for is left out.
   */
  notifyMultiple(
    bearer: ServerBearer,
    updates: readonly (readonly [Attribute, Uint8Array])[],
  ): NotifyOutcome {
    const wanted = updates.filter(([attribute]) => {
      const subscribed = isSubscribed(bearer, attribute);
      if (!subscribed) noteUnwanted(bearer, attribute);
      return subscribed && maySend(bearer, attribute);
    });
    if (wanted.length === 0) return "unsubscribed";
    let outcome: NotifyOutcome = "sent";
    for (const batch of batches(bearer, wanted)) {
      const [[attribute, value]] = batch as [readonly [Attribute, Uint8Array]];
      if (batch.length === 1) outcome = this.notify(bearer, attribute, value, true);
      else {
        const bytes = tuples(batch);
        if (!bearer.channel.hasRoom(bytes.length)) return "full";
        outcome = bearer.notifyMultiple(bytes) ? "sent" : "queued";
      }
      if (outcome === "full") return "full";
    }
    return outcome;
  }

  /**
   * Sends the current value to every client that subscribed: notifies, or indicates where only that was asked for. A
   * client whose queue is full misses it, and is counted; an indication that has not left yet takes the newer value.
   * Returns how many were or will be notified.
   */
  notifySubscribers(attribute: Attribute): number {
    const { bearers, channels } = this;
    const handle = attribute.handle;
    const value = attribute.value;
    // What is protected, or will be cut, is looked at for each client by itself.
    const isFree = attribute.requirements === undefined;
    const needed = value.length + VALUE_HEADER_LENGTH;
    const fitsAll = needed <= DEFAULT_MTU;
    let last: ServerBearer | undefined;
    let group: unknown;
    let together = 0;
    let count = 0;
    for (let index = 0, server = bearers[0]; server; server = bearers[++index]) {
      const session = server.session;
      const configuration = session.configurations.get(handle);
      if (configuration === undefined) continue;
      if ((configuration & CCCD.NOTIFY) === 0) {
        if (!maySend(server, attribute)) continue;
        if (indicateLatest(server, attribute)) count++;
        else this.droppedNotifications++;
        continue;
      }
      const channel = server.channel;
      const its = channel.group;
      if (together === 0) group = its;
      if (isFree && its === group && !session.changeUnaware && (fitsAll || needed <= server.bearer.mtu)) {
        last = server;
        channels[together++] = channel;
      } else {
        const outcome = this.notify(server, attribute, value, true);
        if (outcome === "full") this.droppedNotifications++;
        else if (outcome !== "unsubscribed") count++;
      }
    }
    if (!last) return count;
    const reached = last.notifyAll(channels, together, handle, value);
    this.droppedNotifications += together - reached;
    return count + reached;
  }

  /**
   * Indicates to one client; one at a time on a link, in order, whatever they are of (Vol 3, Part F, 3.3.2).
   * @param force also a client that has not subscribed, which does not conform (Vol 3, Part G, 3.3.3.3).
   */
  indicate(bearer: ServerBearer, indication: Indication, force?: boolean): IndicateOutcome {
    const { attribute } = indication;
    if (!force && !isSubscribed(bearer, attribute, CCCD.INDICATE)) {
      noteUnwanted(bearer, attribute);
      return "unsubscribed";
    }
    if (!maySend(bearer, attribute)) {
      noteProtected(bearer, attribute);
      return "unsubscribed";
    }
    const bytes = indication.value.length;
    if (bearer.indications.length >= INDICATIONS_MAX || !hasRoomFor(bearer, bytes)) return "full";
    indicate(bearer, indication, bytes);
    return "waiting";
  }

  /** Takes back an indication that has not left; one that has is confirmed into the void. */
  withdraw(bearer: ServerBearer, indication: Indication): void {
    withdraw(bearer, indication);
  }

  /** A link is gone. */
  forget(): void {
    this.channels.length = 0;
  }
}

/** In one batch what goes into one PDU. */
function batches(
  { bearer, session }: ServerBearer,
  updates: readonly (readonly [Attribute, Uint8Array])[],
): (readonly (readonly [Attribute, Uint8Array])[])[] {
  if ((session.features & CLIENT_FEATURE.MULTIPLE_NOTIFICATIONS) === 0) {
    return updates.map((update) => [update]);
  }
  const room = bearer.mtu - 1;
  const found: (readonly [Attribute, Uint8Array])[][] = [];
  let size = room + 1;
  for (const update of updates) {
    const needed = update[1].length + 4;
    if (size + needed > room) {
      found.push([]);
      size = 0;
    }
    found[found.length - 1]!.push(update);
    size += needed;
  }
  return found;
}

/** Handle, length, value of each (Vol 3, Part F, 3.4.7.4). */
function tuples(updates: readonly (readonly [Attribute, Uint8Array])[]): Uint8Array {
  const writer = new Writer(64);
  for (const [attribute, value] of updates) {
    writer.u16(attribute.handle);
    writer.u16(value.length);
    writer.bytes(value);
  }
  return writer.finish();
}
