/** What the application and its test agree on. */

export const CHANNELS_NAME = "obscura-channels";
/** The camera accepts channels here. */
export const PSM = 0x80;
/** It opens a channel to its peer here, after one to where nobody listens. */
export const PEER_PSM = 0x81;
export const NOBODY_PSM = 0x82;
