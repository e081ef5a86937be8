/** Indications of one bearer: one at a time, in order, whatever they are of (Vol 3, Part F, 3.3.2). */
import { textOf } from "../../text.ts";
import type { PendingIndication, ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";
import { endSubscriptions, noteCut } from "./subscriptions.ts";

/** Whether the link's share takes one more that keeps so many bytes. The first may go beyond the share. */
export function hasRoomFor({ account, indications }: ServerBearer, bytes: number): boolean {
  if (indications.length === 0 ? account.fitsForced(bytes) : account.fits(bytes)) return true;
  account.refuse();
  return false;
}

/**
 * Indicates, when the earlier ones are confirmed.
 * @param bytes that it keeps until then.
 */
export function indicate(bearer: ServerBearer, pending: PendingIndication, bytes: number): void {
  if (bearer.account.force(bytes)) pending.bytes = bytes;
  bearer.indications.push(pending);
  sendNext(bearer);
}

/**
 * Indicates the current value; one that has not left yet takes it over. False when there is none and the link's share has
 * no room for one.
 */
export function indicateLatest(bearer: ServerBearer, attribute: Attribute): boolean {
  const waiting = bearer.indications.find(
    (pending, index) =>
      pending.replaceable && pending.attribute === attribute && (index > 0 || !bearer.indicating),
  );
  if (waiting) {
    waiting.value = attribute.value;
    return true;
  }
  // A value that takes its place may be longer.
  const bytes = attribute.maxLength;
  if (!hasRoomFor(bearer, bytes)) return false;
  indicate(bearer, { attribute, value: attribute.value, replaceable: true, onConfirmed }, bytes);
  return true;
}

/** Nobody waits for the confirmation. */
function onConfirmed(): void {}

/** It waits no longer. */
function release({ account }: ServerBearer, pending: PendingIndication): void {
  if (pending.bytes !== undefined) account.give(pending.bytes);
  pending.bytes = undefined;
}

/** Takes back an indication that has not left; one that has is confirmed into the void. */
export function withdraw(bearer: ServerBearer, pending: PendingIndication): void {
  const { indications, indicating } = bearer;
  const index = indications.indexOf(pending);
  if (index < 0 || (index === 0 && indicating)) return;
  indications.splice(index, 1);
  release(bearer, pending);
}

/** Takes back every indication (of this value) that has not left: nobody wants it any more. */
export function withdrawAll(bearer: ServerBearer, attribute?: Attribute): void {
  const { indications } = bearer;
  const waiting = indications.splice(bearer.indicating ? 1 : 0);
  const isMeant = (pending: PendingIndication) => !attribute || pending.attribute === attribute;
  indications.push(...waiting.filter((pending) => !isMeant(pending)));
  // The callback may indicate again.
  for (const pending of waiting.filter(isMeant)) settle(bearer, pending, false);
}

function sendNext(bearer: ServerBearer): void {
  const next = bearer.indications[0];
  if (!next || bearer.indicating || bearer.bearer.timedOut) return;
  noteCut(bearer, next.attribute, next.value.length);
  try {
    bearer.indicate(next.attribute.handle, next.value, (confirmed) => {
      if (bearer.indications[0] !== next) return; // Ended by dropIndications() already.
      bearer.indications.shift();
      settle(bearer, next, confirmed);
      if (confirmed) sendNext(bearer);
      else silence(bearer);
    });
  } catch (error) {
    bearer.context.log("warning", `gatt: an indication was not sent: ${textOf(error)}`);
    bearer.indications.shift();
    settle(bearer, next, false);
    sendNext(bearer);
  }
}

/** The bearer is gone, or nothing more may be sent on it: nothing waits any longer. */
export function dropIndications(bearer: ServerBearer): void {
  for (const pending of bearer.indications.splice(0)) settle(bearer, pending, false);
}

/** Nothing more may be sent on the bearer: nothing waits any longer, and nobody is subscribed. */
function silence(bearer: ServerBearer): void {
  const { context, session } = bearer;
  dropIndications(bearer);
  context.keeper?.part(session);
  endSubscriptions(bearer);
}

function settle(bearer: ServerBearer, pending: PendingIndication, confirmed: boolean): void {
  const { context, session } = bearer;
  release(bearer, pending);
  pending.onConfirmed(confirmed);
  const { attribute } = pending;
  context.watcherOf(attribute)?.onIndicated(session.peer, attribute, confirmed);
}
