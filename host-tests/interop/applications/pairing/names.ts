/** What the application and its tests agree on. */
export const NAME = "obscura-pair";
export const SERVICE = "4F627363-7572-6100-8000-000000000100";
/** Written in the clear: what the camera has for pairing, one of `MODES`. */
export const MODE = "4F627363-7572-6100-8000-000000000101";
/** Read over an encrypted link alone. */
export const SECRET = "4F627363-7572-6100-8000-000000000102";
export const SECRET_TEXT = "between us";
/** Read over an authenticated link alone. */
export const AUTHENTIC = "4F627363-7572-6100-8000-000000000103";

/** What the camera has: nothing, a display, keys, or a display and a button. */
export const MODES = ["nothing", "display", "keys", "display and button"] as const;
export type Mode = (typeof MODES)[number];

/** Written to `MODE`, too: the camera forgets its bonds, or opens its pairing window. */
export const FORGET = "forget";
export const OPEN = "open";

/** What the camera types where it has keys. */
export const TYPED = 135_790;
