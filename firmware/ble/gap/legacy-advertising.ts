/** The controller's one legacy advertisement (Vol 4, Part E, 7.8.5 to 7.8.9): its commands, and what is known of it. */
import { HciError } from "../errors.ts";
import {
  leSetAdvertisingData,
  leSetAdvertisingEnable,
  leSetAdvertisingParameters,
  leSetScanResponseData,
} from "../hci/commands/le-advertising.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import { ADDRESS_TYPE, type ListedDevice } from "./address.ts";
import type { AdvertisingParameters } from "./advertising-set.ts";
import type { AddressUser, OwnAddress, OwnAddresses } from "./own-address.ts";
import {
  excludedBy,
  isLink,
  type LeState,
  type StateUser,
  type SupportedStates,
} from "./supported-states.ts";

/** Unit of Advertising_Interval. */
const INTERVAL_UNIT_US = 625;
/** Advertising_Type (Vol 4, Part E, 7.8.5). */
const TYPE = { IND: 0, DIRECT_HIGH_DUTY: 1, SCAN_IND: 2, NONCONN_IND: 3, DIRECT_LOW_DUTY: 4 } as const;
const ALL_CHANNELS = 0x07;
/** Added to Own_Address_Type: the address is made by the resolving list, and is that of the type where it makes none. */
const RESOLVED = 2;

/** What the controller is at, by Advertising_Type. */
const STATES: readonly LeState[] = [
  "connectableAdvertising",
  "highDutyAdvertising",
  "scannableAdvertising",
  "nonConnectableAdvertising",
  "lowDutyAdvertising",
];

/** What legacy advertising is handed. */
export interface LegacyAdvertisingPort {
  readonly hci: Hci;
  /** The links that are up. */
  readonly links: { readonly size: number };
  readonly addresses: OwnAddresses;
  readonly states: SupportedStates;
  /** Which own address the next start uses. */
  readonly settings: { readonly addrMode: number };
}

/** Whose advertisement it is. */
export interface LegacyAdvertisement {
  /** What is to be on the air; undefined: nothing any more. */
  readonly parameters: AdvertisingParameters | undefined;
  /** The controller refused to go on after a change of the own address. */
  onRefused(error: unknown): void;
}

/** Every operation runs inside `OwnAddresses.exclusive`, so that no two interleave their commands. */
export class LegacyAdvertising<T extends LegacyAdvertisement> implements AddressUser, StateUser {
  private readonly port: LegacyAdvertisingPort;
  /** Whether the controller was last set to advertise, and how. */
  private onAir = false;
  private type: number = TYPE.IND;
  /** Whether the controller makes the address of whom it is for. */
  private isResolved = false;
  /** Off the air while the address changes. */
  private suspended = false;
  /** Whether the controller may have a scan response: it would keep that of an earlier start. */
  private hasResponse = true;
  /** Whose advertisement is, or was last, on the air. */
  latest: T | undefined = undefined;
  private own: OwnAddress = { type: ADDRESS_TYPE.PUBLIC };

  constructor(port: LegacyAdvertisingPort) {
    this.port = port;
    port.addresses.join(this);
    port.states.join(this);
  }

  /** The own address under which the controller advertises, or last did. */
  get ownAddress(): OwnAddress {
    return this.port.addresses.onAir(this.own);
  }

  /** For `OwnAddresses`. */
  get isOnAir(): boolean {
    return this.onAir;
  }

  /** For `SupportedStates`. */
  get state(): LeState | undefined {
    return this.onAir ? STATES[this.type] : undefined;
  }

  /** The controller is another, or was reset: nothing is known of it, and nothing is on the air. */
  reset(): void {
    this.onAir = false;
    this.suspended = false;
    this.hasResponse = true;
    this.port.states.reset();
    this.latest = undefined;
  }

  /** Advertising is over without a command: a central connected, or its time is up. */
  ended(): void {
    this.onAir = false;
  }

  /** Whether these parameters differ from what is on the air in their data alone. */
  isSameKind(parameters: AdvertisingParameters): boolean {
    return typeOf(parameters) === this.type;
  }

  /**
   * Sets the parameters and data of `owner` and switches advertising on, unless `isWanted` says otherwise on the way.
   * @throws HciError when the controller refuses, with the code `advertising-while-connected` or
   * `too-many-connections` where the links that are up are the reason; BleError `controller-busy` where something else is.
   */
  async start(owner: T, isWanted: () => boolean): Promise<void> {
    await this.stop(); // Parameters may not change while advertising (Vol 4, Part E, 7.8.5).
    if (!isWanted()) return;
    const links = this.port.links.size;
    try {
      await this.sendStart(owner, isWanted);
    } catch (error) {
      this.onAir = false;
      throw links > 0 ? besideLinks(error, links) : error;
    }
    if (!isWanted() && !this.onAir) {
      // A central came while Enable was on its way: perhaps of the advertisement before, and this one runs.
      this.onAir = true;
      await this.stop();
    }
  }

  /** A change meanwhile waits for its turn. */
  private async sendStart(owner: T, isWanted: () => boolean): Promise<void> {
    const { addresses, settings } = this.port;
    const parameters = owner.parameters!;
    const { directedTo, connectable } = parameters;
    const own = addresses.forAdvertising(settings.addrMode, connectable);
    const type = typeOf(parameters);
    await this.checkStates(type);
    await addresses.apply(own, this);
    await this.setParameters(parameters, own);
    this.hasResponse = true;
    if (!directedTo) await this.setData(parameters);
    if (!isWanted()) return;
    this.type = type;
    this.own = own;
    this.latest = owner;
    this.onAir = true;
    await this.enable(1);
  }

  /** Whom directed advertising is for, as the controller's resolving list has it; undefined where that has not. */
  private resolvedTarget({ directedTo }: AdvertisingParameters): ListedDevice | undefined {
    const { resolving } = this.port.addresses;
    return directedTo && resolving?.find(directedTo);
  }

  private async setParameters(parameters: AdvertisingParameters, own: OwnAddress): Promise<void> {
    const { hci } = this.port;
    const { directedTo, intervalUs } = parameters;
    const resolved = this.resolvedTarget(parameters);
    const target = resolved ?? directedTo;
    const isResolved = resolved !== undefined;
    const interval = Math.floor(intervalUs / INTERVAL_UNIT_US);
    this.isResolved = isResolved;
    await hci.send(leSetAdvertisingParameters, {
      advertisingIntervalMin: interval,
      advertisingIntervalMax: interval,
      advertisingType: typeOf(parameters),
      // The controller then makes the addresses of both by its resolving list.
      ownAddressType: own.type + (isResolved ? RESOLVED : 0),
      peerAddressType: target ? target.addressType : ADDRESS_TYPE.PUBLIC,
      peerAddress: target ? target.address : new Uint8Array(6),
      advertisingChannelMap: ALL_CHANNELS,
      advertisingFilterPolicy: 0,
    });
  }

  /**
   * @throws HciError when the controller says that it cannot advertise so while a device is connected, BleError
   * `controller-busy` when it says so of what else it is at.
   */
  private async checkStates(type: number): Promise<void> {
    const wanted = STATES[type]!;
    const other = await this.port.states.conflict(wanted);
    if (!other) return;
    if (isLink(other)) throw new HciError("controller-refused", "", HCI_STATUS.COMMAND_DISALLOWED);
    throw excludedBy(wanted, other);
  }

  /** Replaces the data of what is on the air. */
  async setData({ advData, respData }: AdvertisingParameters): Promise<void> {
    const { hci } = this.port;
    await hci.send(leSetAdvertisingData, {
      advertisingDataLength: advData.length,
      advertisingData: advData,
    });
    if (!this.hasResponse && respData.length === 0) return;
    await hci.send(leSetScanResponseData, {
      scanResponseDataLength: respData.length,
      scanResponseData: respData,
    });
    this.hasResponse = respData.length > 0;
  }

  /** Switches advertising off, where it is on. */
  async stop(): Promise<void> {
    if (!this.onAir) return;
    try {
      await this.enable(0);
    } catch (error) {
      // A connection may have ended it meanwhile; some controllers refuse to stop what does not run.
      if (!(error instanceof HciError) || error.status !== HCI_STATUS.COMMAND_DISALLOWED) throw error;
    }
    this.onAir = false;
  }

  /** For `OwnAddresses`. */
  async suspend(): Promise<void> {
    if (!this.onAir) return;
    await this.stop();
    this.suspended = true;
  }

  /** For `OwnAddresses`. */
  async resume(): Promise<void> {
    if (!this.suspended) return;
    this.suspended = false;
    const { latest } = this;
    const parameters = latest?.parameters;
    if (!parameters) return;
    const isResolved = this.resolvedTarget(parameters) !== undefined;
    try {
      if (isResolved !== this.isResolved) await this.setParameters(parameters, this.own);
      this.onAir = true;
      await this.enable(1);
    } catch (error) {
      this.onAir = false;
      // When the controller is lost, it is started again, and advertising with it.
      if (isRefusal(error)) latest.onRefused(error);
    }
  }

  private async enable(advertisingEnable: number): Promise<void> {
    await this.port.hci.send(leSetAdvertisingEnable, { advertisingEnable });
  }
}

/** Whether the controller answered, and said no. */
export function isRefusal(error: unknown): boolean {
  return error instanceof HciError && error.status !== HCI_STATUS.SUCCESS;
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
