/** The names and values that a phone shows to a person, as far as our examples use them (Assigned Numbers). */
import { hex } from "../../firmware/ble/codec.ts";
import { UUID } from "../../firmware/ble/uuid.ts";

/** An attribute's type for a person: 4 digits or five groups in upper case, and the name if it has one. */
export interface NamedUuid {
  readonly uuid: string;
  readonly name: string | null;
}

const NAMES: Readonly<Record<number, string>> = {
  6144: "Generic Access",
  6145: "Generic Attribute",
  6154: "Device Information",
  6159: "Battery Service",
  6170: "Environmental Sensing",
  10240: "Primary Service",
  10243: "Characteristic",
  10496: "Characteristic Extended Properties",
  10497: "Characteristic User Description",
  10498: "Client Characteristic Configuration",
  10500: "Characteristic Presentation Format",
  10507: "Environmental Sensing Configuration",
  10508: "Environmental Sensing Measurement",
  10509: "Environmental Sensing Trigger Setting",
  10752: "Device Name",
  10753: "Appearance",
  10756: "Peripheral Preferred Connection Parameters",
  10757: "Service Changed",
  10777: "Battery Level",
  10862: "Temperature",
  10863: "Humidity",
  11049: "Client Supported Features",
  11050: "Database Hash",
};

export function uuidOf(bytes: Uint8Array): UUID {
  return new UUID(bytes);
}

export function identify(uuid: UUID): NamedUuid {
  if (uuid.short >= 0 && uuid.short <= 0xffff) {
    const digits = `000${uuid.short.toString(16)}`.slice(-4);
    return { uuid: digits.toUpperCase(), name: NAMES[uuid.short] ?? null };
  }
  const digits = hex(uuid.bytes128.slice().reverse()).toUpperCase();
  const groups = [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20)];
  return { uuid: `${groups.join("-")}-${digits.slice(20)}`, name: null };
}

export function companyName(company: number): string {
  return company === 0xffff ? "for tests and internal use" : "unknown company";
}

/** UTF-8 (RFC 3629); what is none becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  let escaped = "";
  for (let index = 0; index < bytes.length; index++) escaped += `%${hex(bytes.subarray(index, index + 1))}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    return "\ufffd";
  }
}

/** A characteristic's value for a person; null when nothing is known about it or its length is wrong. */
export function decodeValue(uuid: UUID, value: Uint8Array): string | null {
  const view = new DataView(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  if (uuid.short === 0x2a00) return textOf(value);
  if (value.length === 2) {
    if (uuid.short === 0x2a01) return `0x${hex(value.slice().reverse())}`;
    if (uuid.short === 0x2a6e) return `${(view.getInt16(0, true) / 100).toFixed(2)} °C`;
    if (uuid.short === 0x2a6f) return `${(view.getUint16(0, true) / 100).toFixed(2)} %`;
  }
  if (uuid.short === 0x2a19 && value.length === 1) return `${value[0]} %`;
  return null;
}
