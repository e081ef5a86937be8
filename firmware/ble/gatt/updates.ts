/** What the server sends without being asked: notifications and indications (Vol 3, Part G, 4.10 and 4.11). */
import { Writer } from "../codec.ts";
import { type Attribute, CCCD } from "./database.ts";
import { CLIENT_FEATURE, type PendingIndication, type RemoteClient } from "./remote-client.ts";
import type { GattServer } from "./server.ts";

/** What became of a notification: on its way to the peer, waiting for the controller, not asked for, or no room. */
export type NotifyOutcome = "sent" | "queued" | "unsubscribed" | "full";

export class Updates {
  /** Notifications that a client missed because its queue was full. */
  droppedNotifications = 0;
  private readonly server: GattServer;

  constructor(server: GattServer) {
    this.server = server;
  }

  /** Whether this client asked to be notified (or, with `CCCD.INDICATE`, indicated) of the value. */
  isSubscribed(client: RemoteClient, attribute: Attribute, bit: number = CCCD.NOTIFY): boolean {
    return ((client.configurations.get(attribute.handle) ?? 0) & bit) !== 0;
  }

  /** As `isSubscribed`; when not, the log says so, once for each client and value. */
  wants(client: RemoteClient, attribute: Attribute, bit: number = CCCD.NOTIFY): boolean {
    const subscribed = this.isSubscribed(client, attribute, bit);
    if (!subscribed) this.hint(client, attribute, false);
    return subscribed;
  }

  /**
   * Notifies one client. The value is taken over by the call; what is longer than ATT_MTU - 3 is cut.
   * @param force also a client that has not subscribed, which does not conform (Vol 3, Part G, 3.3.3.3).
   */
  notify(client: RemoteClient, attribute: Attribute, value: Uint8Array, force?: boolean): NotifyOutcome {
    // What a client never configured is undefined, of which no bit is set.
    if ((client.configurations.get(attribute.handle)! & CCCD.NOTIFY) !== 0 || force) {
      return this.send(client, attribute, value);
    }
    this.hint(client, attribute, false);
    return "unsubscribed";
  }

  private send(client: RemoteClient, attribute: Attribute, value: Uint8Array): NotifyOutcome {
    // Handles may mean something else to a client that does not know the database any more.
    if (client.changeUnaware) return "unsubscribed";
    const bearer = client.bearer;
    if (!bearer.canQueue) return "full";
    const sent = bearer.notify(attribute.handle, value);
    if (bearer.wasCut) this.hint(client, attribute, true);
    return sent ? "sent" : "queued";
  }

  /** Says once for each client and value why it is told nothing, or not everything. */
  private hint(client: RemoteClient, { handle, type }: Attribute, isCut: boolean): void {
    const key = isCut ? handle : -handle;
    if (client.hints.has(key)) return;
    client.hints.add(key);
    const { mtu, mtuExchanged } = client.bearer;
    this.server.port.log(
      "warning",
      isCut
        ? `gatt: ${type} is capped at ${mtu - 3} bytes for this client: ATT_MTU is ${mtu}, ${
            mtuExchanged ? "as exchanged" : "the central did not exchange a larger one"
          }`
        : `gatt: ${type} is not sent: the client has not subscribed (its CCCD is ${
            client.configurations.get(handle) ?? 0
          }; 1 notify, 2 indicate)`,
    );
  }

  /**
   * Notifies one client of several values, in as few packets as it understands: together when it announced that it can,
   * and whole, or else one by one. Returns the worst outcome; what was not asked for is left out.
   */
  notifyMultiple(
    client: RemoteClient,
    updates: readonly (readonly [Attribute, Uint8Array])[],
  ): NotifyOutcome {
    const wanted = updates.filter(([attribute]) => this.wants(client, attribute));
    if (wanted.length === 0 || client.changeUnaware) return "unsubscribed";
    let outcome: NotifyOutcome = "sent";
    for (const batch of this.batches(client, wanted)) {
      const [[attribute, value]] = batch as [readonly [Attribute, Uint8Array]];
      if (batch.length === 1) outcome = this.send(client, attribute, value);
      else if (!client.bearer.canQueue) return "full";
      else outcome = client.bearer.notifyMultiple(tuples(batch)) ? "sent" : "queued";
      if (outcome === "full") return "full";
    }
    return outcome;
  }

  private batches(client: RemoteClient, updates: readonly (readonly [Attribute, Uint8Array])[]) {
    if ((client.features & CLIENT_FEATURE.MULTIPLE_NOTIFICATIONS) === 0) {
      return updates.map((update) => [update]);
    }
    const room = client.bearer.mtu - 1;
    const batches: (readonly [Attribute, Uint8Array])[][] = [];
    let size = room + 1;
    for (const update of updates) {
      const needed = update[1].length + 4;
      if (size + needed > room) {
        batches.push([]);
        size = 0;
      }
      batches[batches.length - 1]!.push(update);
      size += needed;
    }
    return batches;
  }

  /**
   * Tells every client that subscribed of the current value: notifies, or indicates where only that was asked for. A
   * client whose queue is full misses it, and is counted; an indication that has not left yet takes the newer value.
   * Returns how many were or will be told.
   */
  tellSubscribers(attribute: Attribute): number {
    const handle = attribute.handle;
    const value = attribute.value;
    const clients = this.server.clients;
    const wanted = CCCD.NOTIFY;
    let told = 0;
    // Whether the last thing that was sent is this notification, so that its headers stand for the next client.
    let stands = false;
    for (let index = 0, client = clients[0]; client; client = clients[++index]) {
      const configuration = client.configurations.get(handle);
      // What a client never configured is undefined, of which no bit is set.
      if ((configuration! & wanted) !== 0) {
        if (stands && client.bearer.repeat(value)) {
          told++;
        } else {
          const outcome = this.send(client, attribute, value);
          stands = outcome === "sent";
          if (outcome === "full") this.droppedNotifications++;
          else if (outcome !== "unsubscribed") told++;
        }
      } else if (configuration !== undefined) {
        stands = false;
        this.indicateLatest(client, attribute);
        told++;
      }
    }
    return told;
  }

  private indicateLatest(client: RemoteClient, attribute: Attribute): void {
    const waiting = client.indications.find(
      (pending, index) =>
        pending.replaceable && pending.attribute === attribute && (index > 0 || !client.bearer.indicating),
    );
    if (waiting) waiting.value = attribute.value;
    else
      this.indicate(client, {
        attribute,
        value: attribute.value,
        replaceable: true,
        onConfirmed: () => {},
      });
  }

  /** Indicates; one at a time on a link, in order, whatever they are of (Vol 3, Part F, 3.3.2). */
  indicate(client: RemoteClient, pending: PendingIndication): void {
    client.indications.push(pending);
    this.nextIndication(client);
  }

  /** Takes back an indication that has not left; one that has is confirmed into the void. */
  withdraw(client: RemoteClient, pending: PendingIndication): void {
    const index = client.indications.indexOf(pending);
    if (index > 0 || (index === 0 && !client.bearer.indicating)) client.indications.splice(index, 1);
  }

  /**
   * Takes back every indication (of this value) that has not left: the client does not want it any more, or its handle
   * means something else from now on.
   */
  withdrawAll(client: RemoteClient, attribute?: Attribute): void {
    const waiting = client.indications.splice(client.bearer.indicating ? 1 : 0);
    for (const pending of waiting) {
      if (attribute && pending.attribute !== attribute) client.indications.push(pending);
      else this.settle(client, pending, false);
    }
  }

  private nextIndication(client: RemoteClient): void {
    const next = client.indications[0];
    const { bearer } = client;
    if (!next || bearer.indicating || bearer.timedOut) return;
    if (next.value.length > bearer.mtu - 3) this.hint(client, next.attribute, true);
    bearer.indicate(next.attribute.handle, next.value, (confirmed) => {
      if (client.indications[0] !== next) return; // Told by close() already.
      client.indications.shift();
      this.settle(client, next, confirmed);
      if (confirmed) this.nextIndication(client);
      else this.server.silence(client);
    });
  }

  /** The link is gone, or nothing more may be sent on it: nothing waits any longer. */
  close(client: RemoteClient): void {
    for (const pending of client.indications.splice(0)) this.settle(client, pending, false);
  }

  private settle(client: RemoteClient, pending: PendingIndication, confirmed: boolean): void {
    pending.onConfirmed(confirmed);
    const { watcher } = this.server;
    const { attribute } = pending;
    if (watcher && this.server.isOfApplication(attribute)) {
      watcher.onIndicated(client.owner, attribute, confirmed);
    }
  }
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
