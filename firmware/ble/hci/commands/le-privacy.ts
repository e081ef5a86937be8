/** LE Controller commands for private addresses (Vol 4, Part E, 7.8). Section numbers are of that part. */
import { address, bytes, secret, u8, u16 } from "../../codec.ts";
import { defineCommand } from "../packet.ts";

/** 7.8.38; keys least significant byte first. */
export const leAddDeviceToResolvingList = defineCommand("LE Add Device To Resolving List", 0x2027, [34, 3], {
  peerIdentityAddressType: u8,
  peerIdentityAddress: address,
  peerIrk: secret(bytes(16)),
  localIrk: secret(bytes(16)),
});

/** 7.8.40 */
export const leClearResolvingList = defineCommand("LE Clear Resolving List", 0x2029, [34, 5], {});

/** 7.8.41 */
export const leReadResolvingListSize = defineCommand(
  "LE Read Resolving List Size",
  0x202a,
  [34, 6],
  {},
  { resolvingListSize: u8 },
);

/** 7.8.44 */
export const leSetAddressResolutionEnable = defineCommand(
  "LE Set Address Resolution Enable",
  0x202d,
  [35, 1],
  { addressResolutionEnable: u8 },
);

/** 7.8.45; seconds. */
export const leSetResolvablePrivateAddressTimeout = defineCommand(
  "LE Set Resolvable Private Address Timeout",
  0x202e,
  [35, 2],
  { rpaTimeout: u16 },
);

/** 7.8.77; 0 network privacy, 1 device privacy. */
export const leSetPrivacyMode = defineCommand("LE Set Privacy Mode", 0x204e, [39, 2], {
  peerIdentityAddressType: u8,
  peerIdentityAddress: address,
  privacyMode: u8,
});
