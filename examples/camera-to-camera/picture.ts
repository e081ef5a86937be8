/** What both cameras agree on: service, channel, and the beginning of a transfer. */
import { UUID } from "bluetooth";

export const PICTURES = new UUID("4f627363-7572-6100-8000-000000000010");
/** Notified when a picture has arrived: 1 when it is whole, 0 when it is not, and the hash of what came. */
export const RECEIPT = new UUID("4f627363-7572-6100-8000-000000000011");
/** Protocol/service multiplexer of the channel. */
export const PSM = 0x80;
/** Bytes of an SDU: a picture goes in as many as it takes. */
export const SDU = 2048;

const HEADER_LENGTH = 8;

/** The first SDU: how many bytes follow, and their hash. */
export function encodeHeader(length: number, hash: number): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  const view = new DataView(header.buffer);
  view.setUint32(0, length, true);
  view.setUint32(4, hash, true);
  return header;
}

/** Undefined for what is no header. */
export function decodeHeader(
  header: Uint8Array,
): { readonly length: number; readonly hash: number } | undefined {
  if (header.length !== HEADER_LENGTH) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  return { length: view.getUint32(0, true), hash: view.getUint32(4, true) };
}

/** FNV-1a of 32 bits: it finds what went wrong on the way, not what somebody forged. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export const hex = (number: number): string => number.toString(16).padStart(8, "0");
