/** What the application and the session that uses all of it agree on. */

export const NAME = "obscura-all";

const uuid = (number: number): string => `4F627363-7572-6100-8002-00000000000${number}`;

export const SERVICE = uuid(0);
/** 300 bytes long at first; takes writes of any kind, reliable ones too, and has descriptors of all kinds. */
export const LONG = uuid(1);
/** Like it, and short. */
export const SHORT = uuid(2);
/** Notify. */
export const LEFT = uuid(3);
export const RIGHT = uuid(4);
/** Indicates. */
export const SURE = uuid(5);
/** Refuses to be read with REFUSAL, and to be written with REFUSAL + 1. */
export const CLOSED = uuid(6);
/** Takes one of COMMAND. */
export const CONTROL = uuid(7);
/** A descriptor of LONG that may be written. */
export const NOTE = uuid(8);

/** Secondary, included by the first. */
export const SECONDARY = 0xfff5;
export const WIDE = 0x12345678;

export const REFUSAL = 0x80;
export const COMMAND = { NOTIFY: 1, NOTIFY_MULTIPLE: 2, INDICATE: 3, STOP: 4, FLOOD: 5, STREAM: 6 } as const;
/**
 * Notifications of one byte, counting from 0. FLOOD updates the value so often without a pause, and says how often the
 * client was sent; STREAM awaits each.
 */
export const MANY = 100;
