/** Builds advertising and scan response data (Vol 3, Part C, 11; Core Specification Supplement, Part A). */
import { Writer } from "../codec.ts";
import { utf8Encode } from "../utf8.ts";
import type { UUID } from "../uuid.ts";

/** Bytes of data in one legacy advertising packet (Vol 6, Part B, 2.3.1). */
export const ADVERTISING_DATA_LENGTH = 31;

/** AD types (Assigned Numbers, 2.3). */
export const AD_TYPE = {
  FLAGS: 0x01,
  COMPLETE_16_BIT_UUIDS: 0x03,
  COMPLETE_32_BIT_UUIDS: 0x05,
  COMPLETE_128_BIT_UUIDS: 0x07,
  COMPLETE_LOCAL_NAME: 0x09,
  APPEARANCE: 0x19,
  MANUFACTURER: 0xff,
} as const;

/** Bits of the Flags field (CSS, Part A, 1.3). */
const FLAG = {
  LIMITED_DISCOVERABLE: 0x01,
  GENERAL_DISCOVERABLE: 0x02,
  BR_EDR_NOT_SUPPORTED: 0x04,
  SIMULTANEOUS_LE_BR_EDR: 0x18,
} as const;

/** What to advertise. Fields that are left out are not sent. */
export interface AdvertisingFields {
  /** Whether other devices may connect; a broadcaster sets no discoverable flag (Vol 3, Part C, 9.1.1.2). */
  readonly connectable: boolean;
  /** Limited instead of general discoverable mode. */
  readonly limitedDisc?: boolean;
  /** aioble's BR/EDR flag pattern, which no Low Energy camera should send (Vol 3, Part C, 9.2.4.2). */
  readonly brEdr?: boolean;
  readonly services?: readonly UUID[];
  readonly name?: string | Uint8Array;
  /** Appearance value, 0..0xFFFF; 0 is not sent. */
  readonly appearance?: number;
  /** Company identifier, 0..0xFFFF, and its data. */
  readonly manufacturer?: readonly [companyId: number, data: Uint8Array];
}

export interface AdvertisingPayload {
  readonly advData: Uint8Array;
  readonly respData: Uint8Array;
}

interface Field {
  readonly label: string;
  readonly type: number;
  readonly value: Uint8Array;
}

function flags(options: AdvertisingFields): number {
  const discoverable = options.limitedDisc ? FLAG.LIMITED_DISCOVERABLE : FLAG.GENERAL_DISCOVERABLE;
  return (
    (options.connectable ? discoverable : 0) |
    (options.brEdr ? FLAG.SIMULTANEOUS_LE_BR_EDR : FLAG.BR_EDR_NOT_SUPPORTED)
  );
}

function uuidList(services: readonly UUID[], width: number): Uint8Array {
  const writer = new Writer();
  for (const uuid of services) if (uuid.width === width) writer.bytes(uuid.bytes);
  return writer.finish();
}

/** The fields in the order of aioble: services before the name, because iOS filters on the first packet. */
function collect(options: AdvertisingFields): Field[] {
  const fields: Field[] = [{ label: "flags", type: AD_TYPE.FLAGS, value: new Uint8Array([flags(options)]) }];
  const add = (label: string, type: number, value: Uint8Array): void => {
    if (value.length > 0) fields.push({ label, type, value });
  };
  const services = options.services ?? [];
  add("services (16-bit)", AD_TYPE.COMPLETE_16_BIT_UUIDS, uuidList(services, 2));
  add("services (32-bit)", AD_TYPE.COMPLETE_32_BIT_UUIDS, uuidList(services, 4));
  add("services (128-bit)", AD_TYPE.COMPLETE_128_BIT_UUIDS, uuidList(services, 16));
  if (options.name !== undefined) {
    const name = typeof options.name === "string" ? utf8Encode(options.name) : options.name;
    add("name", AD_TYPE.COMPLETE_LOCAL_NAME, name);
  }
  if (options.appearance) {
    const appearance = options.appearance;
    add("appearance", AD_TYPE.APPEARANCE, new Uint8Array([appearance & 0xff, appearance >> 8]));
  }
  if (options.manufacturer) {
    const [companyId, data] = options.manufacturer;
    const writer = new Writer();
    writer.u16(companyId);
    writer.bytes(data);
    add("manufacturer", AD_TYPE.MANUFACTURER, writer.finish());
  }
  return fields;
}

/**
 * Places each whole field into the advertising packet if it fits there, else into the scan response.
 * @throws RangeError that names the field which fits in neither, and by how many bytes.
 */
export function buildAdvertisingPayload(options: AdvertisingFields): AdvertisingPayload {
  const packets = [new Writer(ADVERTISING_DATA_LENGTH), new Writer(ADVERTISING_DATA_LENGTH)] as const;
  for (const field of collect(options)) {
    const needed = field.value.length + 2;
    const packet = packets.find((candidate) => candidate.length + needed <= ADVERTISING_DATA_LENGTH);
    if (!packet) {
      const room = ADVERTISING_DATA_LENGTH - Math.min(packets[0].length, packets[1].length);
      throw new RangeError(
        `advertising payload too long: "${field.label}" takes ${needed} bytes and ${room} are left of 31 + 31; shorten it by ${needed - room} or leave a field out`,
      );
    }
    packet.u8(field.value.length + 1);
    packet.u8(field.type);
    packet.bytes(field.value);
  }
  return { advData: packets[0].finish(), respData: packets[1].finish() };
}
