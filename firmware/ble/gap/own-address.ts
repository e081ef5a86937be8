/** The addresses that this device has on the air (Vol 6, Part B, 1.3). */

import type { LogLevel, Records } from "../../platform/platform.ts";
import { leSetRandomAddress } from "../hci/commands/le-controller.ts";
import type { Hci } from "../hci/hci.ts";
import type { Setting } from "../setting.ts";
import { textOf } from "../text.ts";
import {
  ADDRESS_TYPE,
  type Aes128,
  createNonResolvableAddress,
  deriveStaticRandomAddress,
  isStaticRandomAddress,
} from "./address.ts";
import type { Air, ResolvableAddress } from "./resolvable-address.ts";
import type { QuietAir, ResolvingList } from "./resolving-list.ts";

/** Kinds of own address, as the setting `addrMode` numbers them. */
export const ADDRESS_MODE = { PUBLIC: 0, STATIC_RANDOM: 1, RESOLVABLE: 2, NON_RESOLVABLE: 3 } as const;

/** Kind of address that the camera has on the air. */
export const ADDRESS_MODE_SETTING: Setting<"addrMode"> = {
  name: "addrMode",
  min: 0,
  max: 3,
  initial: ADDRESS_MODE.STATIC_RANDOM,
};

/** Key of the static random address among the records. */
const ADDRESS_KEY = "address";

/** An address of this device. */
export interface OwnAddress {
  /** 0 public, 1 random. */
  readonly type: number;
  /** Six bytes in printed order; undefined for the public address, which is the controller's. */
  readonly address?: Uint8Array;
}

/** What the addresses are made of. */
export interface OwnAddressPort {
  readonly hci: Hci;
  readonly records: Records;
  readonly aes128: Aes128;
  random(length: number): Uint8Array;
  uniqueId(): Uint8Array;
  log(level: LogLevel, message: string): void;
}

/**
 * Something that may be on the air under the controller's one random address: legacy advertising, a legacy scan, the
 * making of a connection. Extended advertising sets have addresses of their own.
 */
export interface AddressUser {
  /** Whether something of it is on the air, under the address that the controller has. */
  readonly isOnAir: boolean;
  /** Leaves the air, where it is on it. */
  suspend(): Promise<void>;
  /** Goes back on the air, where `suspend` took it off. Reports a refusal to its own caller: it does not reject. */
  resume(): Promise<void>;
}

/**
 * The one place that changes the controller's random address. LE Set Random Address is not allowed while legacy
 * advertising, scanning or connecting runs (Vol 4, Part E, 7.8.4), so the users of the address take turns: each works
 * inside `exclusive`, and when one of them needs another address the others leave the air for the change. They go on
 * under the new address: there is only one.
 */
export class OwnAddresses implements Air, QuietAir {
  private readonly port: OwnAddressPort;
  private readonly users: AddressUser[] = [];
  /** Work on the air, one after the other. Never rejects. */
  private last: Promise<void> = Promise.resolve();
  private address: Uint8Array | undefined = undefined;
  /** What the controller has for its random address. */
  current: Uint8Array | undefined = undefined;
  /** Private addresses that bonded devices resolve, where the image has the feature `security`, which sets it. */
  resolvable: ResolvableAddress | undefined = undefined;
  /** Peers whose private addresses the controller resolves, likewise. */
  resolving: ResolvingList | undefined = undefined;

  constructor(port: OwnAddressPort) {
    this.port = port;
  }

  /** `user` is asked to leave the air from now on when another needs another address. */
  join(user: AddressUser): void {
    this.users.push(user);
  }

  /** Runs `work` when all work before it is done. A user starts and stops what it has on the air inside such work. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.last.then(work);
    this.last = run.then(nothing, nothing);
    return run;
  }

  /** The controller was reset: gives it the static random address. */
  async begin(): Promise<void> {
    this.current = undefined;
    this.resolvable?.forget();
    const randomAddress = this.staticRandom;
    await this.port.hci.sendSetup(leSetRandomAddress, { randomAddress });
    this.current = randomAddress;
  }

  /**
   * Makes `own` the address on the air, for a user that is off the air itself. Only inside `exclusive`.
   * @throws HciError when the controller refuses.
   */
  async apply(own: OwnAddress, user: AddressUser): Promise<void> {
    const { address } = own;
    if (!address) return;
    if (address !== this.current) {
      await this.change(
        address,
        this.users.filter((other) => other !== user),
      );
    }
    this.resolvable?.applied();
  }

  /** This own address as it is on the air now: a random one may have changed since it was applied. */
  onAir(own: OwnAddress): OwnAddress {
    if (own.type === ADDRESS_TYPE.PUBLIC) return own;
    return { type: own.type, address: this.current ?? own.address };
  }

  /** Whether anything is on the air. */
  get isInUse(): boolean {
    return this.users.some((user) => user.isOnAir);
  }

  /** All leave the air, and go on under this address. Only inside `exclusive`. @throws HciError */
  replace(address: Uint8Array): Promise<void> {
    return this.change(address, this.users);
  }

  /** All leave the air, and go on when `work` is done. Only inside `exclusive`. */
  inSilence<T>(work: () => Promise<T>): Promise<T> {
    return this.without(this.users, work);
  }

  private change(address: Uint8Array, users: readonly AddressUser[]): Promise<void> {
    return this.without(users, () => this.set(address));
  }

  private async without<T>(users: readonly AddressUser[], work: () => Promise<T>): Promise<T> {
    for (const user of users) await user.suspend();
    try {
      return await work();
    } finally {
      for (const user of users) await user.resume();
    }
  }

  private async set(address: Uint8Array): Promise<void> {
    await this.port.hci.send(leSetRandomAddress, { randomAddress: address });
    this.current = address;
  }

  /**
   * The static random address: the one that is kept on flash; where there is none, that of the device's unique identifier,
   * which is kept from then on. Six bytes in printed order, the same array each time.
   */
  get staticRandom(): Uint8Array {
    if (!this.address) {
      const { records, log } = this.port;
      try {
        const stored = records.get(ADDRESS_KEY);
        if (stored && isStaticRandomAddress(stored)) this.address = stored;
        else records.set(ADDRESS_KEY, this.derive());
      } catch (error) {
        // Better a camera that forgets an address which it has taken over than none.
        log("warning", `host: the address that is kept cannot be read, or not be kept: ${textOf(error)}`);
      }
    }
    return this.address ?? this.derive();
  }

  /** Has this static random address from the next start on, and ever after. @throws Error when the flash fails. */
  adopt(address: Uint8Array): void {
    this.port.records.set(ADDRESS_KEY, address);
    this.address = address.slice();
  }

  private derive(): Uint8Array {
    const { aes128, uniqueId } = this.port;
    this.address = deriveStaticRandomAddress(uniqueId(), aes128);
    return this.address;
  }

  /** The address for an advertisement under this `addrMode`; what can be connected to is what a scan and a search are. */
  forAdvertising(addrMode: number, connectable: boolean): OwnAddress {
    if (addrMode === ADDRESS_MODE.PUBLIC) return { type: ADDRESS_TYPE.PUBLIC };
    if (addrMode === ADDRESS_MODE.RESOLVABLE && this.resolvable) {
      return { type: ADDRESS_TYPE.RANDOM, address: this.resolvable.get() };
    }
    const isPrivate = addrMode === ADDRESS_MODE.NON_RESOLVABLE && !connectable;
    const address = isPrivate
      ? createNonResolvableAddress((length) => this.port.random(length))
      : this.staticRandom;
    return { type: ADDRESS_TYPE.RANDOM, address };
  }
}

function nothing(): void {}
