/** Builds advertising and scan response data (Vol 3, Part C, 11; Core Specification Supplement, Part A). */
import { Writer } from "../codec.ts";
import { utf8Encode } from "../utf8.ts";
import type { UUID } from "../uuid.ts";

/** Bytes of data in one legacy advertising packet (Vol 6, Part B, 2.3.1). */
export const ADVERTISING_DATA_LENGTH = 31;

/** AD types (Assigned Numbers, 2.3). */
export const AD_TYPE = {
  FLAGS: 0x01,
  INCOMPLETE_16_BIT_UUIDS: 0x02,
  COMPLETE_16_BIT_UUIDS: 0x03,
  INCOMPLETE_32_BIT_UUIDS: 0x04,
  COMPLETE_32_BIT_UUIDS: 0x05,
  INCOMPLETE_128_BIT_UUIDS: 0x06,
  COMPLETE_128_BIT_UUIDS: 0x07,
  SHORTENED_LOCAL_NAME: 0x08,
  COMPLETE_LOCAL_NAME: 0x09,
  TX_POWER_LEVEL: 0x0a,
  SOLICITATION_16_BIT_UUIDS: 0x14,
  SOLICITATION_128_BIT_UUIDS: 0x15,
  SERVICE_DATA_16_BIT: 0x16,
  APPEARANCE: 0x19,
  SOLICITATION_32_BIT_UUIDS: 0x1f,
  SERVICE_DATA_32_BIT: 0x20,
  SERVICE_DATA_128_BIT: 0x21,
  URI: 0x24,
  MANUFACTURER: 0xff,
} as const;

/** Lists of UUIDs by their width in bytes. */
const SERVICES = [
  [2, AD_TYPE.COMPLETE_16_BIT_UUIDS],
  [4, AD_TYPE.COMPLETE_32_BIT_UUIDS],
  [16, AD_TYPE.COMPLETE_128_BIT_UUIDS],
] as const;
const SOLICITATION = [
  [2, AD_TYPE.SOLICITATION_16_BIT_UUIDS],
  [4, AD_TYPE.SOLICITATION_32_BIT_UUIDS],
  [16, AD_TYPE.SOLICITATION_128_BIT_UUIDS],
] as const;
const SERVICE_DATA: Readonly<Record<number, number>> = {
  2: AD_TYPE.SERVICE_DATA_16_BIT,
  4: AD_TYPE.SERVICE_DATA_32_BIT,
  16: AD_TYPE.SERVICE_DATA_128_BIT,
};

/** URI schemes that have a code of one character (Assigned Numbers, 2.4); any other begins with U+0001. */
const URI_SCHEMES = [
  ["https:", "\u0017"],
  ["http:", "\u0016"],
] as const;
const URI_EMPTY_SCHEME = "\u0001";

/** Bits of the Flags field (CSS, Part A, 1.3). */
const FLAG = {
  LIMITED_DISCOVERABLE: 0x01,
  GENERAL_DISCOVERABLE: 0x02,
  BR_EDR_NOT_SUPPORTED: 0x04,
  SIMULTANEOUS_LE_BR_EDR: 0x18,
} as const;

/** Fields of the payload. Those that are left out are not sent. */
export interface PayloadFields {
  /** Local name, or its bytes in UTF-8, at most 248; also becomes the GAP Device Name. */
  readonly name?: string | Uint8Array;
  /**
   * Cut a name that does not fit, between characters, to what the other fields leave of either packet, as a Shortened
   * Local Name, instead of refusing it.
   */
  readonly shortenName?: boolean;
  /** Service UUIDs, all of them complete lists. */
  readonly services?: readonly UUID[];
  /** Appearance, 0..0xFFFF; also becomes the GAP Appearance. 0 is not sent. */
  readonly appearance?: number;
  /** Company identifier, 0..0xFFFF, and its data. */
  readonly manufacturer?: readonly [companyId: number, data: Uint8Array];
  /** Service data: one field for each UUID. */
  readonly serviceData?: readonly (readonly [uuid: UUID, data: Uint8Array])[];
  /** Transmit power in dBm, -127..127, as a field; it does not set the power. */
  readonly txPower?: number;
  /** A URI; `http:` and `https:` take one byte. */
  readonly uri?: string;
  /** Services that the camera looks for in others. */
  readonly solicitation?: readonly UUID[];
  /** Any other AD structures: type 0x01..0xFF and value, in this order after the rest. */
  readonly fields?: readonly (readonly [type: number, value: Uint8Array])[];
}

/** What the Flags field says (CSS, Part A, 1.3). */
export interface FlagOptions {
  /** Whether scanners should list the camera; true by default (Vol 3, Part C, 9.2). */
  readonly discoverable?: boolean;
  /** Limited instead of general discoverable mode: advertising ends by itself after 180 s. */
  readonly limitedDisc?: boolean;
  /**
   * aioble's BR/EDR flag pattern. A Low Energy camera should not send it (Vol 3, Part C, 9.2.4.2); a warning says so.
   */
  readonly brEdr?: boolean;
}

/** What the payload is made of. */
export interface AdvertisingFields extends PayloadFields, FlagOptions {
  /** Whether other devices may connect; a broadcaster sets no discoverable flag (Vol 3, Part C, 9.1.1.2). */
  readonly connectable: boolean;
}

export interface AdvertisingPayload {
  readonly advData: Uint8Array;
  readonly respData: Uint8Array;
  /** Why some scanners show no name, or not the whole name. */
  readonly note?: string;
}

interface Field {
  readonly label: string;
  readonly type: number;
  readonly value: Uint8Array;
}

function flags(options: AdvertisingFields): number {
  const discoverable = options.limitedDisc ? FLAG.LIMITED_DISCOVERABLE : FLAG.GENERAL_DISCOVERABLE;
  return (
    (options.connectable && options.discoverable !== false ? discoverable : 0) |
    (options.brEdr ? FLAG.SIMULTANEOUS_LE_BR_EDR : FLAG.BR_EDR_NOT_SUPPORTED)
  );
}

function uuidList(services: readonly UUID[], width: number): Uint8Array {
  const writer = new Writer();
  for (const uuid of services) if (uuid.width === width) writer.bytes(uuid.bytes);
  return writer.finish();
}

function prefixed(head: Uint8Array, data: Uint8Array): Uint8Array {
  const writer = new Writer(head.length + data.length);
  writer.bytes(head);
  writer.bytes(data);
  return writer.finish();
}

function littleEndian16(value: number): Uint8Array {
  return new Uint8Array([value & 0xff, value >> 8]);
}

function encodeUri(uri: string): Uint8Array {
  for (const [scheme, code] of URI_SCHEMES) {
    if (uri.startsWith(scheme)) return utf8Encode(code + uri.slice(scheme.length));
  }
  return utf8Encode(URI_EMPTY_SCHEME + uri);
}

/** The fields in the order of aioble: services before the name, because iOS filters on the first packet. */
function collect(options: AdvertisingFields): Field[] {
  const fields: Field[] = [{ label: "flags", type: AD_TYPE.FLAGS, value: new Uint8Array([flags(options)]) }];
  const add = (label: string, type: number, value: Uint8Array): void => {
    if (value.length > 0) fields.push({ label, type, value });
  };
  for (const [width, type] of SERVICES) {
    add(`services (${width * 8}-bit)`, type, uuidList(options.services ?? [], width));
  }
  if (options.name !== undefined) {
    const name = typeof options.name === "string" ? utf8Encode(options.name) : options.name;
    add("name", AD_TYPE.COMPLETE_LOCAL_NAME, name);
  }
  if (options.appearance) add("appearance", AD_TYPE.APPEARANCE, littleEndian16(options.appearance));
  if (options.manufacturer) {
    const [companyId, data] = options.manufacturer;
    add("manufacturer", AD_TYPE.MANUFACTURER, prefixed(littleEndian16(companyId), data));
  }
  for (const [uuid, data] of options.serviceData ?? []) {
    add("serviceData", SERVICE_DATA[uuid.width]!, prefixed(uuid.bytes, data));
  }
  if (options.txPower !== undefined) {
    add("txPower", AD_TYPE.TX_POWER_LEVEL, new Uint8Array([options.txPower & 0xff]));
  }
  if (options.uri !== undefined) add("uri", AD_TYPE.URI, encodeUri(options.uri));
  for (const [width, type] of SOLICITATION) {
    add(`solicitation (${width * 8}-bit)`, type, uuidList(options.solicitation ?? [], width));
  }
  for (const [type, value] of options.fields ?? []) {
    fields.push({ label: `fields (type 0x${type.toString(16)})`, type, value });
  }
  return fields;
}

/** The longest beginning of a UTF-8 name that ends between characters and has at most `room` bytes. */
function shorten(name: Uint8Array, room: number): Uint8Array {
  let end = Math.min(name.length, Math.max(0, room));
  while (end > 0 && end < name.length && (name[end]! & 0xc0) === 0x80) end--;
  return name.slice(0, end);
}

/** The two packets. */
type Packets = readonly [Writer, Writer];

function emptyPackets(): Packets {
  return [new Writer(ADVERTISING_DATA_LENGTH), new Writer(ADVERTISING_DATA_LENGTH)];
}

/** The packet with more room. */
function emptierOf(packets: Packets): Writer {
  return packets[1].length <= packets[0].length ? packets[1] : packets[0];
}

function putField(packet: Writer, type: number, value: Uint8Array): void {
  packet.u8(value.length + 1);
  packet.u8(type);
  packet.bytes(value);
}

/**
 * Puts each whole field into the advertising packet if it fits there, else into the scan response. Returns the first
 * that fits in neither.
 */
function place(fields: readonly Field[], packets: Packets): Field | undefined {
  return fields.find(({ type, value }) => {
    const packet = packets.find(({ length }) => length + value.length + 2 <= ADVERTISING_DATA_LENGTH);
    if (packet) putField(packet, type, value);
    return !packet;
  });
}

/**
 * Places each whole field into the advertising packet if it fits there, else into the scan response.
 * @throws RangeError that names the field which fits in neither, and by how many bytes.
 */
export function buildAdvertisingPayload(options: AdvertisingFields): AdvertisingPayload {
  const fields = collect(options);
  const name = fields.find(({ label }) => label === "name");
  let packets = emptyPackets();
  let misfit = place(fields, packets);
  let shortened: Uint8Array | undefined;
  if (misfit && name && options.shortenName) {
    packets = emptyPackets();
    misfit = place(
      fields.filter((field) => field !== name),
      packets,
    );
    if (!misfit) {
      const packet = emptierOf(packets);
      shortened = shorten(name.value, ADVERTISING_DATA_LENGTH - packet.length - 2);
      const whole = shortened.length === name.value.length;
      if (shortened.length > 0) {
        putField(packet, whole ? AD_TYPE.COMPLETE_LOCAL_NAME : AD_TYPE.SHORTENED_LOCAL_NAME, shortened);
      } else misfit = name;
      if (whole) shortened = undefined;
    }
  }
  if (misfit) {
    const needed = misfit.value.length + 2;
    const room = ADVERTISING_DATA_LENGTH - emptierOf(packets).length;
    throw new RangeError(
      `advertising payload too long: "${misfit.label}" takes ${needed} bytes and ${room} are left of 31 + 31; shorten it by ${needed - room} or leave a field out`,
    );
  }
  const advData = packets[0].finish();
  return { advData, respData: packets[1].finish(), note: name && noteOf(name.value, shortened, advData) };
}

function noteOf(
  name: Uint8Array,
  shortened: Uint8Array | undefined,
  advData: Uint8Array,
): string | undefined {
  if (shortened) return `${shortened.length} of the name's ${name.length} bytes are advertised: shortenName`;
  for (let at = 0; at < advData.length; at += advData[at]! + 1) {
    if (advData[at + 1] === AD_TYPE.COMPLETE_LOCAL_NAME) return undefined;
  }
  return "the name is in the scan response, which scanners show that ask for it (active scanning)";
}
