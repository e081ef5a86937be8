/** A link as the host keeps it (Vol 3, Part C, 9.3). */
import type { AttBearer } from "../att/bearer.ts";
import type { GattClient } from "../gatt/client/client.ts";
import type { ServerBearer } from "../gatt/server/bearer.ts";
import type { AclLink } from "../hci/acl.ts";
import type { L2cap } from "../l2cap/l2cap.ts";
import type { OperationGate } from "../operation-gate.ts";
import { type LinkSecurity, UNENCRYPTED } from "../security.ts";
import type { Bond, Identity } from "../smp/keys.ts";
import type { OwnAddress } from "./own-address.ts";

/** Role of this device on a link (Vol 4, Part E, 7.7.65.1). */
export const ROLE = { CENTRAL: 0x00, PERIPHERAL: 0x01 } as const;

/** What the link layer agreed. */
export interface LinkParameters {
  /** Connection interval in microseconds. */
  readonly intervalUs: number;
  /** Connection events that a peripheral may skip. */
  readonly latency: number;
  /** Supervision timeout in milliseconds. */
  readonly supervisionTimeoutMs: number;
}

/** How long the packets of the link layer may be (Vol 6, Part B, 4.5.10). */
export interface DataLength {
  /** Bytes of data in a packet that this side sends, 27 to 251, and the microseconds that it may take. */
  readonly txOctets: number;
  readonly txTimeUs: number;
  /** Those that the peer sends. */
  readonly rxOctets: number;
  readonly rxTimeUs: number;
}

/** What every link begins with. */
const FIRST_DATA_LENGTH: DataLength = { txOctets: 27, txTimeUs: 328, rxOctets: 27, rxTimeUs: 328 };

/** What a connection is made of. */
export interface ConnectionParts {
  readonly role: number;
  /** This device's address on the link. */
  readonly ownAddress: OwnAddress;
  /** 0 public, 1 random; identity types 2 and 3 once addresses are resolved (Vol 4, Part E, 7.7.65.10). */
  readonly peerAddressType: number;
  /** Six bytes in printed order. */
  readonly peerAddress: Uint8Array;
  readonly parameters: LinkParameters;
  readonly link: AclLink;
  readonly l2cap: L2cap;
}

export class Connection {
  readonly handle: number;
  readonly role: number;
  readonly ownAddress: OwnAddress;
  readonly peerAddressType: number;
  readonly peerAddress: Uint8Array;
  readonly link: AclLink;
  /** Not to be used once the link has ended, as `server`. */
  l2cap: L2cap;
  parameters: LinkParameters;
  /** As the controller last reported it, where the image has the feature `link-control`. */
  dataLength: DataLength = FIRST_DATA_LENGTH;
  bearer!: AttBearer;
  /** The peer as a client of our GATT server. */
  server!: ServerBearer;
  /** Our client of the peer's GATT server, once there is one; see `Host.clientOf`. */
  client: GattClient | undefined = undefined;
  /** How it is protected at the moment; not at all once it has ended. */
  security: LinkSecurity = UNENCRYPTED;
  /** Who the peer is: a bonded one by its Identity Address, any other by the address that it has on the air. */
  identity: Identity;
  /** The peer's GAP Device Name, UTF-8, as it was last read on this link. */
  peerName: Uint8Array | undefined = undefined;
  /** The bond whose key encrypts it. */
  bond: Bond | undefined = undefined;
  /** Controller error code of the disconnection; undefined while connected (Vol 1, Part F, 1.3). */
  disconnectReason: number | undefined = undefined;

  /** It is to end, or the controller knows it no longer: nobody is given it any more. */
  isEnding = false;

  /** It is to end because the controller has not completed what it holds of it: see `LinkCheck`. */
  isStalled = false;

  /** Credit-based channels that are open on it: a link with one is in use. */
  openChannels = 0;

  /** Somebody else ends it when nobody uses it: `idleTimeoutMs` does not hold for it. */
  isWatched = false;

  /** Called when the peer sends its first data: until then the link may turn out never to have existed (reason 0x3E). */
  onEstablished: (() => void) | undefined = undefined;

  constructor(parts: ConnectionParts) {
    this.handle = parts.link.handle;
    this.role = parts.role;
    this.ownAddress = parts.ownAddress;
    this.peerAddressType = parts.peerAddressType;
    this.peerAddress = parts.peerAddress;
    this.identity = { addressType: parts.peerAddressType & 1, address: parts.peerAddress };
    this.parameters = parts.parameters;
    this.link = parts.link;
    this.l2cap = parts.l2cap;
    this.awaitData(parts.link);
  }

  /** Whether this device is the central of the link: it has connected to the peer. */
  get isCentral(): boolean {
    return this.role === ROLE.CENTRAL;
  }

  /** Holds back what this device asks of the peer; undefined: nothing does. */
  get gate(): OperationGate | undefined {
    return this.bearer.gate;
  }

  /** Stands before the link's receiver until the first data comes. */
  private awaitData(link: AclLink): void {
    const { receiver } = link;
    link.receiver = {
      receive: (packet, boundary, length) => {
        link.receiver = receiver;
        this.onEstablished?.();
        receiver?.receive(packet, boundary, length);
      },
    };
  }

  /** For Links: it has ended, by this controller error code, and nothing is protected by it any more. */
  end(reason: number): void {
    this.disconnectReason = reason;
    this.security = UNENCRYPTED;
    this.bond = undefined;
  }

  /** For Links: nobody serves it any more. An application may keep it for long, and keeps nothing of the layers by that. */
  release(): void {
    this.l2cap = this.server = undefined as never;
    this.onEstablished = undefined;
  }

  get isConnected(): boolean {
    return this.disconnectReason === undefined;
  }
}

/** Units of the link layer's events (Vol 4, Part E, 7.7.65.1): 1.25 ms and 10 ms. */
export function linkParameters(interval: number, latency: number, timeout: number): LinkParameters {
  return { intervalUs: interval * 1250, latency, supervisionTimeoutMs: timeout * 10 };
}
