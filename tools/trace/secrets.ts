/** Keys in packets: what a trace must not hold (Vol 3, Part H, 3.6; Vol 4, Part E, 7.8). */
import { copyBytes, viewOf } from "../../firmware/ble/codec.ts";
import {
  leEnableEncryption,
  leEncrypt,
  leLongTermKeyRequestReply,
} from "../../firmware/ble/hci/commands/le-security.ts";
import { H4_ACL, H4_COMMAND } from "../../firmware/ble/hci/packet.ts";

const KEY_LENGTH = 16;

/** Where the key begins, by opcode, in a whole packet. */
const KEY_OFFSETS: readonly (readonly [opcode: number, offset: number])[] = [
  [leEncrypt.opcode, 4],
  [leEnableEncryption.opcode, 16],
  [leLongTermKeyRequestReply.opcode, 6],
];

const SMP_CHANNEL = 0x0006;
/** Encryption Information, Identity Information, Signing Information. */
const SECRET_CODES: readonly number[] = [0x06, 0x08, 0x0a];
/** Of the code of an SMP PDU in an ACL packet that begins a frame. */
const CODE_OFFSET = 9;

/** The packet, or a copy in which 0 stands for every byte of a key. @param packet whole, its H4 indicator first. */
export function withoutSecrets(packet: Uint8Array): Uint8Array {
  const offset = keyOffset(viewOf(packet));
  if (offset === undefined) return packet;
  const masked = copyBytes(viewOf(packet), 0, packet.length);
  return masked.fill(0, offset, offset + KEY_LENGTH);
}

function keyOffset(view: DataView): number | undefined {
  const { byteLength } = view;
  const type = byteLength > 0 ? view.getUint8(0) : 0;
  if (type === H4_COMMAND && byteLength >= 3) {
    const opcode = view.getUint16(1, true);
    return KEY_OFFSETS.find(([own]) => own === opcode)?.[1];
  }
  if (type !== H4_ACL || byteLength <= CODE_OFFSET) return undefined;
  const begins = ((view.getUint16(1, true) >> 12) & 0x03) !== 0x01;
  const isSecret =
    begins && view.getUint16(7, true) === SMP_CHANNEL && SECRET_CODES.includes(view.getUint8(CODE_OFFSET));
  return isSecret ? CODE_OFFSET + 1 : undefined;
}
