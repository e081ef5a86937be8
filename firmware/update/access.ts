/** Who may manage the camera. */

import type { Connection } from "../ble/gap/connection.ts";
import type { Requirements } from "../ble/gatt/access.ts";
import { CommandError, RC } from "./errors.ts";

/**
 * Whether anybody may, or only who has a bond whose pairing was authenticated, or was made while somebody had opened a pairing
 * window. An image that trusts the development key is open: anybody can sign for it, so that nothing is gained by less.
 */
export type Access = "open" | "bonded";

/**
 * What the characteristic demands of the link. Subscribing demands it too: a write without response that is refused gets no
 * error, and the error to the subscription is what has phones pair.
 */
export const requirementsOf = (access: Access): Requirements | undefined =>
  access === "open" ? undefined : { write: { encryption: true }, subscribe: { encryption: true } };

/** Why this client may not ask for anything; undefined when it may. */
export function refusalOf(access: Access, { bond, security }: Connection): CommandError | undefined {
  if (access === "open") return undefined;
  if (security.isEncrypted && bond && (bond.isAuthenticated || bond.isFromWindow)) return undefined;
  return new CommandError(
    RC.ACCESS_DENIED,
    "pair first: while the camera's pairing window is open, or so that the key is authenticated",
  );
}

/** Whether a central that may manage the camera is connected. Whom the application has connected to is a device that it uses. */
export const isManagerConnected = (access: Access, connections: Iterable<Connection>): boolean =>
  [...connections].some((connection) => !connection.isCentral && refusalOf(access, connection) === undefined);
