/** The Security Manager of a device that does not pair: it says so (Vol 3, Part H, 3.5.5). */
import type { Channel } from "../l2cap/channel.ts";

/** MTU of the channel without LE Secure Connections (Vol 3, Part H, 3.2). */
export const SMP_MTU = 23;

const PAIRING_REQUEST = 0x01;
const PAIRING_FAILED = 0x05;
/** Reason: Pairing Not Supported (Vol 3, Part H, Table 3.7). */
const PAIRING_NOT_SUPPORTED = 0x05;

/** Answers every Pairing Request with Pairing Failed; other commands belong to no pairing and are dropped. */
export function refusePairing(channel: Channel): void {
  channel.receiver = {
    receive(view, start, length) {
      if (length === 0 || view.getUint8(start) !== PAIRING_REQUEST) return;
      const answer = new Uint8Array([PAIRING_FAILED, PAIRING_NOT_SUPPORTED]);
      channel.send(0, answer, 0, answer.length);
    },
  };
}
