/** What may be advertised: the options, their checks, and the payload made of them. */

import {
  ADVERTISING_DATA_LENGTH,
  type AdvertisingPayload,
  buildAdvertisingPayload,
  type FlagOptions,
  type PayloadFields,
} from "../ble/gap/advertising-data.ts";
import { BONDED_ONLY, checkInterval } from "../ble/gap/advertising-set.ts";
import { checkInteger, checkKeys, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { utf8Encode } from "../ble/utf8.ts";
import { UUID } from "../ble/uuid.ts";
import { Device } from "./device.ts";
import type { WaitOptions } from "./wait.ts";

/** TGAP(lim_adv_timeout): how long limited discoverable mode lasts (Vol 3, Part C, Table A.1). */
export const LIMITED_DISCOVERABLE_MS = 180_000;
/** Longest Device Name in bytes (Vol 3, Part C, 12.1). */
const NAME_LENGTH_MAX = 248;

/** What the packets hold: fields, or raw data in their place. */
export interface PayloadOptions extends PayloadFields {
  /** Raw advertising data, at most 31 bytes, in place of all fields. */
  readonly advData?: Uint8Array;
  /** Raw scan response data, at most 31 bytes, in place of all fields. */
  readonly respData?: Uint8Array;
}

/** What to advertise and for how long. */
export interface AdvertiseOptions extends PayloadOptions, FlagOptions, WaitOptions {
  /** Advertising interval in microseconds, 20,000 to 10,240,000; rounded down to 625. */
  readonly intervalUs: number;
  /** A quicker beginning: this interval for so long, then `intervalUs`. */
  readonly fast?: { readonly intervalUs: number; readonly durationMs: number };
  /** Whether centrals may connect; true by default. False is a beacon: it ends only by `timeoutMs` or `signal`. */
  readonly connectable?: boolean;
  /** Only this device may connect; the packets then carry no data at all. */
  readonly directedTo?: Device;
  /** With `directedTo`: as fast as the controller can, whatever `intervalUs` says; ends by itself after 1.28 s. */
  readonly highDuty?: boolean;
  /**
   * What only bonded devices may do: connect, have the scan response, or both. A device that is none gets no answer where the
   * controller filters; where it cannot, its connection is ended before anything of it is read, and anybody has the scan
   * response (Vol 6, Part B, 4.3.2). Everybody may hear the advertising itself.
   */
  readonly bondedOnly?: "connect" | "scan" | "both";
  /** False leaves the GAP Device Name and Appearance as they are. */
  readonly updateGap?: boolean;
}

/** Fields that raw data replaces. */
const FIELD_NAMES = [
  "name",
  "shortenName",
  "services",
  "appearance",
  "manufacturer",
  "serviceData",
  "txPower",
  "uri",
  "solicitation",
  "fields",
] as const;

const PAYLOAD_KEYS: OptionKeys<PayloadOptions> = {
  name: true,
  shortenName: "flag",
  services: "list",
  appearance: "number",
  manufacturer: "list",
  serviceData: "list",
  txPower: "number",
  uri: "text",
  solicitation: "list",
  fields: "list",
  advData: "bytes",
  respData: "bytes",
};
const FAST_KEYS: OptionKeys<NonNullable<AdvertiseOptions["fast"]>> = {
  intervalUs: "number",
  durationMs: "number",
};
const ADVERTISE_KEYS: OptionKeys<AdvertiseOptions> = {
  ...PAYLOAD_KEYS,
  ...WAIT_KEYS,
  discoverable: "flag",
  limitedDisc: "flag",
  brEdr: "flag",
  intervalUs: "number",
  fast: FAST_KEYS,
  connectable: "flag",
  directedTo: true,
  highDuty: "flag",
  bondedOnly: true,
  updateGap: "flag",
};
/** Advertising_Filter_Policy of `bondedOnly`. */
export const BONDED_ONLY_POLICY: Readonly<Record<NonNullable<AdvertiseOptions["bondedOnly"]>, number>> = {
  connect: BONDED_ONLY.CONNECT,
  scan: BONDED_ONLY.SCAN,
  both: BONDED_ONLY.CONNECT | BONDED_ONLY.SCAN,
};

const EMPTY = new Uint8Array(0);

/** @throws TypeError or RangeError for the first option that is wrong. */
export function checkAdvertising(options: AdvertiseOptions): void {
  const { intervalUs, fast, directedTo, highDuty, bondedOnly, connectable } = options ?? {};
  if (options) checkKeys("advertising", options, ADVERTISE_KEYS);
  if (typeof intervalUs !== "number") {
    throw new TypeError("advertise() needs intervalUs: the advertising interval in microseconds");
  }
  checkInterval(intervalUs);
  if (fast) {
    checkInterval(fast.intervalUs);
    if (!(fast.durationMs > 0))
      throw new RangeError(`fast.durationMs ${fast.durationMs} is out of range: above 0`);
  }
  if (directedTo !== undefined && !(directedTo instanceof Device))
    throw new TypeError("directedTo is a Device");
  if (directedTo && connectable === false) throw new TypeError("directedTo needs connectable advertising");
  if (highDuty && (!directedTo || fast)) throw new TypeError("highDuty needs directedTo, and no fast");
  checkBondedOnly(bondedOnly, connectable, directedTo);
  checkPayload(options);
}

function checkBondedOnly(
  bondedOnly: AdvertiseOptions["bondedOnly"],
  connectable: boolean | undefined,
  directedTo: Device | undefined,
): void {
  if (bondedOnly === undefined) return;
  if (!(Object.keys(BONDED_ONLY_POLICY) as unknown[]).includes(bondedOnly))
    throw new TypeError('bondedOnly is "connect", "scan" or "both"');
  if (directedTo) throw new TypeError("bondedOnly is not for directedTo, which only one device may answer");
  if (connectable === false && bondedOnly !== "scan")
    throw new TypeError('bondedOnly needs connectable advertising, but for "scan"');
}

/** The same of an update, which has fields alone. */
export function checkFields(options: PayloadOptions): void {
  checkKeys("the update of advertising", options, PAYLOAD_KEYS);
  checkPayload(options);
}

/** @throws TypeError or RangeError for the first field that is wrong. */
function checkPayload(options: PayloadOptions): void {
  const { name, appearance, manufacturer, serviceData, txPower, uri, fields, advData, respData } = options;
  if (name !== undefined) {
    if (typeof name !== "string" && !(name instanceof Uint8Array)) {
      throw new TypeError("name is a string, or a Uint8Array of UTF-8");
    }
    // A text has at least as many bytes: one that is far too long is not encoded first.
    const { length } = name.length > NAME_LENGTH_MAX ? name : nameBytes(name);
    checkInteger("the length of name in bytes", length, 0, NAME_LENGTH_MAX);
  }
  checkUuids("services", options.services);
  checkUuids("solicitation", options.solicitation);
  if (appearance !== undefined) checkInteger("appearance", appearance, 0, 0xffff);
  if (uri !== undefined) {
    checkInteger("the length of uri", uri.length, 0, NAME_LENGTH_MAX);
  }
  for (const [what, list = []] of [
    ["serviceData", serviceData],
    ["fields", fields],
  ] as const) {
    if (!list.every(Array.isArray)) throw new TypeError(`${what} is a list of pairs`);
  }
  if (manufacturer) {
    checkInteger("manufacturer's company identifier", manufacturer[0], 0, 0xffff);
    checkBytes("manufacturer's data", manufacturer[1]);
  }
  for (const [uuid, data] of serviceData ?? []) {
    checkUuids("serviceData", [uuid]);
    checkBytes("serviceData", data);
  }
  if (txPower !== undefined) checkInteger("txPower", txPower, -127, 127);
  for (const [type, value] of fields ?? []) {
    checkInteger("the type of a field", type, 0x01, 0xff);
    checkBytes("the value of a field", value);
  }
  if (advData === undefined && respData === undefined) return;
  for (const [what, data] of [
    ["advData", advData],
    ["respData", respData],
  ] as const) {
    if (data) checkInteger(`the length of ${what}`, data.length, 0, ADVERTISING_DATA_LENGTH);
  }
  const both = FIELD_NAMES.filter((field) => options[field] !== undefined);
  if (both.length > 0) {
    throw new TypeError(`advData and respData replace all fields: leave out ${both.join(", ")}`);
  }
}

function checkUuids(what: string, uuids: readonly UUID[] | undefined): void {
  if (uuids && !uuids.every((uuid) => uuid instanceof UUID)) {
    throw new TypeError(`${what} is an array of bluetooth.UUID`);
  }
}

function checkBytes(what: string, bytes: unknown): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${what} is a Uint8Array`);
}

/** The bytes of a name, in an array of their own. */
export function nameBytes(name: string | Uint8Array): Uint8Array {
  return typeof name === "string" ? utf8Encode(name) : name.slice();
}

/** The two packets. @throws RangeError that names the field which does not fit. */
export function payloadOf(
  options: PayloadOptions & Pick<AdvertiseOptions, "connectable" | "discoverable" | "limitedDisc" | "brEdr">,
): AdvertisingPayload {
  const { advData, respData } = options;
  if (advData || respData) {
    return { advData: advData?.slice() ?? EMPTY, respData: respData?.slice() ?? EMPTY };
  }
  return buildAdvertisingPayload({ ...options, connectable: options.connectable ?? true });
}

/** When the wait has to end: limited discoverable mode must (Vol 3, Part C, 9.2.3.2). */
export function deadlineOf(options: AdvertiseOptions): WaitOptions {
  if (!options.limitedDisc) return options;
  const timeoutMs = Math.min(options.timeoutMs ?? LIMITED_DISCOVERABLE_MS, LIMITED_DISCOVERABLE_MS);
  return { timeoutMs, signal: options.signal };
}
