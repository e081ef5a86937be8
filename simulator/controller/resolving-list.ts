/** The resolving list, and what private addresses are made of (Vol 6, Part B, 1.3.2 and 4.7; Vol 4, Part E, 7.8.38 to 7.8.77). */
import {
  leAddDeviceToResolvingList,
  leClearResolvingList,
  leReadResolvingListSize,
  leSetAddressResolutionEnable,
  leSetPrivacyMode,
  leSetResolvablePrivateAddressTimeout,
} from "../../firmware/ble/hci/commands/le-privacy.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { type Identity, sameIdentity } from "../link.ts";
import type { CommandTable } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { encryptBlock } from "./encryption.ts";

/** Longest RPA_Timeout, in seconds (7.8.45). */
const TIMEOUT_MAX_S = 0x0e10;
const FIRST_TIMEOUT_MS = 900_000;

/** An address that the controller made, and when. */
interface Made {
  readonly address: Identity;
  readonly atMs: number;
}

/** One peer; keys as they came, least significant byte first. */
interface Entry {
  readonly peer: Identity;
  readonly peerIrk: Uint8Array;
  readonly localIrk: Uint8Array;
  /** Network privacy: the peer is not taken under its identity address. */
  isNetwork: boolean;
  local: Made | undefined;
  remote: Made | undefined;
}

/** The last three bytes of an address whose first three are these. */
function hashOf(irk: Uint8Array, prand: readonly number[]): number[] {
  const block = new Uint8Array(16);
  block.set([...prand].reverse());
  return [...encryptBlock(irk, block).subarray(0, 3)].reverse();
}

/** Whether this is a resolvable private address. */
export function isPrivate({ type, address }: Identity): boolean {
  return type === 1 && address[0]! >> 6 === 1;
}

function isMadeWith(irk: Uint8Array, { address }: Identity): boolean {
  if (isNone(irk)) return false;
  const hash = hashOf(irk, [...address.subarray(0, 3)]);
  return hash.every((byte, at) => byte === address[3 + at]);
}

function isNone(irk: Uint8Array): boolean {
  return irk.every((byte) => byte === 0);
}

export class ResolvingList {
  private readonly controller: Controller;
  private entries: Entry[] = [];
  private isEnabled = false;
  private timeoutMs = FIRST_TIMEOUT_MS;

  constructor(controller: Controller) {
    this.controller = controller;
  }

  reset(): void {
    this.entries = [];
    this.isEnabled = false;
    this.timeoutMs = FIRST_TIMEOUT_MS;
  }

  /** Who is on the air under this address: the identity that it resolves to, or itself. */
  resolve(onAir: Identity): Identity {
    if (!this.isEnabled || !isPrivate(onAir)) return onAir;
    return this.entries.find(({ peerIrk }) => isMadeWith(peerIrk, onAir))?.peer ?? onAir;
  }

  /** Whether packets from this address are dropped: an identity address of a peer in network privacy. */
  drops(onAir: Identity): boolean {
    const entry = this.isEnabled ? this.entryOf(onAir) : undefined;
    return entry?.isNetwork === true && !isNone(entry.peerIrk);
  }

  /** Whether it is an address that this device may have towards some peer. */
  isLocal(onAir: Identity): boolean {
    return (
      this.isEnabled && isPrivate(onAir) && this.entries.some(({ localIrk }) => isMadeWith(localIrk, onAir))
    );
  }

  /** This device's private address towards a peer; undefined when there is no key to make one with. */
  localFor(peer: Identity): Identity | undefined {
    const entry = this.isEnabled ? this.entryOf(peer) : undefined;
    if (!entry || isNone(entry.localIrk)) return undefined;
    entry.local = this.fresh(entry.local, entry.localIrk);
    return entry.local.address;
  }

  /** A private address of a peer, to send to; undefined when there is no key to make one with. */
  remoteOf(peer: Identity): Identity | undefined {
    const entry = this.isEnabled ? this.entryOf(peer) : undefined;
    if (!entry || isNone(entry.peerIrk)) return undefined;
    entry.remote = this.fresh(entry.remote, entry.peerIrk);
    return entry.remote.address;
  }

  private entryOf(identity: Identity): Entry | undefined {
    return this.entries.find(({ peer }) => sameIdentity(peer, identity));
  }

  private fresh(made: Made | undefined, irk: Uint8Array): Made {
    const { air, clock } = this.controller;
    const atMs = clock.now();
    if (made && atMs - made.atMs < this.timeoutMs) return made;
    const number = air.random.u32();
    const prand = [0x40 | ((number >> 16) & 0x3f), (number >> 8) & 0xff, (number & 0xff) | 1];
    const address = Uint8Array.from([...prand, ...hashOf(irk, prand)]);
    return { address: { type: 1, address }, atMs };
  }

  register(table: CommandTable): void {
    const { controller } = this;
    const { resolvingListSize } = controller.options;
    const isBusy = (): boolean => {
      const { advertising, initiating, scanning } = controller.activities;
      return advertising !== undefined || scanning !== undefined || initiating === true;
    };
    const isLocked = (): boolean => this.isEnabled && isBusy();
    table.on(leAddDeviceToResolvingList, (values) =>
      isLocked() ? HCI_STATUS.COMMAND_DISALLOWED : this.add(values),
    );
    table.on(leClearResolvingList, () => {
      if (isLocked()) return HCI_STATUS.COMMAND_DISALLOWED;
      this.entries = [];
      return HCI_STATUS.SUCCESS;
    });
    table.on(leReadResolvingListSize, () => ({ resolvingListSize }));
    table.on(leSetAddressResolutionEnable, ({ addressResolutionEnable }) => {
      if (addressResolutionEnable > 1) return HCI_STATUS.INVALID_PARAMETERS;
      if (isBusy()) return HCI_STATUS.COMMAND_DISALLOWED;
      this.isEnabled = addressResolutionEnable === 1;
      return HCI_STATUS.SUCCESS;
    });
    table.on(leSetResolvablePrivateAddressTimeout, ({ rpaTimeout }) => {
      if (rpaTimeout < 1 || rpaTimeout > TIMEOUT_MAX_S) return HCI_STATUS.INVALID_PARAMETERS;
      this.timeoutMs = rpaTimeout * 1000;
      return HCI_STATUS.SUCCESS;
    });
    table.on(leSetPrivacyMode, ({ peerIdentityAddressType, peerIdentityAddress, privacyMode }) => {
      if (privacyMode > 1) return HCI_STATUS.INVALID_PARAMETERS;
      if (isLocked()) return HCI_STATUS.COMMAND_DISALLOWED;
      const entry = this.entryOf({ type: peerIdentityAddressType, address: peerIdentityAddress });
      if (!entry) return HCI_STATUS.UNKNOWN_CONNECTION;
      entry.isNetwork = privacyMode === 0;
      return HCI_STATUS.SUCCESS;
    });
  }

  private add(values: {
    readonly peerIdentityAddressType: number;
    readonly peerIdentityAddress: Uint8Array;
    readonly peerIrk: Uint8Array;
    readonly localIrk: Uint8Array;
  }): number {
    const { peerIdentityAddressType: type, peerIdentityAddress: address, peerIrk, localIrk } = values;
    const isIdentity = type === 0 || (type === 1 && address[0]! >> 6 === 3);
    const isKnown = this.entries.some(
      (entry) =>
        sameIdentity(entry.peer, { type, address }) ||
        (!isNone(peerIrk) && entry.peerIrk.every((byte, at) => byte === peerIrk[at])),
    );
    if (!isIdentity || isKnown) return HCI_STATUS.INVALID_PARAMETERS;
    if (this.entries.length >= this.controller.options.resolvingListSize)
      return HCI_STATUS.MEMORY_CAPACITY_EXCEEDED;
    const peer = { type, address };
    this.entries.push({ peer, peerIrk, localIrk, isNetwork: true, local: undefined, remote: undefined });
    return HCI_STATUS.SUCCESS;
  }
}
