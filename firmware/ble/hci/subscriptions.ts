/** Who listens to which event of the controller. */
import { decode, type Fields, type Values } from "../codec.ts";
import { type EventMasks, eventMasks } from "./event-masks.ts";
import { hardwareError } from "./events.ts";
import { type HciEvent, LE_META } from "./packet.ts";

/** Who listens to one event, in the order in which they began. */
interface Subscription {
  readonly event: HciEvent;
  readonly listeners: ((values: never) => void)[];
}

export class Subscriptions {
  /** By the event's code; that of an LE event has LE Meta before its subevent code. */
  private readonly byCode = new Map<number, Subscription>();

  /**
   * Calls `listener` for each such event, after those that listened before.
   * @throws Error for a second listener to an event that demands a reply: one has to own it.
   */
  add<F extends Fields>(event: HciEvent<F>, listener: (values: Values<F>) => void): void {
    const subscription = this.byCode.get(event.code);
    if (!subscription) {
      this.byCode.set(event.code, { event, listeners: [listener] });
      return;
    }
    if (event.demandsReply) throw new Error(`${event.name} has an owner, and the controller takes one reply`);
    subscription.listeners.push(listener);
  }

  /** The event masks for all that is listened to, cut to what the controller has. */
  masks(leFeatures: Uint8Array): EventMasks {
    const events: HciEvent[] = [hardwareError];
    for (const { event } of this.byCode.values()) events.push(event);
    return eventMasks(events, leFeatures);
  }

  /**
   * Calls who listens to the event in this packet, which ends at `end`.
   * @returns `unheard` when nobody does, `malformed` when its parameters are not those that the event has.
   */
  report(code: number, packet: DataView, end: number): "reported" | "unheard" | "malformed" {
    const isMeta = code === LE_META && end > 3;
    const subscription = this.byCode.get(isMeta ? (LE_META << 8) | packet.getUint8(3) : code);
    if (!subscription) return "unheard";
    const values = decode(subscription.event.fields, packet, isMeta ? 4 : 3, end);
    if (!values) return "malformed";
    for (const listener of subscription.listeners) listener(values as never);
    return "reported";
  }
}
