/** Initiating (Vol 6, Part B, 4.4.4; Vol 4, Part E, 7.8.12 and 7.8.13), and the accept list's commands. */
import {
  leAddDeviceToFilterAcceptList,
  leClearFilterAcceptList,
  leCreateConnection,
  leCreateConnectionCancel,
  leReadFilterAcceptListSize,
  leRemoveDeviceFromFilterAcceptList,
} from "../../firmware/ble/hci/commands/le-scanning.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { ADV, type Advertisement, type Identity, type Radio, sameIdentity } from "../link.ts";
import type { CommandTable } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { scanTimingValid, windowOpen } from "./scanner.ts";
import { statesAllow } from "./states.ts";

/** Whether the parameters of a connection are in range and fit each other (7.8.12). */
export function timingValid(values: {
  readonly connectionIntervalMin: number;
  readonly connectionIntervalMax: number;
  readonly maxLatency: number;
  readonly supervisionTimeout: number;
}): boolean {
  const { connectionIntervalMin: min, connectionIntervalMax: max, maxLatency, supervisionTimeout } = values;
  return (
    min >= 0x0006 &&
    max <= 0x0c80 &&
    min <= max &&
    maxLatency <= 0x01f3 &&
    supervisionTimeout >= 0x000a &&
    supervisionTimeout <= 0x0c80 &&
    supervisionTimeout * 10 > (1 + maxLatency) * max * 1.25 * 2
  );
}

interface Attempt {
  readonly leScanInterval: number;
  readonly leScanWindow: number;
  readonly initiatorFilterPolicy: number;
  readonly peerAddressType: number;
  readonly peerAddress: Uint8Array;
  readonly ownAddressType: number;
  readonly connectionIntervalMin: number;
  readonly connectionIntervalMax: number;
  readonly maxLatency: number;
  readonly supervisionTimeout: number;
}

export class Initiator {
  private readonly controller: Controller;
  private attempt: Attempt | undefined = undefined;
  private startMs = 0;

  constructor(controller: Controller) {
    this.controller = controller;
  }

  reset(): void {
    this.attempt = undefined;
    this.controller.onAir({ kind: "scanning", share: 0 });
  }

  get isLooking(): boolean {
    return this.attempt !== undefined;
  }

  get usesAcceptList(): boolean {
    return this.attempt?.initiatorFilterPolicy === 1;
  }

  get usesRandomAddress(): boolean {
    return this.attempt !== undefined && (this.attempt.ownAddressType & 1) === 1;
  }

  register(table: CommandTable): void {
    const { acceptList, options } = this.controller;
    const inUse = (): boolean => this.controller.acceptListInUse;
    table.on(leCreateConnection, (values) => this.begin(values));
    table.on(leCreateConnectionCancel, () => {
      const attempt = this.attempt;
      if (!attempt) return HCI_STATUS.COMMAND_DISALLOWED;
      this.attempt = undefined;
      this.controller.onAir({ kind: "scanning", share: 0 });
      this.controller.later(() =>
        this.controller.connectionFailed(0, HCI_STATUS.UNKNOWN_CONNECTION, {
          type: attempt.peerAddressType,
          address: attempt.peerAddress,
        }),
      );
      return HCI_STATUS.SUCCESS;
    });
    table.on(leReadFilterAcceptListSize, () => ({ filterAcceptListSize: options.acceptListSize }));
    table.on(leClearFilterAcceptList, () => {
      if (inUse()) return HCI_STATUS.COMMAND_DISALLOWED;
      acceptList.clear();
      return HCI_STATUS.SUCCESS;
    });
    table.on(leAddDeviceToFilterAcceptList, ({ addressType: type, address }) => {
      if (inUse()) return HCI_STATUS.COMMAND_DISALLOWED;
      if (type > 1) return HCI_STATUS.INVALID_PARAMETERS;
      return acceptList.add({ type, address }) ? HCI_STATUS.SUCCESS : HCI_STATUS.MEMORY_CAPACITY_EXCEEDED;
    });
    table.on(leRemoveDeviceFromFilterAcceptList, ({ addressType: type, address }) => {
      if (inUse()) return HCI_STATUS.COMMAND_DISALLOWED;
      acceptList.remove({ type, address });
      return HCI_STATUS.SUCCESS;
    });
  }

  private begin(attempt: Attempt): number {
    const { controller } = this;
    if (this.attempt) return HCI_STATUS.COMMAND_DISALLOWED;
    const valid =
      scanTimingValid(attempt.leScanInterval, attempt.leScanWindow) &&
      attempt.initiatorFilterPolicy <= 1 &&
      attempt.peerAddressType <= controller.ownAddressTypeMax &&
      attempt.ownAddressType <= controller.ownAddressTypeMax &&
      timingValid(attempt) &&
      controller.ownIdentity(attempt.ownAddressType) !== undefined;
    if (!valid) return HCI_STATUS.INVALID_PARAMETERS;
    if (!statesAllow(controller, { initiating: true })) return HCI_STATUS.COMMAND_DISALLOWED;
    if (controller.options.oneLinkEach && this.hasLink(attempt)) return HCI_STATUS.CONNECTION_EXISTS;
    if (!controller.hasRoomForLink) return controller.options.limitStatus;
    this.attempt = attempt;
    this.controller.onAir({ kind: "scanning", share: attempt.leScanWindow / attempt.leScanInterval });
    this.startMs = controller.clock.now();
    return HCI_STATUS.SUCCESS;
  }

  private hasLink({ peerAddressType, peerAddress }: Attempt): boolean {
    const { links, resolvingList } = this.controller;
    const target = { type: peerAddressType & 1, address: peerAddress };
    return [...links.values()].some(({ peer }) => sameIdentity(resolvingList.resolve(peer), target));
  }

  /** One advertising event arrives: the answer to a connectable one that is wanted is CONNECT_IND. */
  hear(advertisement: Advertisement, sender: Radio): void {
    const { controller, attempt } = this;
    const { type, advertiser, target } = advertisement;
    if (!attempt || (type !== ADV.CONNECTABLE && type !== ADV.DIRECTED) || !this.wants(attempt, advertiser))
      return;
    if (target && !controller.isOwn(target)) return;
    const { leScanInterval, leScanWindow } = attempt;
    if (!windowOpen(controller.clock.now(), this.startMs, leScanInterval, leScanWindow)) return;
    // Whether its CONNECT_IND arrives, the initiator does not learn: it takes the link for made (4.5).
    this.attempt = undefined;
    this.controller.onAir({ kind: "scanning", share: 0 });
    const timing = {
      interval: attempt.connectionIntervalMax,
      latency: attempt.maxLatency,
      timeout: attempt.supervisionTimeout,
    };
    const initiator = controller.ownIdentity(
      attempt.ownAddressType,
      controller.resolvingList.resolve(advertiser),
    )!;
    const events = controller.openLink(timing, initiator, advertiser);
    const request = { initiator, ...timing, events };
    const joined = controller.air.carries(controller, sender) && advertisement.onConnectRequest(request);
    if (joined) events.start();
    else events.startAlone();
  }

  private wants(attempt: Attempt, advertiser: Identity): boolean {
    const { acceptList, resolvingList } = this.controller;
    if (resolvingList.drops(advertiser)) return false;
    const known = resolvingList.resolve(advertiser);
    if (attempt.initiatorFilterPolicy === 1) return acceptList.has(known);
    return sameIdentity({ type: attempt.peerAddressType & 1, address: attempt.peerAddress }, known);
  }
}
