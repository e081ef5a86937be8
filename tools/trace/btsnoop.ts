/**
 * The btsnoop file format, version 1, data link 1002 (HCI UART, H4), which Wireshark reads. Big-endian throughout: a
 * header of 16 bytes, then records of 24 bytes and the packet.
 */
import { viewOf } from "../../firmware/ble/codec.ts";
import { H4_COMMAND, H4_EVENT } from "../../firmware/ble/hci/packet.ts";
import type { Direction } from "./hci-tap.ts";
import { withoutSecrets } from "./secrets.ts";

const IDENTIFICATION = [0x62, 0x74, 0x73, 0x6e, 0x6f, 0x6f, 0x70, 0x00];
const VERSION = 1;
const DATALINK_H4 = 1002;

/** Packet flags: bit 0 received from the controller, bit 1 command or event. */
const RECEIVED = 0x01;
const COMMAND_OR_EVENT = 0x02;

/** Microseconds from the year 0 to 1970, the format's epoch. */
const EPOCH_1970_US = 0x00dcddb30f2f8000n;

/** The start of a file. */
export function btsnoopHeader(): Uint8Array {
  const header = new Uint8Array(16);
  header.set(IDENTIFICATION);
  const view = viewOf(header);
  view.setUint32(8, VERSION);
  view.setUint32(12, DATALINK_H4);
  return header;
}

/**
 * One record. Keys are overwritten: a trace may be given away.
 * @param packet whole, its H4 indicator first
 * @param unixTimeMs milliseconds since 1970, with fractions
 */
export function btsnoopRecord(direction: Direction, packet: Uint8Array, unixTimeMs: number): Uint8Array {
  const record = new Uint8Array(24 + packet.length);
  const view = viewOf(record);
  const type = packet[0];
  const flags =
    (direction === "received" ? RECEIVED : 0) |
    (type === H4_COMMAND || type === H4_EVENT ? COMMAND_OR_EVENT : 0);
  view.setUint32(0, packet.length);
  view.setUint32(4, packet.length);
  view.setUint32(8, flags);
  view.setBigUint64(16, EPOCH_1970_US + BigInt(Math.round(unixTimeMs * 1000)));
  record.set(withoutSecrets(packet), 24);
  return record;
}
