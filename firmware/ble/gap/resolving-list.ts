/**
 * The controller's resolving list: bonded peers and their keys, so that it knows them under their private addresses
 * (Vol 6, Part B, 4.7; Vol 4, Part E, 7.8.38 to 7.8.45 and 7.8.77). Where it holds nobody the host resolves.
 */
import type { LogLevel } from "../../platform/platform.ts";
import { sameBytes } from "../codec.ts";
import { HciError, isLoss } from "../errors.ts";
import {
  leAddDeviceToResolvingList,
  leClearResolvingList,
  leReadResolvingListSize,
  leSetAddressResolutionEnable,
  leSetPrivacyMode,
  leSetResolvablePrivateAddressTimeout,
} from "../hci/commands/le-privacy.ts";
import type { Hci } from "../hci/hci.ts";
import { hasLeFeature, LE_FEATURE } from "../hci/packet.ts";
import { type Controller, supports } from "../hci/startup.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import { textOf } from "../text.ts";
import type { ListedDevice } from "./address.ts";

/** Without one of these the host resolves. Without privacy modes peers that use their identity would be shut out. */
const COMMANDS = [
  leAddDeviceToResolvingList,
  leClearResolvingList,
  leReadResolvingListSize,
  leSetAddressResolutionEnable,
  leSetResolvablePrivateAddressTimeout,
  leSetPrivacyMode,
] as const;

/** Privacy_Mode: the peer is taken under its identity too, which it may have on the air (Vol 3, Part C, 10.7). */
const DEVICE_PRIVACY = 1;

/** A bonded peer that may have private addresses. */
export interface PrivatePeer {
  readonly identity: ListedDevice;
  /** Its Identity Resolving Key, most significant byte first. */
  readonly irk: Uint8Array;
}

/** What is on the air (own-address.ts). */
export interface QuietAir {
  /** Runs `work` when all work before it is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Runs `work` while nothing is on the air. Only inside `exclusive`. */
  inSilence<T>(work: () => Promise<T>): Promise<T>;
}

/** What the list is made of. */
export interface ResolvingListPort {
  readonly hci: Hci;
  readonly settings: { readonly rpaTimeoutMs: number };
  /** Figures of the running controller. */
  controller(): Controller | undefined;
  /** Those who are to be in the list. */
  peers(): readonly PrivatePeer[];
  /**
   * This device's Identity Resolving Key, of which the controller makes the address of directed advertising, whatever
   * `addrMode` is: some make one of a key of zeros too, which should stand for the identity, and which nobody resolves.
   */
  ownIrk(): Uint8Array;
  /** Who has this address: a bonded device by its Identity Address. */
  identityOf(device: ListedDevice): ListedDevice;
  log(level: LogLevel, message: string): void;
}

/** What the controller is to hold. */
interface Contents {
  readonly peers: readonly PrivatePeer[];
  readonly ownIrk: Uint8Array;
  readonly timeoutS: number;
}

const NOTHING: Contents = { peers: [], ownIrk: new Uint8Array(0), timeoutS: 0 };

/** It follows the bonds: all of them are in it, but those that the controller refuses by name, or none. */
export class ResolvingList {
  private readonly port: ResolvingListPort;
  private readonly air: QuietAir;
  private isUsable = false;
  private isWaiting = false;
  /** Counts the sessions of the controller. */
  private session = 0;
  /** What was last tried, and whom of it the controller resolves. */
  private tried: Contents = NOTHING;
  private listed: readonly ListedDevice[] = [];
  /** Whether the controller may hold anything, and resolves by it. */
  private isFilled = false;
  private isEnabled = false;
  private warned = false;

  constructor(port: ResolvingListPort, air: QuietAir) {
    this.port = port;
    this.air = air;
  }

  /** A session of the controller begins: its list is empty. */
  begin(): void {
    this.forget();
    const controller = this.port.controller();
    this.isUsable =
      controller !== undefined &&
      hasLeFeature(controller.leFeatures, LE_FEATURE.LL_PRIVACY) &&
      COMMANDS.every((command) => supports(controller.supportedCommands, command));
    this.update();
  }

  /** The controller is lost, with its list. */
  end(): void {
    this.forget();
  }

  /** The radio is off: as `end`, and nothing is begun. */
  forget(): void {
    this.session++;
    this.isUsable = this.isWaiting = this.isFilled = this.isEnabled = this.warned = false;
    this.tried = NOTHING;
    this.listed = [];
  }

  /** How the controller knows this device under whatever address it has; undefined when it does not resolve it. */
  find(device: ListedDevice): ListedDevice | undefined {
    if (this.listed.length === 0) return undefined;
    const { address, addressType } = this.port.identityOf(device);
    return this.listed.find((peer) => peer.addressType === addressType && sameBytes(peer.address, address));
  }

  /** Bonds may have changed, or what this device has on the air. What is on the air pauses where the list changes. */
  update(): void {
    if (!this.isUsable || this.isWaiting) return;
    this.isWaiting = true;
    this.change(() => {
      this.isWaiting = false;
      const wanted = this.wanted();
      if (isSame(wanted, this.tried)) return undefined;
      return wanted.peers.length > 0 || this.isFilled ? wanted : undefined;
    });
  }

  /**
   * A packet came under a private address of this device, which the controller had to resolve, were it in the list: a
   * controller that does not is not asked to any more.
   */
  missed(device: ListedDevice): void {
    if (!this.find(device)) return;
    this.listed = [];
    this.warn("does not resolve the addresses that it was given keys for");
    this.isUsable = false;
    // What is on the air pauses for it, and goes on knowing that the host resolves.
    this.change(() => NOTHING);
  }

  /** Gives the controller other contents, if `decide` has some by the time that it is its turn. */
  private change(decide: () => Contents | undefined): void {
    const { session } = this;
    const { log } = this.port;
    this.air
      .exclusive(async () => {
        const wanted = session === this.session ? decide() : undefined;
        if (wanted) await this.air.inSilence(() => this.replace(wanted));
      })
      .catch((error: unknown) => {
        if (!isLoss(error)) log("warning", `gap: the resolving list of the controller: ${textOf(error)}`);
      });
  }

  private wanted(): Contents {
    const { port } = this;
    const peers = port.peers();
    // Without peers no key is drawn for it.
    if (peers.length === 0) return NOTHING;
    return { peers, ownIrk: port.ownIrk(), timeoutS: Math.floor(port.settings.rpaTimeoutMs / 1000) };
  }

  /** While it changes, and where the change fails, the host resolves. */
  private async replace(wanted: Contents): Promise<void> {
    const { hci } = this.port;
    this.listed = [];
    if (this.isEnabled) await hci.send(leSetAddressResolutionEnable, { addressResolutionEnable: 0 });
    this.isEnabled = false;
    if (this.isFilled) await hci.send(leClearResolvingList, {});
    this.isFilled = false;
    this.tried = wanted;
    if (wanted.peers.length === 0) return;
    try {
      const { resolvingListSize } = await hci.send(leReadResolvingListSize, {});
      if (wanted.peers.length > resolvingListSize)
        return this.warn(`resolves ${resolvingListSize} devices, not ${wanted.peers.length}`);
      this.isFilled = true;
      const listed = await this.add(wanted);
      await hci.send(leSetResolvablePrivateAddressTimeout, { rpaTimeout: wanted.timeoutS });
      await hci.send(leSetAddressResolutionEnable, { addressResolutionEnable: 1 });
      this.isEnabled = true;
      this.listed = listed;
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.warn(`refuses: ${statusText(error.status)}`);
      await hci.send(leClearResolvingList, {});
      this.isFilled = false;
    }
  }

  /** Returns who is in the list. One that the controller does not take, for its identity or its key, is left to the host. */
  private async add({ peers, ownIrk }: Contents): Promise<ListedDevice[]> {
    const { hci } = this.port;
    const listed: ListedDevice[] = [];
    for (const { identity, irk } of peers) {
      const peer = { peerIdentityAddressType: identity.addressType, peerIdentityAddress: identity.address };
      try {
        await hci.send(leAddDeviceToResolvingList, {
          ...peer,
          peerIrk: irk.slice().reverse(),
          localIrk: ownIrk.slice().reverse(),
        });
      } catch (error) {
        if (!isRefused(error) || error.status !== HCI_STATUS.INVALID_PARAMETERS) throw error;
        continue;
      }
      await hci.send(leSetPrivacyMode, { ...peer, privacyMode: DEVICE_PRIVACY });
      listed.push(identity);
    }
    return listed;
  }

  /** One line in a session. */
  private warn(what: string): void {
    if (this.warned) return;
    this.warned = true;
    this.port.log("info", `gap: the controller ${what}; private addresses are resolved by the host`);
  }
}

function isRefused(error: unknown): error is HciError {
  return error instanceof HciError && error.code === "controller-refused";
}

function isSame(one: Contents, other: Contents): boolean {
  if (one.timeoutS !== other.timeoutS || one.peers.length !== other.peers.length) return false;
  if (!sameBytes(one.ownIrk, other.ownIrk)) return false;
  return one.peers.every(({ identity, irk }, at) => {
    const { identity: theirs, irk: theirIrk } = other.peers[at]!;
    const isSamePeer =
      identity.addressType === theirs.addressType && sameBytes(identity.address, theirs.address);
    return isSamePeer && sameBytes(irk, theirIrk);
  });
}
