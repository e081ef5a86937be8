/** How generic clients show a value: the Characteristic Presentation Format (Vol 3, Part G, 3.3.3.5). */
import { checkInteger, type OptionKeys } from "../ble/option-keys.ts";

/** Presentation format (Vol 3, Part G, 3.3.3.5; Assigned Numbers, 2.4): whole numbers. */
export interface PresentationFormat {
  /** Format type, 0 to 0xFF, for example 0x0E for sint16. */
  readonly format: number;
  /** The value is to be multiplied by ten to this power, -128..127. */
  readonly exponent?: number;
  /** Unit UUID, 0 to 0xFFFF, for example 0x272F for degrees Celsius. */
  readonly unit: number;
  /** Who defines `description`, 0 to 0xFF; 1, the Bluetooth SIG, when left out. */
  readonly namespace?: number;
  /** 0 to 0xFFFF; 0, unknown, when left out. */
  readonly description?: number;
}

export const FORMAT_KEYS: OptionKeys<PresentationFormat> = {
  format: "number",
  exponent: "number",
  unit: "number",
  namespace: "number",
  description: "number",
};

/**
 * What the descriptor holds.
 * @throws RangeError for the first figure that its field does not hold.
 */
export function formatBytes(given: PresentationFormat): Uint8Array {
  const { format, exponent = 0, unit, namespace = 1, description = 0 } = given;
  checkInteger("format.format", format, 0, 0xff);
  checkInteger("format.exponent", exponent, -128, 127);
  checkInteger("format.unit", unit, 0, 0xffff);
  checkInteger("format.namespace", namespace, 0, 0xff);
  checkInteger("format.description", description, 0, 0xffff);
  const u16 = (value: number): number[] => [value & 0xff, value >> 8];
  return new Uint8Array([format, exponent & 0xff, ...u16(unit), namespace, ...u16(description)]);
}
