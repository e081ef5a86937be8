/** What the host counts, for whoever looks after a camera. */
import type { Budget } from "./budget.ts";
import type { Channels } from "./channels.ts";
import type { Encryption } from "./encryption.ts";
import type { AdvertisingFilter } from "./gap/legacy-advertising.ts";
import type { GattClientCounters } from "./gatt/client/client.ts";
import type { GattServer } from "./gatt/server/server.ts";
import type { Acl } from "./hci/acl.ts";
import type { Links } from "./links.ts";
import type { PeerLog } from "./peer-log.ts";

/** Counters since the camera started, by module. Further modules add groups of their own. */
export interface Counters {
  /** The memory that peers make the camera keep, in bytes with what the objects cost. */
  readonly peers: {
    /** What they may keep, all together. */
    readonly size: number;
    readonly held: number;
    /** The most that they ever kept. */
    readonly peak: number;
    /** How often something was refused because a link's share was full. */
    readonly refused: number;
    /** Warnings and errors that peers caused and that the log has not got, for there were too many: not those about pairing. */
    readonly unloggedLines: number;
  };
  readonly acl: {
    /** PDUs to clients, answers mostly, that were dropped because a link's queue and its reserve were full. */
    readonly droppedPdus: number;
    /** Links that were ended because the controller had completed none of their packets for 45 s. */
    readonly stalledLinks: number;
  };
  /** Frames from peers that could not be put together. */
  readonly l2cap: { readonly droppedFrames: number };
  /** Credit-based channels; left out where the image has none. */
  readonly channels?: {
    /** Channels that peers asked for and did not get. */
    readonly refused: number;
    /** Channels that were ended because the peer broke a rule. */
    readonly violations: number;
    /** Bytes that closed channels had received and that nobody read in time. */
    readonly unreadBytes: number;
  };
  readonly gatt: {
    /** Values that `write` with `sendUpdate` did not send to a client whose queue was full. */
    readonly droppedUpdates: number;
    /** Writes without response that had no effect: too long, not allowed, for no attribute, too many to decide about. */
    readonly droppedCommands: number;
    /** Requests of clients that did not await the answer to the one before. */
    readonly droppedRequests: number;
  };
  /** Pairing; left out where the image has no feature `security`. */
  readonly security?: {
    /** Pairings that have failed, whoever began them. */
    readonly failedPairings: number;
    /** Lines about pairings and encryptions of peers that the log has not got, for there were too many. */
    readonly unloggedLines: number;
    /** Connections of devices without a bond that were ended at once, for what they answered was for bonded devices only. */
    readonly refusedConnections: number;
  };
  /** The camera as a client of its peers; left out where the image has no feature `client`. */
  readonly client?: Readonly<GattClientCounters>;
}

/** The counters as they are now. */
export function readCounters(
  budget: Budget,
  peerLog: PeerLog,
  acl: Acl,
  links: Links,
  gatt: GattServer,
  channels: Channels | undefined,
  client: Readonly<GattClientCounters> | undefined,
  encryption: Encryption | undefined,
  filter: AdvertisingFilter | undefined,
): Counters {
  const { size, held, peak, refused } = budget;
  return {
    peers: { size, held, peak, refused, unloggedLines: peerLog.unlogged },
    acl: { droppedPdus: acl.dropped, stalledLinks: links.stalled },
    l2cap: { droppedFrames: links.droppedFrames },
    ...(channels ? { channels: { ...channels.counters } } : {}),
    gatt: {
      droppedUpdates: gatt.updates.droppedNotifications,
      droppedCommands: gatt.droppedCommands,
      droppedRequests: gatt.droppedRequests,
    },
    ...(encryption ? { security: securityCounters(encryption, filter) } : {}),
    ...(client ? { client: { ...client } } : {}),
  };
}

function securityCounters(
  { manager }: Encryption,
  filter: AdvertisingFilter | undefined,
): NonNullable<Counters["security"]> {
  const { failedPairings, peerLog } = manager;
  return { failedPairings, unloggedLines: peerLog.unlogged, refusedConnections: filter?.refused ?? 0 };
}
