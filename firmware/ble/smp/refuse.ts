/** The Security Manager of a device that does not pair: it says so (Vol 3, Part H, 3.5.5). */
import { CHANNEL, type L2cap } from "../l2cap/l2cap.ts";

const PAIRING_REQUEST = 0x01;
const PAIRING_FAILED = 0x05;
/** Reason: Pairing Not Supported (Vol 3, Part H, Table 3.7). */
const PAIRING_NOT_SUPPORTED = 0x05;

/** Answers every Pairing Request on this link with Pairing Failed; other commands belong to no pairing and are dropped. */
export function refusePairing(l2cap: L2cap): void {
  l2cap.attach(CHANNEL.SMP, {
    receive(view, start, length) {
      if (length > 0 && view.getUint8(start) === PAIRING_REQUEST) {
        l2cap.sendFrame(CHANNEL.SMP, new Uint8Array([PAIRING_FAILED, PAIRING_NOT_SUPPORTED]));
      }
    },
  });
}
