/** What `DeviceConnection` can ask of its link: parameters, PHY, data length, signal strength. */

import type { DataLength, LinkParameters } from "../ble/gap/connection.ts";
import { type LinkControl, PHY } from "../ble/gap/link-control.ts";
import { checkParameterRange, type ParameterRange } from "../ble/gap/parameter-range.ts";
import type { ParameterUpdate } from "../ble/gap/parameter-updates.ts";
import { checkInteger, checkKeys, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { shown } from "../ble/text.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { checkWait, NO_LIMITS, type WaitOptions } from "./wait.ts";

/** Connection parameters that are wanted. What is left out stays as it is. */
export interface ParameterOptions extends WaitOptions {
  /** Bounds of the connection interval, 7,500 to 4,000,000 microseconds. */
  readonly minConnIntervalUs?: number;
  readonly maxConnIntervalUs?: number;
  /** Connection events that the peripheral may skip, 0 to 499. */
  readonly latency?: number;
  /** How long the link survives silence, 100 to 32,000 milliseconds: more than 2 · (1 + latency) intervals. */
  readonly supervisionTimeoutMs?: number;
}

/** How bits are modulated: 1 or 2 million symbols a second, or 1 million and coded for range (Vol 6, Part A, 1.1). */
export type Phy = "1M" | "2M" | "coded";

/** The PHYs of a link. */
export interface LinkPhys {
  /** For what this side sends. */
  readonly tx: Phy;
  /** For what the peer sends. */
  readonly rx: Phy;
}

/** Codings of the coded PHY (Vol 6, Part A, 1.1): S=2 carries 500 kb/s, S=8 carries 125 kb/s, and farther. */
export type Coding = "S=2" | "S=8";

/** PHYs that are wanted, one or several; left out: any. */
export interface PhyOptions extends WaitOptions {
  readonly tx?: Phy | readonly Phy[];
  readonly rx?: Phy | readonly Phy[];
  /** What this side's controller is to use where it sends coded (Vol 4, Part E, 7.8.49); left out: what it likes. */
  readonly coding?: Coding;
}

/** PHY_Options. */
const CODINGS: readonly (Coding | undefined)[] = [undefined, "S=2", "S=8"];

/** How long this side's packets may be. */
export interface DataLengthOptions extends WaitOptions {
  /** Bytes of data, 27 to 251: 251 when left out. */
  readonly txOctets?: number;
  /** Microseconds on the air, 328 to 17,040: what `txOctets` take on the 1M PHY when left out. */
  readonly txTimeUs?: number;
}

const PARAMETER_KEYS: OptionKeys<ParameterOptions> = {
  ...WAIT_KEYS,
  minConnIntervalUs: "number",
  maxConnIntervalUs: "number",
  latency: "number",
  supervisionTimeoutMs: "number",
};
const PHY_KEYS: OptionKeys<PhyOptions> = { ...WAIT_KEYS, tx: true, rx: true, coding: true };
const DATA_LENGTH_KEYS: OptionKeys<DataLengthOptions> = {
  ...WAIT_KEYS,
  txOctets: "number",
  txTimeUs: "number",
};

/** Says whether a peer gets the parameters that it asks for. It is asked at once, and should not take long. */
export type ParameterPolicy = (connection: DeviceConnection, wanted: ParameterRange) => boolean;

const PHY_NAMES: readonly (readonly [name: Phy, number: number])[] = [
  ["1M", PHY.LE_1M],
  ["2M", PHY.LE_2M],
  ["coded", PHY.LE_CODED],
];

function phyName(number: number): Phy {
  return PHY_NAMES.find(([, own]) => own === number)?.[0] ?? "1M";
}

/** @throws TypeError for what is no PHY; RangeError for none, which the command has no way to say (Vol 4, Part E, 7.8.49). */
function phyMask(way: "tx" | "rx", wanted: Phy | readonly Phy[] | undefined): number {
  if (wanted?.length === 0)
    throw new RangeError(`setPhy: ${way} is empty: name a PHY, or leave it out for any`);
  let mask = 0;
  for (const name of Array.isArray(wanted) ? wanted : wanted === undefined ? [] : [wanted]) {
    const found = PHY_NAMES.find(([own]) => own === name);
    if (!found) throw new TypeError(`there is no PHY ${shown(name)}: "1M", "2M" or "coded"`);
    mask |= 1 << (found[1] - 1);
  }
  return mask;
}

/** @throws RangeError for the first option that is wrong. */
function rangeOf(options: ParameterOptions, now: LinkParameters): ParameterRange {
  const { minConnIntervalUs, maxConnIntervalUs } = options;
  const range = {
    minIntervalUs: minConnIntervalUs ?? Math.min(now.intervalUs, maxConnIntervalUs ?? now.intervalUs),
    maxIntervalUs: maxConnIntervalUs ?? Math.max(now.intervalUs, minConnIntervalUs ?? now.intervalUs),
    latency: options.latency ?? now.latency,
    supervisionTimeoutMs: options.supervisionTimeoutMs ?? now.supervisionTimeoutMs,
  };
  checkParameterRange(range);
  return range;
}

/** What `txOctets` take on the 1M PHY, in microseconds (Vol 6, Part B, 4.5.10). */
function timeOf(txOctets: number): number {
  return (txOctets + 14) * 8;
}

/** Asks the controller for what connections want of their links. */
export class LinkRequests {
  private readonly core: Core;
  private readonly control: LinkControl;

  constructor(core: Core, control: LinkControl) {
    this.core = core;
    this.control = control;
  }

  /** See `setParameterPolicy` of the module. */
  setPolicy(policy: ParameterPolicy | undefined): void {
    if (policy !== undefined && typeof policy !== "function")
      throw new TypeError("setParameterPolicy takes a function, or undefined for the default");
    this.control.parameters.policy = (link, wanted) => {
      const connection = this.core.connectionOf(link);
      return !policy || (connection !== undefined && policy(connection, wanted));
    };
  }

  /** See `DeviceConnection.updateParameters`. */
  async updateParameters(connection: DeviceConnection, options: ParameterOptions): Promise<LinkParameters> {
    checkKeys("updateParameters", options, PARAMETER_KEYS);
    const { link, scope } = connection;
    const { parameters } = this.control;
    const range = rangeOf(options, link.parameters);
    let update: ParameterUpdate | undefined;
    return scope.wait<LinkParameters>(
      options,
      (pending) => {
        update = parameters.begin(link, range, {
          onUpdated: () => pending.resolve(link.parameters),
          onFailed: (error) => pending.reject(error),
        });
      },
      () => {
        if (update) parameters.giveUp(update);
      },
    );
  }

  /** See `DeviceConnection.readRssi`. */
  readRssi(connection: DeviceConnection, options: WaitOptions): Promise<number | undefined> {
    checkWait("readRssi", options);
    return this.ask(connection, options, () => this.control.readRssi(connection.link));
  }

  /** See `DeviceConnection.readPhy`. */
  readPhy(connection: DeviceConnection, options: WaitOptions): Promise<LinkPhys> {
    checkWait("readPhy", options);
    return this.ask(connection, options, async () => {
      const { tx, rx } = await this.control.readPhy(connection.link);
      return { tx: phyName(tx), rx: phyName(rx) };
    });
  }

  /** See `DeviceConnection.setPhy`. */
  async setPhy(connection: DeviceConnection, options: PhyOptions): Promise<LinkPhys> {
    checkKeys("setPhy", options, PHY_KEYS);
    const [wantedTx, wantedRx] = [phyMask("tx", options.tx), phyMask("rx", options.rx)];
    const coding = CODINGS.indexOf(options.coding);
    if (coding < 0) throw new TypeError(`there is no coding ${shown(options.coding)}: "S=2" or "S=8"`);
    return this.ask(connection, options, async () => {
      const { tx, rx } = await this.control.setPhy(connection.link, wantedTx, wantedRx, coding);
      return { tx: phyName(tx), rx: phyName(rx) };
    });
  }

  /** See `DeviceConnection.setDataLength`. */
  async setDataLength(connection: DeviceConnection, options: DataLengthOptions): Promise<DataLength> {
    checkKeys("setDataLength", options, DATA_LENGTH_KEYS);
    const { txOctets = 251 } = options;
    checkInteger("txOctets", txOctets, 27, 251);
    const { txTimeUs = timeOf(txOctets) } = options;
    checkInteger("txTimeUs", txTimeUs, 328, 17_040);
    return this.ask(connection, options, async () => {
      await this.control.setDataLength(connection.link, txOctets, txTimeUs);
      return connection.dataLength;
    });
  }

  /** A wait on the connection for what `work` resolves with. */
  private ask<T>(
    { scope }: DeviceConnection,
    options: WaitOptions = NO_LIMITS,
    work: () => Promise<T>,
  ): Promise<T> {
    return scope.wait<T>(options, (pending) => {
      work().then(
        (value) => pending.resolve(value),
        (error: unknown) => pending.reject(error),
      );
    });
  }
}
