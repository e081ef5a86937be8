/** Legacy advertising (Vol 4, Part E, 7.8.5 to 7.8.9; Vol 3, Part C, 9.2 and 9.3). */
import { HciError } from "../errors.ts";
import {
  leSetAdvertisingData,
  leSetAdvertisingEnable,
  leSetAdvertisingParameters,
  leSetScanResponseData,
} from "../hci/commands/le-advertising.ts";
import { leReadSupportedStates } from "../hci/commands/le-controller.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import { ADDRESS_TYPE } from "./address.ts";
import { ADVERTISING_DATA_LENGTH } from "./advertising-data.ts";
import type { AddressUser, OwnAddress, OwnAddresses } from "./own-address.ts";

/** Range of Advertising_Interval: 20 ms to 10.24 s (Vol 4, Part E, 7.8.5). */
export const ADVERTISING_INTERVAL_MIN_US = 20_000;
export const ADVERTISING_INTERVAL_MAX_US = 10_240_000;
/** Shortest interval that a controller before 5.0 takes for advertising that nobody can connect to. */
export const SLOW_INTERVAL_MIN_US = 100_000;
/** How long high duty cycle directed advertising lasts (Vol 6, Part B, 4.4.2.4.3). */
export const HIGH_DUTY_MS = 1280;
/** Unit of Advertising_Interval. */
const INTERVAL_UNIT_US = 625;

/** Advertising_Type (Vol 4, Part E, 7.8.5). */
const TYPE = { IND: 0, DIRECT_HIGH_DUTY: 1, SCAN_IND: 2, NONCONN_IND: 3, DIRECT_LOW_DUTY: 4 } as const;
const ALL_CHANNELS = 0x07;
/** Core 5.0 as HCI_Version (Assigned Numbers, 2.1). */
const VERSION_5_0 = 9;

/** Bit of LE_States for the connection state in the peripheral role (Vol 4, Part E, 7.8.27). */
const STATE_PERIPHERAL = 7;
/** Bits for that state together with advertising, by Advertising_Type. */
const STATES_BESIDE_LINK: readonly number[] = [38, 39, 21, 20, 40];

export interface AdvertisingParameters {
  /** Microseconds, 20,000 to 10,240,000; rounded down to 625. */
  readonly intervalUs: number;
  readonly connectable: boolean;
  /** Only this device may connect; such packets carry no data. */
  readonly directedTo?: { readonly addressType: number; readonly address: Uint8Array };
  /** Directed advertising as fast as the controller can, whatever the interval, for `HIGH_DUTY_MS`. */
  readonly highDuty?: boolean;
  /** At most 31 bytes each. */
  readonly advData: Uint8Array;
  readonly respData: Uint8Array;
}

/** What the advertiser is handed. */
export interface AdvertiserPort {
  readonly hci: Hci;
  /** The links that are up. */
  readonly links: { readonly size: number };
  readonly addresses: OwnAddresses;
  /** Which own address the next start uses. */
  readonly settings: { readonly addrMode: number };
  /** The controller refused to go on with an advertisement; `start` has resolved before. */
  onLost(error: unknown): void;
}

/** @throws RangeError when no controller takes this interval. */
export function checkInterval(intervalUs: number): void {
  if (!(intervalUs >= ADVERTISING_INTERVAL_MIN_US && intervalUs <= ADVERTISING_INTERVAL_MAX_US)) {
    throw new RangeError(
      `intervalUs ${intervalUs} is out of range: 20,000 (20 ms) to 10,240,000 (10.24 s) microseconds`,
    );
  }
}

export class Advertiser implements AddressUser {
  private readonly port: AdvertiserPort;
  private readonly hci: Hci;
  private parameters: AdvertisingParameters | undefined;
  /** Counts starts and ends: what waits for its turn gives up when it is not the latest. */
  private session = 0;
  /** Whether the controller was last told to advertise, and how. */
  private onAir = false;
  private type: number = TYPE.IND;
  /** Whether the controller may have a scan response: it would keep that of an earlier start. */
  private hasResponse = true;
  /** LE_States; read once, when advertising first meets a link. */
  private states: Uint8Array | undefined = undefined;
  /** HCI_Version of the controller. */
  private hciVersion = VERSION_5_0;
  /** The own address under which the controller advertises, or last did. */
  ownAddress: OwnAddress = { type: ADDRESS_TYPE.PUBLIC };
  /** Off the air while the address changes. */
  private suspended = false;
  /** The module whose advertisement this is: those that share the advertiser ask before they take it. */
  owner: unknown = undefined;

  constructor(port: AdvertiserPort) {
    this.port = port;
    this.hci = port.hci;
    port.addresses.join(this);
  }

  /** The controller was started: its HCI_Version. What was known of the one before is forgotten. */
  begin(hciVersion: number): void {
    this.hciVersion = hciVersion;
    this.onAir = false;
    this.suspended = false;
    this.states = undefined;
  }

  /** Whether the controller advertises, or will as soon as the commands on their way are through. */
  get advertising(): boolean {
    return this.parameters !== undefined;
  }

  /**
   * Sets parameters and data and switches advertising on.
   * @throws RangeError for an interval or data out of range, HciError when the controller refuses: with the code
   * `advertising-while-connected` when it cannot do so beside the links that are up, `too-many-connections` when it has
   * no room for another link.
   */
  start(parameters: AdvertisingParameters): Promise<void> {
    this.check(parameters);
    this.parameters = parameters;
    const session = ++this.session;
    return this.port.addresses.exclusive(async () => {
      try {
        await this.enable(session);
      } catch (error) {
        if (session === this.session) this.parameters = undefined;
        throw error;
      }
    });
  }

  /** Switches advertising off; done when the controller says so. */
  stop(): Promise<void> {
    this.parameters = undefined;
    this.session++;
    return this.port.addresses.exclusive(() => this.disable());
  }

  /** Advertising is over without a command: the radio is off, or a central connected. It is not resumed. */
  forget(): void {
    this.parameters = undefined;
    this.session++;
    this.onAir = false;
  }

  /** A central connected: that ends connectable advertising (Vol 6, Part B, 4.4.2.3), and no other. */
  connected(): void {
    if (!this.parameters || this.parameters.connectable) this.forget();
  }

  /** High duty cycle directed advertising had its time. Returns false when that is not what runs. */
  expired(): boolean {
    if (!this.parameters?.highDuty) return false;
    this.forget();
    return true;
  }

  /** Goes on with another interval, if the advertisement still runs. */
  slowDown(intervalUs: number): Promise<void> {
    return this.parameters ? this.start({ ...this.parameters, intervalUs }) : Promise.resolve();
  }

  /**
   * Changes the data of the advertisement that runs. It stays on the air, unless it comes to have, or to lack, a scan
   * response that nobody may connect to: that is another Advertising_Type, for which it pauses for a moment.
   * @throws RangeError for more than 31 bytes, HciError when the controller refuses.
   */
  update(advData: Uint8Array, respData: Uint8Array): Promise<void> {
    const current = this.parameters;
    if (!current) return Promise.resolve();
    const parameters = { ...current, advData, respData };
    this.check(parameters);
    this.parameters = parameters;
    const { session } = this;
    return this.port.addresses.exclusive(async () => {
      if (this.parameters !== parameters) return; // Superseded, or over.
      if (typeOf(parameters) === this.type) return this.setData(parameters);
      try {
        await this.enable(session);
      } catch (error) {
        // A controller that is lost meanwhile goes on when it is back; one that refuses does not.
        if (session === this.session && isRefusal(error)) this.parameters = undefined;
        throw error;
      }
    });
  }

  /** The radio was started again: goes on where it was. */
  restart(): Promise<void> {
    const parameters = this.parameters;
    return parameters ? this.start(parameters) : Promise.resolve();
  }

  /** For `OwnAddresses`: off the air while the address changes. */
  async suspend(): Promise<void> {
    if (!this.onAir) return;
    await this.disable();
    this.suspended = true;
  }

  /** For `OwnAddresses`: on the air again, when it is still to be there. */
  async resume(): Promise<void> {
    if (!this.suspended) return;
    this.suspended = false;
    if (!this.parameters) return;
    this.onAir = true;
    try {
      await this.hci.send(leSetAdvertisingEnable, { advertisingEnable: 1 });
    } catch (error) {
      this.onAir = false;
      if (!isRefusal(error)) return; // The controller is lost: `restart` follows.
      this.parameters = undefined;
      this.port.onLost(error);
    }
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

  private async enable(session: number): Promise<void> {
    await this.disable(); // Parameters may not change while advertising (Vol 4, Part E, 7.8.5).
    if (session !== this.session) return;
    const links = this.port.links.size;
    try {
      await this.sendStart(session);
    } catch (error) {
      this.onAir = false;
      throw links > 0 ? besideLinks(error, links) : error;
    }
    if (session !== this.session && !this.onAir) {
      // A central came while Enable was on its way: perhaps of the advertisement before, and this one runs.
      this.onAir = true;
      await this.disable();
    }
  }

  /** Gives up when its session is over. A change meanwhile waits for its turn. */
  private async sendStart(session: number): Promise<void> {
    const parameters = this.parameters!;
    const { intervalUs, directedTo, connectable } = parameters;
    const { addresses, settings } = this.port;
    const own = addresses.forAdvertising(settings.addrMode, connectable);
    const interval = Math.floor(intervalUs / INTERVAL_UNIT_US);
    const type = typeOf(parameters);
    if (this.port.links.size > 0) await this.checkStates(type);
    await addresses.apply(own, this);
    await this.hci.send(leSetAdvertisingParameters, {
      advertisingIntervalMin: interval,
      advertisingIntervalMax: interval,
      advertisingType: type,
      ownAddressType: own.type,
      peerAddressType: directedTo ? directedTo.addressType : ADDRESS_TYPE.PUBLIC,
      peerAddress: directedTo ? directedTo.address : new Uint8Array(6),
      advertisingChannelMap: ALL_CHANNELS,
      advertisingFilterPolicy: 0,
    });
    this.hasResponse = true;
    if (!directedTo) await this.setData(parameters);
    if (session !== this.session) return;
    this.type = type;
    this.ownAddress = own;
    this.onAir = true;
    await this.hci.send(leSetAdvertisingEnable, { advertisingEnable: 1 });
  }

  /** @throws HciError when the controller says that it cannot advertise so while a device is connected. */
  private async checkStates(type: number): Promise<void> {
    if (!this.states) {
      // One that does not know the command is tried out.
      const { leStates } = await this.hci.send(leReadSupportedStates, {}).catch((error: unknown) => {
        if (error instanceof HciError && error.code === "controller-refused") return { leStates: NO_STATES };
        throw error;
      });
      this.states = leStates;
    }
    // Where even the peripheral's own state is missing, nobody filled them in.
    if (hasBit(this.states, STATE_PERIPHERAL) && !hasBit(this.states, STATES_BESIDE_LINK[type]!)) {
      throw new HciError("controller-refused", "", HCI_STATUS.COMMAND_DISALLOWED);
    }
  }

  private async setData({ advData, respData }: AdvertisingParameters): Promise<void> {
    await this.hci.send(leSetAdvertisingData, {
      advertisingDataLength: advData.length,
      advertisingData: advData,
    });
    if (!this.hasResponse && respData.length === 0) return;
    await this.hci.send(leSetScanResponseData, {
      scanResponseDataLength: respData.length,
      scanResponseData: respData,
    });
    this.hasResponse = respData.length > 0;
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
}

/** Whether the controller answered, and said no. */
function isRefusal(error: unknown): boolean {
  return error instanceof HciError && error.status !== HCI_STATUS.SUCCESS;
}

const NO_STATES = new Uint8Array(8);

function hasBit(states: Uint8Array, bit: number): boolean {
  return ((states[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

function typeOf({ connectable, directedTo, highDuty, respData }: AdvertisingParameters): number {
  if (directedTo) return highDuty ? TYPE.DIRECT_HIGH_DUTY : TYPE.DIRECT_LOW_DUTY;
  if (connectable) return TYPE.IND;
  return respData.length > 0 ? TYPE.SCAN_IND : TYPE.NONCONN_IND;
}

/** What a refusal means while devices are connected. */
function besideLinks(error: unknown, links: number): unknown {
  if (!(error instanceof HciError)) return error;
  const { status } = error;
  if (status === HCI_STATUS.COMMAND_DISALLOWED) {
    return new HciError(
      "advertising-while-connected",
      "This Bluetooth controller cannot advertise while a device is connected: wait until it leaves, or use connections(), which does.",
      status,
    );
  }
  if (
    status === HCI_STATUS.CONNECTION_LIMIT_EXCEEDED ||
    status === HCI_STATUS.REJECTED_LIMITED_RESOURCES ||
    status === HCI_STATUS.MEMORY_CAPACITY_EXCEEDED
  ) {
    return new HciError(
      "too-many-connections",
      `The Bluetooth controller has no room for more than the ${links} devices that are connected: ${statusText(status)}.`,
      status,
    );
  }
  return error;
}
