/** Legacy advertising (Vol 4, Part E, 7.8.5 to 7.8.9; Vol 3, Part C, 9.2 and 9.3). */
import { HciError } from "../errors.ts";
import {
  leSetAdvertisingData,
  leSetAdvertisingEnable,
  leSetAdvertisingParameters,
  leSetScanResponseData,
} from "../hci/commands.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS } from "../hci/status.ts";
import { ADDRESS_TYPE } from "./address.ts";
import { ADVERTISING_DATA_LENGTH } from "./advertising-data.ts";

/** Range of Advertising_Interval: 20 ms to 10.24 s (Vol 4, Part E, 7.8.5). */
export const ADVERTISING_INTERVAL_MIN_US = 20_000;
export const ADVERTISING_INTERVAL_MAX_US = 10_240_000;
/** Shortest interval that a controller before 5.0 takes for advertising that nobody can connect to. */
export const SLOW_INTERVAL_MIN_US = 100_000;
/** Unit of Advertising_Interval. */
const INTERVAL_UNIT_US = 625;

/** Advertising_Type (Vol 4, Part E, 7.8.5). */
const ADV_IND = 0x00;
const ADV_DIRECT_IND_LOW_DUTY = 0x04;
const ADV_SCAN_IND = 0x02;
const ADV_NONCONN_IND = 0x03;
const ALL_CHANNELS = 0x07;
/** Core 5.0 as HCI_Version (Assigned Numbers, 2.1). */
const VERSION_5_0 = 9;

export interface AdvertisingParameters {
  /** Microseconds, 20,000 to 10,240,000; rounded down to 625. */
  readonly intervalUs: number;
  readonly connectable: boolean;
  /** Only this device may connect; such packets carry no data. */
  readonly directedTo?: { readonly addressType: number; readonly address: Uint8Array };
  /** At most 31 bytes each. */
  readonly advData: Uint8Array;
  readonly respData: Uint8Array;
}

/** @throws RangeError when no controller takes this interval. */
export function checkInterval(intervalUs: number): void {
  if (!(intervalUs >= ADVERTISING_INTERVAL_MIN_US && intervalUs <= ADVERTISING_INTERVAL_MAX_US)) {
    throw new RangeError(
      `intervalUs ${intervalUs} is out of range: 20,000 (20 ms) to 10,240,000 (10.24 s) microseconds`,
    );
  }
}

export class Advertiser {
  private readonly hci: Hci;
  private parameters: AdvertisingParameters | undefined;
  /** Operations wait for each other: two starts must not interleave their commands. */
  private last: Promise<void> = Promise.resolve();
  /** Whether the controller was last told to advertise. */
  private onAir = false;
  /** HCI_Version of the controller. */
  hciVersion = VERSION_5_0;
  /** The module that started the last advertisement, and gets the connection that ends it. */
  owner: unknown = undefined;

  constructor(hci: Hci) {
    this.hci = hci;
  }

  /** Whether the controller advertises, or will as soon as the commands on their way are through. */
  get advertising(): boolean {
    return this.parameters !== undefined;
  }

  /**
   * Sets parameters and data and switches advertising on.
   * @throws RangeError for an interval or data out of range, HciError when the controller refuses.
   */
  start(parameters: AdvertisingParameters): Promise<void> {
    this.check(parameters);
    this.parameters = parameters;
    return this.queue(async () => {
      try {
        await this.enable(parameters);
      } catch (error) {
        if (this.parameters === parameters) this.parameters = undefined;
        throw error;
      }
    });
  }

  /** Switches advertising off; done when the controller says so. */
  stop(): Promise<void> {
    this.parameters = undefined;
    return this.queue(() => this.disable());
  }

  /**
   * Advertising has ended without a command: a central connected (Vol 6, Part B, 4.4.2.3), or the radio is off. It is
   * not resumed.
   */
  forget(): void {
    this.parameters = undefined;
    this.onAir = false;
  }

  /** Goes on with another interval, if the advertisement still runs. */
  slowDown(intervalUs: number): Promise<void> {
    return this.parameters ? this.start({ ...this.parameters, intervalUs }) : Promise.resolve();
  }

  /**
   * Changes the data of the advertisement that runs, without taking it off the air.
   * @throws RangeError for more than 31 bytes, HciError when the controller refuses.
   */
  update(advData: Uint8Array, respData: Uint8Array): Promise<void> {
    const current = this.parameters;
    if (!current) return Promise.resolve();
    const parameters = { ...current, advData, respData };
    this.check(parameters);
    this.parameters = parameters;
    return this.queue(async () => {
      if (this.onAir && this.parameters === parameters) await this.setData(parameters);
    });
  }

  /** The radio was started again: goes on where it was. */
  resume(): Promise<void> {
    this.onAir = false;
    const parameters = this.parameters;
    return parameters ? this.start(parameters) : Promise.resolve();
  }

  private check(parameters: AdvertisingParameters): void {
    const { intervalUs, connectable, advData, respData } = parameters;
    checkInterval(intervalUs);
    if (!connectable && intervalUs < SLOW_INTERVAL_MIN_US && this.hciVersion < VERSION_5_0) {
      throw new RangeError(
        `intervalUs ${intervalUs} is out of range: this controller needs 100,000 (100 ms) or more when not connectable`,
      );
    }
    for (const [name, data] of [
      ["advData", advData],
      ["respData", respData],
    ] as const) {
      if (data.length > ADVERTISING_DATA_LENGTH) {
        throw new RangeError(`${name} has ${data.length} bytes; an advertising packet holds 31`);
      }
    }
  }

  private async enable(parameters: AdvertisingParameters): Promise<void> {
    const { intervalUs, connectable, directedTo, respData } = parameters;
    const interval = Math.floor(intervalUs / INTERVAL_UNIT_US);
    const scannable = respData.length > 0 ? ADV_SCAN_IND : ADV_NONCONN_IND;
    const undirected = connectable ? ADV_IND : scannable;
    await this.disable(); // Parameters may not change while advertising (Vol 4, Part E, 7.8.5).
    await this.hci.send(leSetAdvertisingParameters, {
      advertisingIntervalMin: interval,
      advertisingIntervalMax: interval,
      advertisingType: directedTo ? ADV_DIRECT_IND_LOW_DUTY : undirected,
      ownAddressType: ADDRESS_TYPE.RANDOM,
      peerAddressType: directedTo ? directedTo.addressType : ADDRESS_TYPE.PUBLIC,
      peerAddress: directedTo ? directedTo.address : new Uint8Array(6),
      advertisingChannelMap: ALL_CHANNELS,
      advertisingFilterPolicy: 0,
    });
    if (!directedTo) await this.setData(parameters);
    if (this.parameters !== parameters) return; // Stopped, or a connection came, meanwhile.
    this.onAir = true;
    await this.hci.send(leSetAdvertisingEnable, { advertisingEnable: 1 });
  }

  private async setData({ advData, respData }: AdvertisingParameters): Promise<void> {
    await this.hci.send(leSetAdvertisingData, {
      advertisingDataLength: advData.length,
      advertisingData: advData,
    });
    // Sent even when empty: the controller would keep the response of an earlier start.
    await this.hci.send(leSetScanResponseData, {
      scanResponseDataLength: respData.length,
      scanResponseData: respData,
    });
  }

  private async disable(): Promise<void> {
    if (!this.onAir) return;
    try {
      await this.hci.send(leSetAdvertisingEnable, { advertisingEnable: 0 });
    } catch (error) {
      // A connection may have ended it meanwhile; some controllers refuse to stop what does not run.
      if (!(error instanceof HciError) || error.status !== HCI_STATUS.COMMAND_DISALLOWED) throw error;
    }
    this.onAir = false;
  }

  private queue(operation: () => Promise<void>): Promise<void> {
    const run = this.last.then(operation);
    this.last = run.catch(() => {});
    return run;
  }
}
