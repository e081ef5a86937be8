/** What the application that reads a peripheral, and the peripherals that it reads, agree on. */

export const NAME = "obscura-peer";
/** What the camera advertises where a test needs a name: it never does. */
export const READER_NAME = "obscura-reader";

const uuid = (number: number): string => `4F627363-7572-6100-8003-00000000000${number}`;

export const SERVICE = uuid(0);
/** Read and write; SHORT_VALUE at first. */
export const SHORT = uuid(1);
export const SHORT_VALUE = "short";
/** Read and write, LONG_LENGTH bytes 0, 1, 2 … at first. */
export const LONG = uuid(2);
export const LONG_LENGTH = 300;
/** Write without response. */
export const COMMANDS = uuid(3);
/** How many of them came, one byte. */
export const COUNT = uuid(4);
/** Notifies VALUES values of one byte, counting from 0, as soon as it is subscribed to. */
export const NOTIFYING = uuid(5);
/** Indicates them. */
export const INDICATING = uuid(6);
export const VALUES = 5;
/** Refuses to be read with REFUSAL. */
export const CLOSED = uuid(7);
export const REFUSAL = 0x80;
/** A standard service beside it. */
export const BATTERY = 0x180f;
export const LEVEL = 0x2a19;
export const LEVEL_VALUE = 77;
