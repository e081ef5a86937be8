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
import { type AdvertisingParameters, BONDED_ONLY } from "./advertising-set.ts";
import type { AddressUser, OwnAddress, OwnAddresses } from "./own-address.ts";
import {
  type Activity,
  excludedBy,
  isLink,
  type StateFacts,
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

const ADVERTISING: Activity = {
  verb: "advertise",
  present: "it advertises",
  end: "end advertising first",
};

/** What the controller is at, by Advertising_Type. */
const STATES: readonly StateFacts[] = [
  { name: "connectableAdvertising", activity: ADVERTISING, alone: 2, beside: { peripheral: 38 } },
  { name: "highDutyAdvertising", activity: ADVERTISING, alone: 3, beside: { peripheral: 39 } },
  { name: "scannableAdvertising", activity: ADVERTISING, alone: 1, beside: { peripheral: 21 } },
  { name: "nonConnectableAdvertising", activity: ADVERTISING, alone: 0, beside: { peripheral: 20 } },
  { name: "lowDutyAdvertising", activity: ADVERTISING, alone: 29, beside: { peripheral: 40 } },
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

/** Who may answer an advertisement for bonded devices only. */
export interface AdvertisingFilter {
  /** Whether anybody is bonded who could. */
  readonly hasDevices: boolean;
  /** Whether the accept list is that of an advertisement. */
  readonly isListTaken: boolean;
  /** Whether the accept list is what `engage` would make of it now. */
  readonly isCurrent: boolean;
  /** Connections that `admits` refused. */
  readonly refused: number;
  /**
   * Has the controller's accept list name the bonded devices. False where it cannot, or would miss some. Only inside
   * `OwnAddresses.exclusive`, while nothing that uses the list for advertising is on the air. @throws HciError when the
   * controller is lost.
   */
  engage(): Promise<boolean>;
  /** Nothing on the air needs the list for advertising any more. */
  release(): void;
  /** The controller is another, or was reset. */
  reset(): void;
  /** Whether this device, which has connected, is bonded. Counts and logs those who are not. */
  admits(device: ListedDevice): boolean;
}

/** Every operation runs inside `OwnAddresses.exclusive`, so that no two interleave their commands. */
export class LegacyAdvertising<T extends LegacyAdvertisement> implements AddressUser, StateUser {
  private readonly port: LegacyAdvertisingPort;
  /** Whether the controller was last set to advertise, and how. */
  private onAir = false;
  private type: number = TYPE.IND;
  /** Whether the controller makes the address of whom it is for. */
  private isResolved = false;
  /** Whether only bonded devices may connect by what is, or was last, on the air. */
  private isForBonded = false;
  /** Where the image has the feature `security`, which sets it. */
  filter: AdvertisingFilter | undefined = undefined;
  /** Starts of advertising that the controller has acknowledged; and the one that runs, if any. */
  private acknowledged = 0;
  private current: number | undefined = undefined;
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

  /** Which start of advertising is on the air by the controller's own word; undefined when none is. */
  get run(): number | undefined {
    return this.onAir ? this.current : undefined;
  }

  /** For `SupportedStates`. */
  get state(): StateFacts | undefined {
    return this.onAir ? STATES[this.type] : undefined;
  }

  /** The controller is another, or was reset: nothing is known of it, and nothing is on the air. */
  reset(): void {
    this.onAir = false;
    this.suspended = false;
    this.hasResponse = true;
    this.isForBonded = false;
    this.port.states.reset();
    this.filter?.reset();
    this.latest = undefined;
  }

  /** Advertising is over without a command: a central connected, or its time is up. */
  ended(): void {
    this.onAir = false;
    this.filter?.release();
  }

  /**
   * Whether this device may connect by what is, or was last, on the air. The host looks at everybody: an address may be let
   * pass that a bond had before it was deleted, and not every controller filters.
   */
  admits(device: ListedDevice): boolean {
    return !this.isForBonded || this.filter?.admits(device) !== false;
  }

  /** Bonds have come or gone: what is on the air for bonded devices pauses where the accept list has to change. */
  async refresh(): Promise<void> {
    if (!this.onAir || !this.latest?.parameters?.bondedOnly || this.filter?.isCurrent) return;
    await this.suspend();
    await this.resume();
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
      this.ended();
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
    if (!isWanted()) return this.filter?.release();
    this.isForBonded = connectsBondedOnly(parameters);
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
    const advertisingFilterPolicy = await this.filterPolicy(parameters);
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
      advertisingFilterPolicy,
    });
  }

  /** Has the accept list ready where the controller is to filter. */
  private async filterPolicy({ bondedOnly = 0 }: AdvertisingParameters): Promise<number> {
    if (bondedOnly > 0 && (await this.filter?.engage())) return bondedOnly;
    this.filter?.release();
    return 0;
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
    await this.disable();
    this.filter?.release();
  }

  private async disable(): Promise<void> {
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
    await this.disable();
    this.suspended = true;
  }

  /** For `OwnAddresses`. */
  async resume(): Promise<void> {
    if (!this.suspended) return;
    this.suspended = false;
    const { latest } = this;
    const parameters = latest?.parameters;
    if (!parameters) return this.filter?.release();
    const isResolved = this.resolvedTarget(parameters) !== undefined;
    try {
      // With a filter both may have changed: who is in the accept list, and whether the controller can use it.
      if (isResolved !== this.isResolved || parameters.bondedOnly)
        await this.setParameters(parameters, this.own);
      this.onAir = true;
      await this.enable(1);
    } catch (error) {
      this.ended();
      // When the controller is lost, it is started again, and advertising with it.
      if (isRefusal(error)) latest.onRefused(error);
    }
  }

  private async enable(advertisingEnable: number): Promise<void> {
    this.current = undefined;
    await this.port.hci.send(leSetAdvertisingEnable, { advertisingEnable });
    if (advertisingEnable === 1) this.current = ++this.acknowledged;
  }
}

/** Whether the controller answered, and said no. */
export function isRefusal(error: unknown): boolean {
  return error instanceof HciError && error.status !== HCI_STATUS.SUCCESS;
}

/** Whether only bonded devices may connect by it. */
export function connectsBondedOnly({ bondedOnly = 0 }: AdvertisingParameters): boolean {
  return (bondedOnly & BONDED_ONLY.CONNECT) !== 0;
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
