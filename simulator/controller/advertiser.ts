/** Legacy advertising (Vol 6, Part B, 4.4.2; Vol 4, Part E, 7.8.4 to 7.8.9). */
import {
  leSetAdvertisingData,
  leSetAdvertisingEnable,
  leSetAdvertisingParameters,
  leSetScanResponseData,
} from "../../firmware/ble/hci/commands/le-advertising.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Timer } from "../../firmware/platform/platform.ts";
import { ADV, type ConnectRequest, type Identity, sameIdentity } from "../link.ts";
import type { CommandTable } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { leReadAdvertisingPhysicalChannelTxPower } from "./more-commands.ts";
import { statesAllow } from "./states.ts";

/** Advertising_Type (7.8.5). */
const TYPE = { IND: 0, HIGH_DUTY_DIRECTED: 1, SCAN_IND: 2, NONCONN_IND: 3, LOW_DUTY_DIRECTED: 4 } as const;
/** The PDU of each Advertising_Type. */
const PDU_OF_TYPE = [
  ADV.CONNECTABLE,
  ADV.DIRECTED,
  ADV.SCANNABLE,
  ADV.NON_CONNECTABLE,
  ADV.DIRECTED,
] as const;
/** High duty cycle directed advertising: at most so far apart, and for so long (4.4.2.4.3). */
const HIGH_DUTY_INTERVAL_MS = 3.75;
const HIGH_DUTY_MS = 1280;
/** Random delay that is added to each interval (4.4.2.2.1). */
const DELAY_MAX_MS = 10;
const VERSION_5_0 = 9;

interface Parameters {
  readonly advertisingIntervalMin: number;
  readonly advertisingIntervalMax: number;
  readonly advertisingType: number;
  readonly ownAddressType: number;
  readonly peerAddressType: number;
  readonly peerAddress: Uint8Array;
  readonly advertisingChannelMap: number;
  readonly advertisingFilterPolicy: number;
}

/** The values after reset (7.8.5). */
const DEFAULT_PARAMETERS: Parameters = {
  advertisingIntervalMin: 0x0800,
  advertisingIntervalMax: 0x0800,
  advertisingType: TYPE.IND,
  ownAddressType: 0,
  peerAddressType: 0,
  peerAddress: new Uint8Array(6),
  advertisingChannelMap: 0x07,
  advertisingFilterPolicy: 0,
};

export class Advertiser {
  enabled = false;
  private readonly controller: Controller;
  private parameters: Parameters = DEFAULT_PARAMETERS;
  private data = new Uint8Array(0);
  private scanResponse = new Uint8Array(0);
  private timer: Timer | undefined = undefined;
  private endsAtMs = Number.POSITIVE_INFINITY;

  constructor(controller: Controller) {
    this.controller = controller;
  }

  reset(): void {
    this.stop();
    this.parameters = DEFAULT_PARAMETERS;
    this.data = new Uint8Array(0);
    this.scanResponse = new Uint8Array(0);
  }

  stop(): void {
    this.enabled = false;
    this.controller.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** Whether the accept list decides about scanners or centrals now. */
  /** Advertising_Type while it advertises. */
  get type(): number | undefined {
    return this.enabled ? this.parameters.advertisingType : undefined;
  }

  get usesAcceptList(): boolean {
    return this.enabled && this.parameters.advertisingFilterPolicy !== 0;
  }

  /** Whether it sends under its random address now. */
  get usesRandomAddress(): boolean {
    return this.enabled && (this.parameters.ownAddressType & 1) === 1;
  }

  register(table: CommandTable): void {
    table.on(leSetAdvertisingParameters, (values) => this.setParameters(values));
    table.on(leReadAdvertisingPhysicalChannelTxPower, () => ({ txPowerLevel: 0 }));
    table.on(leSetAdvertisingData, ({ advertisingDataLength, advertisingData }) => {
      if (advertisingDataLength > 31) return HCI_STATUS.INVALID_PARAMETERS;
      this.data = advertisingData.slice(0, advertisingDataLength);
      return HCI_STATUS.SUCCESS;
    });
    table.on(leSetScanResponseData, ({ scanResponseDataLength, scanResponseData }) => {
      if (scanResponseDataLength > 31) return HCI_STATUS.INVALID_PARAMETERS;
      this.scanResponse = scanResponseData.slice(0, scanResponseDataLength);
      return HCI_STATUS.SUCCESS;
    });
    table.on(leSetAdvertisingEnable, ({ advertisingEnable }) => this.setEnable(advertisingEnable));
  }

  private setParameters(values: Parameters): number {
    if (this.enabled) return HCI_STATUS.COMMAND_DISALLOWED;
    const type = values.advertisingType;
    const undirectedDeaf = type === TYPE.SCAN_IND || type === TYPE.NONCONN_IND;
    const least = undirectedDeaf && this.controller.options.version < VERSION_5_0 ? 0x00a0 : 0x0020;
    const intervalOk =
      type === TYPE.HIGH_DUTY_DIRECTED ||
      (values.advertisingIntervalMin >= least &&
        values.advertisingIntervalMax <= 0x4000 &&
        values.advertisingIntervalMin <= values.advertisingIntervalMax);
    const valid =
      intervalOk &&
      type <= TYPE.LOW_DUTY_DIRECTED &&
      values.ownAddressType <= this.controller.ownAddressTypeMax &&
      values.peerAddressType <= 1 &&
      values.advertisingChannelMap > 0 &&
      values.advertisingChannelMap <= 7 &&
      values.advertisingFilterPolicy <= 3;
    if (!valid) return HCI_STATUS.INVALID_PARAMETERS;
    this.parameters = values;
    return HCI_STATUS.SUCCESS;
  }

  private setEnable(enable: number): number {
    if (enable > 1) return HCI_STATUS.INVALID_PARAMETERS;
    this.stop();
    if (enable === 0) return HCI_STATUS.SUCCESS;
    if (!this.controller.ownIdentity(this.parameters.ownAddressType)) return HCI_STATUS.INVALID_PARAMETERS;
    if (!this.controller.options.advertisesWhileConnected && this.controller.links.size > 0) {
      return HCI_STATUS.COMMAND_DISALLOWED;
    }
    if (!statesAllow(this.controller, { advertising: this.parameters.advertisingType }))
      return HCI_STATUS.COMMAND_DISALLOWED;
    const pdu = PDU_OF_TYPE[this.parameters.advertisingType]!;
    const connectable = pdu === ADV.CONNECTABLE || pdu === ADV.DIRECTED;
    if (connectable && !this.controller.hasRoomForLink) return this.controller.options.limitStatus;
    this.enabled = true;
    const limited = this.parameters.advertisingType === TYPE.HIGH_DUTY_DIRECTED;
    this.endsAtMs = limited ? this.controller.clock.now() + HIGH_DUTY_MS : Number.POSITIVE_INFINITY;
    this.schedule(0);
    return HCI_STATUS.SUCCESS;
  }

  private schedule(delayMs: number): void {
    this.timer = this.controller.clock.setTimer(() => this.event(), delayMs);
  }

  private event(): void {
    const { controller, parameters } = this;
    if (controller.clock.now() >= this.endsAtMs) {
      this.stop();
      controller.connectionFailed(1, HCI_STATUS.ADVERTISING_TIMEOUT);
      return;
    }
    const limited = parameters.advertisingType === TYPE.HIGH_DUTY_DIRECTED;
    const intervalMs = limited ? HIGH_DUTY_INTERVAL_MS : parameters.advertisingIntervalMin * 0.625;
    this.schedule(intervalMs + (limited ? 0 : controller.air.random.fraction() * DELAY_MAX_MS));
    const type = PDU_OF_TYPE[parameters.advertisingType]!;
    controller.onAir({ kind: "advertising", isConnectable: type !== ADV.NON_CONNECTABLE });
    controller.air.advertise(
      {
        type,
        advertiser: this.own(),
        target: type === ADV.DIRECTED ? this.target() : undefined,
        data: type === ADV.DIRECTED ? new Uint8Array(0) : this.data,
        onScanRequest: (scanner) => this.answerScan(type, scanner),
        onConnectRequest: (request) => this.answerConnect(type, request),
      },
      controller,
    );
  }

  private get peer(): Identity {
    return { type: this.parameters.peerAddressType, address: this.parameters.peerAddress };
  }

  /** This device as it is on the air (AdvA). */
  private own(): Identity {
    return this.controller.ownIdentity(this.parameters.ownAddressType, this.peer)!;
  }

  /** Whom directed advertising is for, as it is on the air (TargetA). */
  private target(): Identity {
    return this.controller.resolvingList.remoteOf(this.peer) ?? this.peer;
  }

  private answerScan(type: number, scanner: Identity): Uint8Array | undefined {
    const filtered = (this.parameters.advertisingFilterPolicy & 1) !== 0;
    if (type !== ADV.CONNECTABLE && type !== ADV.SCANNABLE) return undefined;
    const { acceptList, resolvingList } = this.controller;
    if (resolvingList.drops(scanner)) return undefined;
    if (filtered && !acceptList.has(resolvingList.resolve(scanner))) return undefined;
    return this.scanResponse;
  }

  private answerConnect(type: number, request: ConnectRequest): boolean {
    const filtered = (this.parameters.advertisingFilterPolicy & 2) !== 0;
    if (!this.enabled || !this.controller.hasRoomForLink) return false;
    const { acceptList, resolvingList } = this.controller;
    if (resolvingList.drops(request.initiator)) return false;
    const initiator = resolvingList.resolve(request.initiator);
    if (type === ADV.DIRECTED) {
      if (!sameIdentity(this.peer, initiator)) return false;
    } else if (filtered && !acceptList.has(initiator)) {
      return false;
    }
    const own = this.own();
    this.stop();
    this.controller.joinLink(request, own);
    return true;
  }
}
