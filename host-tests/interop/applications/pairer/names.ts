/** What the application that pairs with a peripheral, and bumble-pairing-peripheral.py, agree on. */

/** Static random address of the peripheral. */
export const PEER_ADDRESS = "C6:00:00:00:00:02";
/** What the camera advertises where a test needs a name: it never does. */
export const PAIRER_NAME = "obscura-pairer";

const uuid = (number: number): string => `4F627363-7572-6100-8005-00000000000${number}`;

export const SERVICE = uuid(0);
/** Write: how the peripheral pairs from now on, "METHOD legacy" or "METHOD secure"; or "forget". */
export const MODE = uuid(1);
/** Read: six digits that the peripheral shows; empty while there are none. */
export const SHOWN = uuid(2);
/** Write: what the peripheral's user types. */
export const TYPED = uuid(3);
/** Read over an encrypted link. */
export const SECRET = uuid(4);
export const SECRET_TEXT = "secret";
/** Read: the peripheral's out-of-band data, as in the AD types 0x22 and 0x23, then its temporary key. Write: ours. */
export const OUT_OF_BAND = uuid(5);

/** How the peripheral pairs. */
export type Method = "nothing" | "shows" | "types" | "compares" | "outOfBand";

export interface Case {
  readonly method: Method;
  readonly protocol: "secure" | "legacy";
}

export const CASES: readonly Case[] = [
  { method: "nothing", protocol: "secure" },
  { method: "shows", protocol: "secure" },
  { method: "types", protocol: "secure" },
  { method: "compares", protocol: "secure" },
  { method: "outOfBand", protocol: "secure" },
  { method: "nothing", protocol: "legacy" },
  { method: "shows", protocol: "legacy" },
  { method: "types", protocol: "legacy" },
  { method: "outOfBand", protocol: "legacy" },
];
