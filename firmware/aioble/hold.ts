/** How long a new link is held back until its peer was heard of. */
import type { LinkParameters } from "../ble/gap/connection.ts";

/**
 * A link that nothing was heard of for six intervals ends with reason 0x3E: it has never existed (Vol 6, Part B, 4.5.2).
 * So a connection is returned when the peer was heard of, or after some more intervals; where they are long, sooner.
 */
const HOLD_INTERVALS = 8;
const HOLD_MAX_MS = 2000;

/** Milliseconds after which a link that has not ended is returned, though nothing was heard of its peer. */
export function holdTimeMs({ intervalUs }: LinkParameters): number {
  return Math.min((intervalUs / 1000) * HOLD_INTERVALS, HOLD_MAX_MS);
}
