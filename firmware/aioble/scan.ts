/** Scanning: who advertises nearby. */

import { BleError } from "../ble/errors.ts";
import { type AdvertisingReport, REPORT } from "../ble/gap/advertising-report.ts";
import { checkScanTiming } from "../ble/gap/scan-parameters.ts";
import type { ScanOwner } from "../ble/gap/scanner.ts";
import { checkInteger, checkKeys, type OptionKeys } from "../ble/option-keys.ts";
import { textOf } from "../ble/text.ts";
import { UUID } from "../ble/uuid.ts";
import type { Timer } from "../platform/platform.ts";
import type { Core } from "./core.ts";
import { Device } from "./device.ts";
import { ScanResult } from "./scan-result.ts";
import { Stream } from "./stream.ts";
import type { Signal } from "./wait.ts";

/** aioble's figures: the radio listens for less than a hundredth of the time. */
const INTERVAL_US = 1_280_000;
const WINDOW_US = 11_250;
/** Devices that a scan keeps in mind. */
const MAX_RESULTS = 32;
const MAX_RESULTS_LIMIT = 1000;

/** Manufacturer data that a device has to send. */
export interface ManufacturerFilter {
  /** Company identifier (Assigned Numbers, 7). */
  readonly companyId: number;
  /** What the data after the company identifier begins with; anything when left out. */
  readonly data?: Uint8Array;
  /** Which bits of `data` count, byte by byte; all of them when left out. */
  readonly mask?: Uint8Array;
}

/** Which devices a scan yields: those that pass every filter that is given. */
export interface ScanFilters {
  /** Lists at least one of these services; an empty list is a RangeError, as that of `devices` is. */
  readonly services?: readonly UUID[];
  /** Has this name, complete or shortened. */
  readonly name?: string;
  readonly manufacturer?: ManufacturerFilter;
  /** Arrives at least at this strength, in dBm: -127 to 20. */
  readonly minRssi?: number;
  /** Only these; the controller drops all others. As many as its accept list has room for. */
  readonly devices?: readonly Device[];
}

export interface ScanOptions extends ScanFilters {
  /** How long to scan, in milliseconds; 0, or left out: until the loop is left. */
  readonly durationMs?: number;
  /** From one window to the next: 2,500 to 10,240,000 microseconds, 1,280,000 when left out. */
  readonly intervalUs?: number;
  /** How long the radio listens in each interval: 11,250 microseconds when left out, at most `intervalUs`. */
  readonly windowUs?: number;
  /** Ask each device for its scan response, 31 more bytes. */
  readonly active?: boolean;
  /**
   * True, as when left out: a device is yielded again whenever its strength or its data change. False: each once.
   * "packets": with every packet, by which a loop sees that the device is still there; those that come while it waits to be
   * taken count as one.
   */
  readonly duplicates?: boolean | "packets";
  /**
   * Devices that are kept in mind, 1 to 1,000, 32 when left out; about 1 KB each. When more are heard, the one that was
   * not heard for the longest time is forgotten; what was not yet taken of it is lost and counted (`Scan.dropped`).
   */
  readonly maxResults?: number;
  /** Ends the scan with the signal's reason. */
  readonly signal?: Signal;
}

/** A device by its address. */
interface Identity {
  readonly addressType: number;
  readonly address: Uint8Array;
}

/** A device in mind. */
interface Known {
  readonly key: number;
  readonly result: ScanResult;
  /** It waits to be taken. */
  isQueued: boolean;
  /** It has been yielded. */
  wasYielded: boolean;
  /** Advertising packets without a scan response. */
  unanswered: number;
}

const MANUFACTURER_KEYS: OptionKeys<ManufacturerFilter> = {
  companyId: "number",
  data: "bytes",
  mask: "bytes",
};

const SCAN_KEYS: OptionKeys<ScanOptions> = {
  services: "list",
  name: "text",
  manufacturer: MANUFACTURER_KEYS,
  minRssi: "number",
  devices: "list",
  durationMs: "number",
  intervalUs: "number",
  windowUs: "number",
  active: "flag",
  duplicates: true,
  maxResults: "number",
  signal: true,
};

/** @throws TypeError or RangeError for the first option that is wrong. */
function check(options: ScanOptions): void {
  checkKeys("scan", options, SCAN_KEYS);
  const { durationMs = 0, intervalUs = INTERVAL_US, windowUs = WINDOW_US } = options;
  const { devices, duplicates = true, manufacturer, maxResults = MAX_RESULTS, minRssi, services } = options;
  if (!(durationMs >= 0 && durationMs < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`durationMs ${durationMs} is out of range: give milliseconds, 0 for no end`);
  }
  checkScanTiming(intervalUs, windowUs);
  checkInteger("maxResults", maxResults, 1, MAX_RESULTS_LIMIT);
  if (minRssi !== undefined && !(minRssi >= -127 && minRssi <= 20)) {
    throw new RangeError(`minRssi ${minRssi} is out of range: -127 to 20 dBm`);
  }
  checkFilter("services", services, UUID, "UUIDs");
  checkFilter("devices", devices, Device, "Devices");
  if (duplicates !== "packets" && typeof duplicates !== "boolean")
    throw new TypeError('scan: duplicates is true, false or "packets"');
  if (manufacturer) checkManufacturer(manufacturer);
}

/** @throws TypeError for what is none of these; RangeError for an empty one: the scan would be for nobody. */
function checkFilter(
  name: string,
  list: readonly unknown[] | undefined,
  kind: typeof UUID | typeof Device,
  plural: string,
): void {
  if (list === undefined) return;
  if (!list.every((each) => each instanceof kind))
    throw new TypeError(`scan: ${name} is an array of ${plural}`);
  if (list.length === 0)
    throw new RangeError(`scan: ${name} is empty, so that no device passes: leave it out for all`);
}

function checkManufacturer({ companyId, data, mask }: ManufacturerFilter): void {
  checkInteger("manufacturer.companyId", companyId, 0, 0xffff);
  if (mask && mask.length !== data?.length) {
    throw new RangeError("manufacturer.mask has as many bytes as manufacturer.data");
  }
}

function passes(result: ScanResult, filters: ScanFilters): boolean {
  const { manufacturer, minRssi, name, services } = filters;
  if (minRssi !== undefined && !(result.rssi !== undefined && result.rssi >= minRssi)) return false;
  if (name !== undefined && result.name() !== name) return false;
  if (services && !services.some((uuid) => result.hasService(uuid))) return false;
  return !manufacturer || matches(result, manufacturer);
}

function matches(result: ScanResult, { companyId, data: wanted, mask }: ManufacturerFilter): boolean {
  return result.manufacturer(companyId).some(([, data]) => {
    if (!wanted) return true;
    if (data.length < wanted.length) return false;
    return wanted.every((byte, at) => ((byte ^ data[at]!) & (mask?.[at] ?? 0xff)) === 0);
  });
}

/** A number of its own for each address and its type. */
function keyOf({ address: a, addressType }: Identity): number {
  const high = ((addressType & 1) << 24) | (a[0]! << 16) | (a[1]! << 8) | a[2]!;
  return high * 0x1000000 + ((a[3]! << 16) | (a[4]! << 8) | a[5]!);
}

/**
 * A scan, from `scan`. It begins with the first step of the loop, and ends when the loop is left, or with the `await
 * using` block.
 */
export class Scan implements AsyncIterableIterator<ScanResult>, ScanOwner {
  /** Devices that were heard and forgotten before they were taken. */
  dropped = 0;
  private readonly core: Core;
  private readonly options: ScanOptions;
  private readonly stream: Stream<Known>;
  /** By their addresses; the one that was heard last is the last. */
  private readonly known = new Map<number, Known>();
  private begun = false;
  private timer: Timer;
  private readonly onAbort = (): void => this.stream.end({ error: this.options.signal!.reason });

  /** Not for applications: `scan` makes it. */
  constructor(core: Core, options: ScanOptions) {
    check(options);
    this.core = core;
    this.options = options;
    this.stream = new Stream<Known>({
      onTaken(known) {
        known.isQueued = false;
      },
      onEnd: () => this.end(),
    });
  }

  /** Not for applications, whose loop calls it: the next device, the same object as before when it has news. */
  async next(): Promise<IteratorResult<ScanResult>> {
    if (!this.begun) this.begin();
    const step = await this.stream.next();
    return step.done ? { value: undefined, done: true } : { value: step.value.result, done: false };
  }

  /** Ends the scan: the loop is over once this step is; done when the controller has stopped. */
  async cancel(): Promise<void> {
    this.begun = true;
    await this.stream.return();
  }

  /** Not for applications: a loop that is left calls it. */
  async return(): Promise<IteratorResult<ScanResult>> {
    await this.cancel();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }

  private begin(): void {
    this.begun = true;
    const { signal } = this.options;
    if (signal?.aborted) return this.onAbort();
    signal?.addEventListener("abort", this.onAbort);
    this.start().catch((error: unknown) => this.onEnded(error));
  }

  private async start(): Promise<void> {
    const { host } = this.core;
    const { durationMs = 0, intervalUs = INTERVAL_US, windowUs = WINDOW_US, active = false } = this.options;
    const { devices } = this.options;
    await host.activate();
    if (this.stream.isEnded) return;
    const listed = devices?.map(({ addrType, addr }) => ({ addressType: addrType, address: addr }));
    const parameters = { intervalUs, windowUs, active, devices: listed };
    await host.scanner!.start(parameters, this);
    if (durationMs > 0 && !this.stream.isEnded) {
      this.timer = this.core.clock.setTimer(() => {
        this.timer = undefined;
        this.stream.end();
      }, durationMs);
    }
  }

  /** The stream has ended, however. */
  private async end(): Promise<void> {
    const { host } = this.core;
    this.options.signal?.removeEventListener("abort", this.onAbort);
    if (this.timer !== undefined) this.core.clock.clearTimer(this.timer);
    this.timer = undefined;
    await host.scanner!.stop(this).catch((error: unknown) => host.log("warning", `aioble: ${textOf(error)}`));
  }

  /** Not for applications: the host calls it. */
  onEnded(error: unknown): void {
    // `stop()` ends the loop, as it does aioble's.
    if (error instanceof BleError && error.code === "radio-off") this.stream.end();
    else this.stream.end({ error });
  }

  /** Not for applications: the host calls it. */
  onReport(report: AdvertisingReport): void {
    const { host } = this.core;
    const identity = host.identities.of(report);
    const key = keyOf(identity);
    const found = this.known.get(key);
    const known = found ?? {
      key,
      result: new ScanResult(this.core.deviceAt(identity, report)),
      isQueued: false,
      wasYielded: false,
      unanswered: 0,
    };
    const { device } = known.result;
    if (identity !== report && !device.isOnAirAt(report.address)) {
      known.result.device = this.core.deviceAt(identity, report);
    }
    const isNews = known.result.update(report);
    // Behind all others: the first is the one that was not heard for the longest time.
    if (found) this.known.delete(key);
    this.known.set(key, known);
    if (!found) this.forgetOldest();
    if (known.isQueued || !passes(known.result, this.options)) return;
    const { duplicates = true } = this.options;
    if (duplicates === false ? !this.isDue(known, report) : !isNews && duplicates === true) return;
    known.wasYielded = true;
    const before = this.stream.size;
    this.stream.push(known);
    known.isQueued = this.stream.size > before;
  }

  /**
   * Whether a device that is to be yielded once is to be yielded now: in an active scan with its scan response, or when
   * that has been missed twice.
   */
  private isDue(known: Known, { eventType }: AdvertisingReport): boolean {
    if (known.wasYielded) return false;
    const isScannable = eventType === REPORT.ADV_IND || eventType === REPORT.ADV_SCAN_IND;
    if (!this.options.active || !isScannable || known.result.respData) return true;
    return ++known.unanswered > 2;
  }

  private forgetOldest(): void {
    if (this.known.size <= (this.options.maxResults ?? MAX_RESULTS)) return;
    const [oldest] = this.known.values();
    this.known.delete(oldest!.key);
    if (!oldest!.isQueued) return;
    this.stream.discard((known) => known === oldest);
    if (this.dropped++ === 0) {
      this.core.host.log(
        "warning",
        "aioble: more devices than maxResults: the scan forgets some before they are taken",
      );
    }
  }
}
