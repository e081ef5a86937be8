/**
 * What the server knows of a bonded client from link to link: its subscriptions, its features, and the database that it
 * knows (Vol 3, Part G, 2.5.2, 3.3.3.3 and 7.2). As bytes, little-endian:
 *
 * | bytes | content                                                                            |
 * |-------|------------------------------------------------------------------------------------|
 * | 1     | version: 1                                                                         |
 * | 1     | Client Supported Features                                                          |
 * | 16    | Database Hash of the database that the client knows; zeros when there is none      |
 * | 7 n   | for each subscription: handle of the value 2, configuration 1, mark of the value 4 |
 */
import { Reader, u8, u16, u32, viewOf, Writer } from "../../codec.ts";
import type { Database } from "./database.ts";

const VERSION = 1;
const HASH_LENGTH = 16;
const SUBSCRIPTION_LENGTH = 7;

/** Subscriptions of one bonded client that are kept: what goes into its record. */
export const SUBSCRIPTIONS_MAX = 64;

/** Where what is known of one client is kept. */
export interface ClientMemory {
  /** What was kept last; empty at first. */
  readonly client: Uint8Array;
  /**
   * Keeps these bytes. With `isUrgent` they survive a power cut on return, else they may wait for the next that is, or for
   * `close`. False, and nothing has changed, when they cannot be kept.
   */
  save(client: Uint8Array, isUrgent: boolean): boolean;
  /** The client's link has ended. */
  close(): void;
}

/** One subscription, whatever the database is by now. */
export interface Subscription {
  /** Of the characteristic's value. */
  readonly handle: number;
  /** The CCCD, not 0. */
  readonly configuration: number;
  /** Of the characteristic: another one at this handle has another mark. */
  readonly mark: number;
}

export interface ClientState {
  readonly features: number;
  /** 16 bytes; zeros, which no database has, when it knows none. */
  readonly hash: Uint8Array;
  readonly subscriptions: readonly Subscription[];
}

export function encodeClientState({ features, hash, subscriptions }: ClientState): Uint8Array {
  const writer = new Writer(2 + HASH_LENGTH + SUBSCRIPTION_LENGTH * subscriptions.length);
  writer.u8(VERSION);
  writer.u8(features);
  writer.bytes(hash);
  for (const { configuration, handle, mark } of subscriptions) {
    writer.u16(handle);
    writer.u8(configuration);
    writer.u32(mark);
  }
  return writer.finish();
}

/** Reads what `encodeClientState` wrote; undefined for anything else. */
export function decodeClientState(bytes: Uint8Array): ClientState | undefined {
  const count = (bytes.length - 2 - HASH_LENGTH) / SUBSCRIPTION_LENGTH;
  if (bytes[0] !== VERSION || !(count >= 0 && count <= SUBSCRIPTIONS_MAX) || Math.floor(count) !== count)
    return undefined;
  const reader = new Reader(viewOf(bytes), 1, bytes.length);
  const features = u8.read(reader);
  const hash = reader.bytes(HASH_LENGTH);
  const subscriptions: Subscription[] = [];
  while (reader.remaining > 0) {
    const handle = u16.read(reader);
    const configuration = u8.read(reader);
    subscriptions.push({ handle, configuration, mark: u32.read(reader) });
  }
  return { features, hash, subscriptions };
}

/**
 * Of a characteristic's value: 32 bits of what makes it the same for a client, the UUIDs of its service and its own, and
 * its properties. 0 for what is no such value.
 */
export function markOf(database: Database, handle: number): number {
  const declarations = database.declarations(handle);
  if (!declarations) return 0;
  // FNV-1a: it guards against other applications, not against attackers, who need a bond's key to get here.
  let mark = 0x811c9dc5;
  for (const { value } of declarations) {
    for (let at = 0; at < value.length; at++) mark = Math.imul(mark ^ value[at]!, 0x01000193);
  }
  return mark >>> 0;
}
