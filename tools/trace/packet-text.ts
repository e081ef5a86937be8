/** One line of text for each HCI packet, from the declarations of every layer. For logs and tests. */
import { PDUS } from "../../firmware/ble/att/pdus.ts";
import {
  address,
  type Codec,
  decode,
  type Fields,
  formatAddress,
  handle,
  hex,
  i8,
  u8,
  u16,
  u32,
  type Values,
  viewOf,
} from "../../firmware/ble/codec.ts";
import { commandComplete } from "../../firmware/ble/hci/events.ts";
import { type AnyCommand, H4_ACL, H4_COMMAND, H4_EVENT, LE_META } from "../../firmware/ble/hci/packet.ts";
import { statusText } from "../../firmware/ble/hci/status.ts";
import { SMP_PDUS } from "../../firmware/ble/smp/pdus.ts";
import type { Direction } from "./hci-tap.ts";
import { COMMANDS, EVENTS } from "./packet-tables.ts";

/** Channels whose PDUs are declared (Vol 3, Part A, Table 2.2). */
const CHANNEL = { ATT: 0x0004, SMP: 0x0006 } as const;

interface Declared {
  readonly name: string;
  readonly fields: Fields;
}

function hexCode(code: number, digits: number): string {
  return `0x${"0".repeat(Math.max(0, digits - code.toString(16).length))}${code.toString(16)}`;
}

/** Values of these codecs have a form of their own. Bytes of all others are shown as digits, in order; a UUID has its text. */
// biome-ignore lint/suspicious/noExplicitAny: a table of codecs of any value type
const FORMS: ReadonlyMap<Codec<any>, (value: any) => string> = new Map<Codec<any>, (value: any) => string>([
  [u8, (value: number) => hexCode(value, 2)],
  [i8, String],
  [u16, (value: number) => hexCode(value, 4)],
  [handle, (value: number) => hexCode(value, 4)],
  [u32, (value: number) => hexCode(value, 8)],
  [address, formatAddress],
]);

function fieldText(codec: Codec<unknown>, value: unknown): string {
  if (codec.isSecret) return "(secret)";
  const form = FORMS.get(codec);
  if (form) return form(value);
  return value instanceof Uint8Array ? hex(value) : String(value);
}

/** `name: value` of every field. */
export function fieldsText<F extends Fields>(fields: F, values: Values<F>): string {
  return Object.entries(fields)
    .map(([name, codec]) => `${name}: ${fieldText(codec, values[name])}`)
    .join(", ");
}

function body(declared: Declared | undefined, unknown: string, view: DataView, start: number): string {
  const end = view.byteLength;
  const isSecret = declared !== undefined && Object.values(declared.fields).some((codec) => codec.isSecret);
  // Of what carries a key nothing is shown, whatever the rest looks like.
  const raw = (): string =>
    isSecret
      ? "(secret)"
      : hex(new Uint8Array(view.buffer, view.byteOffset + start, Math.max(0, end - start)));
  if (!declared) return `${unknown} ${raw()}`.trim();
  const values = decode(declared.fields, view, start, end);
  if (!values) return `${declared.name} (malformed) ${raw()}`.trim();
  const text = fieldsText(declared.fields, values);
  return text ? `${declared.name} { ${text} }` : declared.name;
}

function findCommand(opcode: number): AnyCommand | undefined {
  return COMMANDS.find((candidate) => candidate.opcode === opcode);
}

function describeCommand(view: DataView): string {
  const opcode = view.getUint16(1, true);
  const declared = findCommand(opcode);
  const named = declared && { name: declared.name, fields: declared.parameters };
  return `command ${body(named, `Command ${hexCode(opcode, 4)}`, view, 4)}`;
}

function describeCommandComplete(view: DataView): string {
  const opcode = view.getUint16(4, true);
  const declared = findCommand(opcode);
  const name = declared?.name ?? `Command ${hexCode(opcode, 4)}`;
  const status = view.byteLength > 6 ? view.getUint8(6) : 0;
  if (status !== 0 || !declared) return `event Command Complete, ${name}: ${statusText(status)}`;
  return `event Command Complete, ${body({ name, fields: declared.returns }, name, view, 7)}`;
}

function describeEvent(view: DataView): string {
  const code = view.getUint8(1);
  if (code === commandComplete.code && view.byteLength >= 6) return describeCommandComplete(view);
  const isMeta = code === LE_META && view.byteLength > 3;
  const full = isMeta ? (LE_META << 8) | view.getUint8(3) : code;
  const declared = EVENTS.find((candidate) => candidate.code === full);
  return `event ${body(declared, `Event ${hexCode(full, 2)}`, view, isMeta ? 4 : 3)}`;
}

/** A first fragment shows its L2CAP frame, on the ATT channel its PDU; the others are only counted. */
function describeAcl(view: DataView): string {
  const handleAndFlags = view.getUint16(1, true);
  const link = `acl ${hexCode(handleAndFlags & 0x0fff, 4)}`;
  const length = view.byteLength - 5;
  if (((handleAndFlags >> 12) & 0x03) === 0x01) return `${link} continuing, ${length} bytes`;
  if (length < 5) return `${link} ${length} bytes`;
  const frame = view.getUint16(5, true);
  const channel = view.getUint16(7, true);
  const cut = frame + 4 > length ? ` (${length - 4} of ${frame} bytes)` : "";
  if (channel === CHANNEL.SMP) {
    const code = view.getUint8(9);
    const declared = SMP_PDUS.find((candidate) => candidate.code === code);
    return `${link} smp${cut} ${body(declared, `PDU ${hexCode(code, 2)}`, view, 10)}`;
  }
  if (channel !== CHANNEL.ATT) {
    return `${link} channel ${hexCode(channel, 4)}${cut} ${hex(new Uint8Array(view.buffer, view.byteOffset + 9, length - 4))}`;
  }
  const opcode = view.getUint8(9);
  const declared = PDUS.find((candidate) => candidate.opcode === opcode);
  return `${link} att${cut} ${body(declared, `PDU ${hexCode(opcode, 2)}`, view, 10)}`;
}

/** `> command Reset`: `>` to the controller, `<` from it. `packet` is whole, its H4 indicator first. */
export function describePacket(direction: Direction, packet: Uint8Array): string {
  const arrow = direction === "sent" ? ">" : "<";
  const view = viewOf(packet);
  const type = packet[0];
  if (type === H4_COMMAND && packet.length >= 4) return `${arrow} ${describeCommand(view)}`;
  if (type === H4_EVENT && packet.length >= 3) return `${arrow} ${describeEvent(view)}`;
  if (type === H4_ACL && packet.length >= 5) return `${arrow} ${describeAcl(view)}`;
  return `${arrow} ${hex(packet)}`;
}
