/** Which events the controller is to send: those that somebody listens to (Vol 4, Part E, 7.3.1 and 7.8.1). */
import { EVENT_CODE } from "./event-codes.ts";
import { type HciEvent, hasLeFeature, LE_META } from "./packet.ts";

/** The parameters of Set Event Mask and LE Set Event Mask. */
export interface EventMasks {
  readonly eventMask: Uint8Array;
  readonly leEventMask: Uint8Array;
}

/** The highest event code that has a bit in Set Event Mask; others need other masks, or cannot be masked. */
const MASKABLE_MAX = 0x40;
/** These come always: their bits are reserved. */
const ALWAYS: readonly number[] = [
  EVENT_CODE.COMMAND_COMPLETE,
  EVENT_CODE.COMMAND_STATUS,
  EVENT_CODE.NUMBER_OF_COMPLETED_PACKETS,
];

/**
 * The masks for these events. An LE event of a feature that the controller lacks is left out: some refuse bits that
 * they do not know.
 */
export function eventMasks(events: Iterable<HciEvent>, leFeatures: Uint8Array): EventMasks {
  const eventMask = new Uint8Array(8);
  const leEventMask = new Uint8Array(8);
  for (const { code, features } of events) {
    if (code >> 8 === LE_META) {
      if (features.length > 0 && !features.some((bit) => hasLeFeature(leFeatures, bit))) continue;
      setBit(leEventMask, (code & 0xff) - 1);
      setBit(eventMask, LE_META - 1);
    } else if (code <= MASKABLE_MAX && !ALWAYS.includes(code)) setBit(eventMask, code - 1);
  }
  return { eventMask, leEventMask };
}

function setBit(bits: Uint8Array, bit: number): void {
  bits[bit >> 3] = bits[bit >> 3]! | (1 << (bit & 7));
}
