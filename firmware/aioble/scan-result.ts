/** What a scan knows of one device. */
import { sameBytes } from "../ble/codec.ts";
import { someService, structuresOf } from "../ble/gap/ad-structures.ts";
import { AD_TYPE } from "../ble/gap/advertising-data.ts";
import { type AdvertisingReport, REPORT } from "../ble/gap/advertising-report.ts";
import { utf8Decode } from "../ble/utf8.ts";
import type { UUID } from "../ble/uuid.ts";
import type { Device } from "./device.ts";

/** UUIDs of services, whose `includes` compares values: `result.services().includes(new UUID(0x180d))`. */
export class ServiceUuids extends Array<UUID> {
  /** What `map` and `filter` make are plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  override includes(uuid: UUID): boolean {
    return this.some((own) => own.equals(uuid));
  }
}

/** Data of a manufacturer: its company identifier (Assigned Numbers, 7), and what follows it. */
export type ManufacturerData = readonly [companyId: number, data: Uint8Array];

const EMPTY = new Uint8Array(0);

/**
 * A device that a scan has found. It is the same object at each step of the scan, and holds the latest of each: an
 * advertising packet and a scan response.
 */
export class ScanResult {
  /** Who sent it. Another object, equal to the one before, when a bonded device has changed its private address. */
  device: Device;
  /** Strength at which the latest packet arrived, in dBm; undefined where the controller does not know. */
  rssi: number | undefined = undefined;
  /** Whether the latest advertising packet said that the device takes connections. */
  connectable = false;
  /** The latest advertising packet, at most 31 bytes; undefined until one came. */
  advData: Uint8Array | undefined = undefined;
  /** The latest scan response, at most 31 bytes; undefined until one came, which only an active scan asks for. */
  respData: Uint8Array | undefined = undefined;

  /** Not for applications: a scan makes them. */
  constructor(device: Device) {
    this.device = device;
  }

  /** Not for applications: takes over a packet. Returns whether anything is new. */
  update({ data, eventType, rssi }: AdvertisingReport): boolean {
    let isNew = rssi !== this.rssi;
    this.rssi = rssi;
    if (eventType === REPORT.SCAN_RSP) {
      if (!(this.respData && sameBytes(data, this.respData))) {
        this.respData = data;
        isNew = true;
      }
      return isNew;
    }
    this.connectable = eventType === REPORT.ADV_IND || eventType === REPORT.ADV_DIRECT_IND;
    // A directed packet has no data: what the device said before stands.
    if (eventType !== REPORT.ADV_DIRECT_IND && !(this.advData && sameBytes(data, this.advData))) {
      this.advData = data;
      isNew = true;
    }
    return isNew;
  }

  /**
   * The contents of every AD structure of a type (Assigned Numbers, 2.3), those of the advertising packet first.
   * A structure that is cut short is left out.
   */
  fields(type: number): Uint8Array[] {
    return [...structuresOf(this.advData ?? EMPTY, type), ...structuresOf(this.respData ?? EMPTY, type)];
  }

  /**
   * The device's name: the complete one where it sent it, else the shortened one (CSS, Part A, 1.2). Bytes that are not
   * UTF-8 become U+FFFD. Undefined when it sent none.
   */
  name(): string | undefined {
    const [name] = [
      ...this.fields(AD_TYPE.COMPLETE_LOCAL_NAME),
      ...this.fields(AD_TYPE.SHORTENED_LOCAL_NAME),
    ];
    return name && utf8Decode(name);
  }

  /** The services that the device lists, as it lists them; the list may be incomplete (CSS, Part A, 1.1). */
  services(): ServiceUuids {
    const found = new ServiceUuids();
    this.someService((uuid) => {
      found.push(uuid);
      return false;
    });
    return found;
  }

  /** Whether the device lists this service. */
  hasService(uuid: UUID): boolean {
    return this.someService((own) => own.equals(uuid));
  }

  private someService(visit: (uuid: UUID) => boolean): boolean {
    return someService(this.advData ?? EMPTY, visit) || someService(this.respData ?? EMPTY, visit);
  }

  /** What manufacturers added, of one company when `companyId` is given. Structures without a company are left out. */
  manufacturer(companyId?: number): ManufacturerData[] {
    const found: ManufacturerData[] = [];
    for (const data of this.fields(AD_TYPE.MANUFACTURER)) {
      if (data.length < 2) continue;
      const id = data[0]! | (data[1]! << 8);
      if (companyId === undefined || id === companyId) found.push([id, data.subarray(2)]);
    }
    return found;
  }

  toString(): string {
    return `ScanResult(${this.device}, ${this.rssi ?? "unknown"} dBm)`;
  }
}
