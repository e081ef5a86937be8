/** Event packets as a controller sends them (Vol 4, Part E, 5.4.4). */
import { encode, type Fields, type Values, Writer } from "../../firmware/ble/codec.ts";
import { H4_EVENT, type HciEvent, LE_META } from "../../firmware/ble/hci/packet.ts";

/** A whole event packet, H4 indicator first; LE Meta events carry their subevent code. */
export function eventPacket<F extends Fields>(event: HciEvent<F>, values: Values<F>): Uint8Array {
  const body = encode(event.fields, values);
  const meta = event.code > 0xff;
  const writer = new Writer(4 + body.length);
  writer.u8(H4_EVENT);
  writer.u8(meta ? LE_META : event.code);
  writer.u8(body.length + (meta ? 1 : 0));
  if (meta) writer.u8(event.code & 0xff);
  writer.bytes(body);
  return writer.finish();
}
