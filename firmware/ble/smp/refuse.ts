/** The Security Manager of a device that does not pair: it says so to every command (Vol 3, Part H, 3.3). */
import type { Channel } from "../l2cap/channel.ts";
import { PAIRING_FAILURE, pairingFailed, SMP_PDUS } from "./pdus.ts";

/** Answers every command but Pairing Failed with that; codes that are reserved mean nothing. */
export function refusePairing(channel: Channel): void {
  channel.receiver = {
    receive(view, start, length) {
      const code = length > 0 ? view.getUint8(start) : 0;
      if (code === pairingFailed.code || !SMP_PDUS.some((pdu) => pdu.code === code)) return;
      const answer = Uint8Array.of(pairingFailed.code, PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
      channel.send(0, answer, 0, answer.length);
    },
  };
}
