/** Links that come up, and who takes them: an advertisement's or a search's owner. */

import type { LogLevel } from "../platform/platform.ts";
import type { CentralLinks } from "./central-links.ts";
import type { Encryption } from "./encryption.ts";
import { ADDRESS_TYPE, isResolvableAddress } from "./gap/address.ts";
import type { Advertiser } from "./gap/advertiser.ts";
import { type Connection, ROLE } from "./gap/connection.ts";
import type { OwnAddress } from "./gap/own-address.ts";
import { leLongTermKeyRequestNegativeReply } from "./hci/commands/le-security.ts";
import { dataBufferOverflow } from "./hci/events.ts";
import type { Hci } from "./hci/hci.ts";
import { leConnectionComplete, leEnhancedConnectionComplete, leLongTermKeyRequest } from "./hci/le-events.ts";
import { LE_META } from "./hci/packet.ts";
import { HCI_STATUS } from "./hci/status.ts";
import type { LinkEstablished, Links } from "./links.ts";

/** Where links that come up go. */
export interface NewLinkParts {
  readonly hci: Hci;
  readonly advertiser: Advertiser;
  readonly links: Links;
  /** Undefined in an image without the feature `security`. */
  readonly encryption: Encryption | undefined;
  /** Undefined in an image without the feature `central`. */
  readonly centralLinks: CentralLinks | undefined;
  log(level: LogLevel, message: string): void;
  /** See `HostObserver.onUnwanted`. */
  onUnwanted(connection: Connection): void;
}

/** The last handle that a link may have (Vol 4, Part E, 7.7.65.1). */
const HANDLE_MAX = 0x0eff;

/** Has what the controller reports of new links, and asks for them, dealt with. */
export function listenForLinks(parts: NewLinkParts): void {
  const { hci, log } = parts;
  hci.on(leConnectionComplete, (values) => connected(parts, values));
  hci.on(leEnhancedConnectionComplete, (values) => {
    connected(parts, onAir(values), values.localResolvablePrivateAddress);
  });
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

/**
 * A peer whose private address the controller has resolved, by that address: the host knows it by its bond all the same,
 * and controllers are known to give identities the wrong type.
 */
function onAir<T extends LinkEstablished & { readonly peerResolvablePrivateAddress: Uint8Array }>(
  values: T,
): T {
  const { peerResolvablePrivateAddress: peerAddress } = values;
  if (!isResolvableAddress(peerAddress)) return values;
  return { ...values, peerAddressType: ADDRESS_TYPE.RANDOM, peerAddress, isResolved: true };
}

function ownAddressOf(madeAddress: Uint8Array | undefined, usual: OwnAddress): OwnAddress {
  if (!madeAddress || !isResolvableAddress(madeAddress)) return usual;
  return { type: ADDRESS_TYPE.RANDOM, address: madeAddress };
}

/** @param madeAddress the own address that the controller made for the link, where it made one. */
function connected(
  parts: NewLinkParts,
  values: LinkEstablished & { readonly status: number },
  madeAddress?: Uint8Array,
): void {
  const { advertiser, centralLinks, links } = parts;
  // Where the status is not 0 the other fields may hold anything.
  if (values.status === HCI_STATUS.ADVERTISING_TIMEOUT) return advertiser.expired();
  if (values.status !== HCI_STATUS.SUCCESS) return centralLinks?.failed(values.status);
  if (values.connectionHandle > HANDLE_MAX) return parts.hci.refuseEvent(LE_META);
  if (values.role === ROLE.CENTRAL) return centralLinks?.connected(values);
  const { peerAddress: address, peerAddressType: addressType } = values;
  if (!advertiser.admits({ addressType, address })) return links.refuse(values);
  const set = advertiser.connected();
  const connection = links.open(values, ownAddressOf(madeAddress, advertiser.ownAddress));
  if (!set?.owner.take(connection)) parts.onUnwanted(connection);
}
