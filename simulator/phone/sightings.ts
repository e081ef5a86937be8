/** What a phone hears of the devices around it, and who of them is meant. */
import { hex } from "../../firmware/ble/codec.ts";
import { adValue } from "./advertising-data.ts";
import { textOf, uuidOf } from "./assigned-numbers.ts";

/** Event_Type of a scan response (Vol 4, Part E, 7.7.65.2). */
const SCAN_RESPONSE = 0x04;

/** One advertising packet, or one scan response. */
export interface Report {
  /** Event_Type (Vol 4, Part E, 7.7.65.2). */
  readonly eventType: number;
  readonly addressType: number;
  /** Six bytes in printed order. */
  readonly address: Uint8Array;
  readonly data: Uint8Array;
  readonly rssi: number;
  readonly atMs: number;
}

/** What one device said about itself, the two payloads apart. */
export interface Sighting {
  readonly addressType: number;
  readonly address: Uint8Array;
  readonly connectable: boolean;
  readonly scannable: boolean;
  readonly rssi: number;
  readonly advertising: Uint8Array;
  /** Undefined when none came, or none was asked for. */
  readonly scanResponse: Uint8Array | undefined;
}

/** Whom to look for; all that is given must fit. */
export interface Wanted {
  readonly name?: string;
  readonly address?: Uint8Array;
  /** 16-bit UUID of a service in the advertising data or scan response. */
  readonly service?: number;
  /** An earlier sighting, whose payload it has no longer. */
  readonly unlike?: Payload;
}

/** The two packets of one device. */
export type Payload = Pick<Sighting, "advertising" | "scanResponse">;

/** Name in a payload or the other. */
export function nameOf(sighting: Payload): string | undefined {
  const bytes =
    adValue(sighting.advertising, 8, 9) ?? adValue(sighting.scanResponse ?? new Uint8Array(0), 8, 9);
  return bytes && textOf(bytes);
}

/** Looks for one device among the reports of a scan. */
export class Search {
  private readonly wanted: Wanted;
  private readonly heard = new Map<string, Sighting>();

  constructor(wanted: Wanted) {
    this.wanted = wanted;
  }

  /** Takes a report; returns the device that is looked for once both of its payloads were heard, as far as it has two. */
  take(report: Omit<Report, "atMs">): Sighting | undefined {
    const key = `${report.addressType} ${hex(report.address)}`;
    const sighting = combine(this.heard.get(key), report);
    this.heard.set(key, sighting);
    const isWhole = sighting.advertising.length > 0 && (sighting.scanResponse || !sighting.scannable);
    return isWhole && fits(sighting, this.wanted) ? sighting : undefined;
  }

  /** What is looked for, for a sentence. */
  get what(): string {
    const { address, name } = this.wanted;
    return `an advertisement of ${name ?? (address ? hex(address) : "any camera")}`;
  }
}

function combine(before: Sighting | undefined, report: Omit<Report, "atMs">): Sighting {
  const { addressType, address, rssi, data, eventType } = report;
  const known = before ?? {
    addressType,
    address,
    connectable: false,
    scannable: false,
    rssi,
    advertising: new Uint8Array(0),
    scanResponse: undefined,
  };
  if (eventType === SCAN_RESPONSE) return { ...known, rssi, scanResponse: data };
  const connectable = eventType === 0 || eventType === 1;
  return { ...known, rssi, advertising: data, connectable, scannable: eventType === 0 || eventType === 2 };
}

function fits(sighting: Sighting, wanted: Wanted): boolean {
  if (wanted.name !== undefined && nameOf(sighting) !== wanted.name) return false;
  if (wanted.unlike !== undefined && digitsOf(wanted.unlike) === digitsOf(sighting)) return false;
  if (wanted.address !== undefined && hex(wanted.address) !== hex(sighting.address)) return false;
  return wanted.service === undefined || offers(sighting, wanted.service);
}

function digitsOf({ advertising, scanResponse }: Payload): string {
  return `${hex(advertising)} ${hex(scanResponse ?? new Uint8Array(0))}`;
}

function offers(sighting: Sighting, service: number): boolean {
  for (const payload of [sighting.advertising, sighting.scanResponse ?? new Uint8Array(0)]) {
    const list = adValue(payload, 2, 3) ?? new Uint8Array(0);
    for (let at = 0; at + 2 <= list.length; at += 2) {
      if (uuidOf(list.slice(at, at + 2)).short === service) return true;
    }
  }
  return false;
}
