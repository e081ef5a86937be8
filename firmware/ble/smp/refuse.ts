/** The Security Manager of a device that does not pair: it says so to every command (Vol 3, Part H, 3.3). */
import type { Channel } from "../l2cap/channel.ts";
import { PAIRING_FAILURE } from "./pdus.ts";

// By number: an image that does not pair is without the tables of PDUs.
/** The code of Pairing Failed (3.5.5). */
const PAIRING_FAILED = 0x05;
/** The highest code of a command; all from 1 on are in use (3.3, Table 3.3). */
const LAST_COMMAND = 0x0e;

/** Answers every command but Pairing Failed with that; codes that are reserved mean nothing. */
export function refusePairing(channel: Channel): void {
  channel.receiver = {
    receive(view, start, length) {
      const code = length > 0 ? view.getUint8(start) : 0;
      if (code === 0 || code > LAST_COMMAND || code === PAIRING_FAILED) return;
      const answer = Uint8Array.of(PAIRING_FAILED, PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
      channel.send(0, answer, 0, answer.length);
    },
  };
}
