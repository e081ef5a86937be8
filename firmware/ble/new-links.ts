/** Links that come up, and who takes them: an advertisement's or a search's owner. */

import type { LogLevel } from "../platform/platform.ts";
import type { Encryption } from "./encryption.ts";
import type { Advertiser } from "./gap/advertiser.ts";
import { type Connection, ROLE } from "./gap/connection.ts";
import type { Initiator } from "./gap/initiator.ts";
import { leReadRemoteFeatures } from "./hci/commands/le-link.ts";
import { leLongTermKeyRequestNegativeReply } from "./hci/commands/le-security.ts";
import { disconnect } from "./hci/commands/link-control.ts";
import { dataBufferOverflow } from "./hci/events.ts";
import type { Hci } from "./hci/hci.ts";
import { leConnectionComplete, leEnhancedConnectionComplete, leLongTermKeyRequest } from "./hci/le-events.ts";
import { HCI_STATUS } from "./hci/status.ts";
import type { LinkEstablished, Links } from "./links.ts";
import { textOf } from "./text.ts";

/** Where links that come up go. */
export interface NewLinkParts {
  readonly hci: Hci;
  readonly advertiser: Advertiser;
  readonly links: Links;
  /** Undefined in an image without the feature `security`. */
  readonly encryption: Encryption | undefined;
  /** Undefined in an image without the feature `central`. */
  readonly initiator: Initiator<Connection> | undefined;
  log(level: LogLevel, message: string): void;
  /** See `HostObserver.onUnwanted`. */
  onUnwanted(connection: Connection): void;
}

/** Has what the controller reports of new links, and asks for them, dealt with. */
export function listenForLinks(parts: NewLinkParts): void {
  const { hci, log } = parts;
  hci.on(leConnectionComplete, (values) => connected(parts, values));
  hci.on(leEnhancedConnectionComplete, (values) => connected(parts, values));
  hci.on(dataBufferOverflow, () => {
    log("warning", "hci: the controller had no room for a packet that it has to have room for");
  });
  hci.on(leLongTermKeyRequest, ({ connectionHandle, encryptedDiversifier, randomNumber }) => {
    const { encryption } = parts;
    if (encryption) return encryption.keyRequested(connectionHandle, encryptedDiversifier, randomNumber);
    // Without the feature there are no keys, so there is none to give (Vol 3, Part H, 2.4.4.2).
    hci.send(leLongTermKeyRequestNegativeReply, { connectionHandle }).catch((error) => {
      log("warning", `host: ${error.message}`);
    });
  });
}

function connected(parts: NewLinkParts, values: LinkEstablished & { readonly status: number }): void {
  const { advertiser, initiator, links } = parts;
  // Where the status is not 0 the other fields may hold anything.
  if (values.status === HCI_STATUS.ADVERTISING_TIMEOUT) return advertiser.expired();
  if (values.status !== HCI_STATUS.SUCCESS) return initiator?.failed(values.status);
  if (values.role === ROLE.CENTRAL) return connectedAsCentral(parts, values);
  const set = advertiser.connected();
  const connection = links.open(values, advertiser.ownAddress);
  if (!set?.owner.take(connection)) parts.onUnwanted(connection);
}

function connectedAsCentral(parts: NewLinkParts, values: LinkEstablished): void {
  const { hci, initiator, links, log } = parts;
  const { connectionHandle } = values;
  const attempt = initiator?.connected();
  if (!initiator || !attempt) {
    log("info", "host: ended a link that came up after its search was given up");
    const reason = HCI_STATUS.REMOTE_USER_TERMINATED;
    hci
      .send(disconnect, { connectionHandle, reason })
      .catch((error: unknown) => log("debug", `host: ${textOf(error)}`));
    return;
  }
  attempt.handlers.onConnected(links.open(values, initiator.ownAddress));
  // Its answer is the first that is heard of a peripheral, which says nothing by itself.
  hci
    .send(leReadRemoteFeatures, { connectionHandle })
    .catch((error: unknown) => log("debug", `host: ${textOf(error)}`));
}
