/** What one client has subscribed to, and what the log says when it gets less. */
import { VALUE_HEADER_LENGTH } from "../../att/server-role.ts";
import { maySubscribe, needsAuthorization } from "../access.ts";
import { CCCD } from "../types.ts";
import type { ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";

/** Whether this client asked to be notified (or, with `CCCD.INDICATE`, indicated) of the value. */
export function isSubscribed(
  { session }: ServerBearer,
  attribute: Attribute,
  bit: number = CCCD.NOTIFY,
): boolean {
  return ((session.configurations.get(attribute.handle) ?? 0) & bit) !== 0;
}

/**
 * Whether a value may be sent to this client at all, asked or not: handles may mean something else to one that does not
 * know the database any more (Vol 3, Part G, 2.5.2.1), and what is protected stays so (Vol 3, Part C, 10.3.1.1).
 */
export function maySend(bearer: ServerBearer, attribute: Attribute): boolean {
  if (bearer.session.changeUnaware || maySubscribe(bearer.security, attribute) !== 0) return false;
  // What the application grants, it has granted to those who subscribed.
  return (
    !needsAuthorization(attribute, "subscribe") ||
    isSubscribed(bearer, attribute, CCCD.NOTIFY | CCCD.INDICATE)
  );
}

/** Ends every subscription of this client to the database as it is. */
export function endSubscriptions({ context, session }: ServerBearer): void {
  const { configurations, peer } = session;
  const handles = [...configurations.keys()];
  configurations.clear();
  for (const handle of handles) context.reportSubscription(peer, context.database.at(handle)!, 0);
}

/** The log says once for each client and value that its notifications are cut. */
export function noteCut(bearer: ServerBearer, { handle, type }: Attribute, length: number): void {
  const { mtu, mtuExchanged } = bearer.bearer;
  const room = mtu - VALUE_HEADER_LENGTH;
  if (length <= room || !isNews(bearer, handle)) return;
  const how = mtuExchanged ? "as exchanged" : "the central did not exchange a larger one";
  bearer.context.log(
    "warning",
    `gatt: ${type} is capped at ${room} bytes for this client: ATT_MTU is ${mtu}, ${how}`,
  );
}

/** The log says once for each client and value that it is not sent for it is protected. */
export function noteProtected(bearer: ServerBearer, attribute: Attribute): void {
  const { handle, type } = attribute;
  if (bearer.session.changeUnaware || !isNews(bearer, -handle)) return;
  let reason = "the application has not let this client subscribe";
  if (maySubscribe(bearer.security, attribute) !== 0) {
    const { isEncrypted, keySize } = bearer.security;
    reason = isEncrypted
      ? `the link's pairing, or its key of ${keySize} bytes, is not what it demands`
      : "the link is not encrypted";
  }
  bearer.context.log("warning", `gatt: ${type} is not sent: ${reason}`);
}

/** The log says once for each client and value that it is not sent. */
export function noteUnwanted(bearer: ServerBearer, { handle, type }: Attribute): void {
  if (!isNews(bearer, -handle)) return;
  const { configurations } = bearer.session;
  const configuration = configurations.get(handle) ?? 0;
  bearer.context.log(
    "warning",
    `gatt: ${type} is not sent: the client has not subscribed (its CCCD is ${configuration}; 1 notify, 2 indicate)`,
  );
}

function isNews({ session }: ServerBearer, hint: number): boolean {
  if (session.hints.has(hint)) return false;
  session.hints.add(hint);
  return true;
}
