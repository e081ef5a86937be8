/** The addresses that this device has on the air (Vol 6, Part B, 1.3). */

import type { LogLevel, Records } from "../../platform/platform.ts";
import { leSetRandomAddress } from "../hci/commands/le-controller.ts";
import type { Hci } from "../hci/hci.ts";
import type { Setting } from "../setting.ts";
import { textOf } from "../text.ts";
import {
  ADDRESS_TYPE,
  createNonResolvableAddress,
  createStaticRandomAddress,
  isStaticRandomAddress,
} from "./address.ts";

/** Kinds of own address, as the setting `addrMode` numbers them. */
export const ADDRESS_MODE = { PUBLIC: 0, STATIC_RANDOM: 1, RESOLVABLE: 2, NON_RESOLVABLE: 3 } as const;

/** Kind of address that the camera has on the air: 2, resolvable private, comes with pairing. */
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
  random(length: number): Uint8Array;
  log(level: LogLevel, message: string): void;
}

/**
 * Something that may be on the air under the controller's one random address: legacy advertising, a legacy scan, the
 * making of a connection. Extended advertising sets have addresses of their own.
 */
export interface AddressUser {
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
export class OwnAddresses {
  private readonly port: OwnAddressPort;
  private readonly users: AddressUser[] = [];
  /** Work on the air, one after the other. Never rejects. */
  private last: Promise<void> = Promise.resolve();
  private address: Uint8Array | undefined = undefined;
  /** What the controller has for its random address. */
  private current: Uint8Array | undefined = undefined;

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
    await this.set(this.staticRandom);
  }

  /**
   * Makes `own` the address on the air, for a user that is off the air itself. Only inside `exclusive`.
   * @throws HciError when the controller refuses.
   */
  async apply(own: OwnAddress, user: AddressUser): Promise<void> {
    const { address } = own;
    if (!address || address === this.current) return;
    const others = this.users.filter((other) => other !== user);
    for (const other of others) await other.suspend();
    try {
      await this.set(address);
    } finally {
      for (const other of others) await other.resume();
    }
  }

  private async set(address: Uint8Array): Promise<void> {
    await this.port.hci.send(leSetRandomAddress, { randomAddress: address });
    this.current = address;
  }

  /** The static random address: drawn once and kept on flash. Six bytes in printed order, the same array each time. */
  get staticRandom(): Uint8Array {
    if (!this.address) {
      const { records, log } = this.port;
      try {
        const stored = records.get(ADDRESS_KEY);
        if (stored && isStaticRandomAddress(stored)) this.address = stored;
        else records.set(ADDRESS_KEY, this.draw());
      } catch (error) {
        // Better a camera that has a new address after each start than none.
        log("warning", `host: the address lasts only until the next start: ${textOf(error)}`);
      }
    }
    return this.address ?? this.draw();
  }

  private draw(): Uint8Array {
    this.address = createStaticRandomAddress((length) => this.port.random(length));
    return this.address;
  }

  /** The address for an advertisement under this `addrMode`. */
  forAdvertising(addrMode: number, connectable: boolean): OwnAddress {
    if (addrMode === ADDRESS_MODE.PUBLIC) return { type: ADDRESS_TYPE.PUBLIC };
    const isPrivate = addrMode === ADDRESS_MODE.NON_RESOLVABLE && !connectable;
    const address = isPrivate
      ? createNonResolvableAddress((length) => this.port.random(length))
      : this.staticRandom;
    return { type: ADDRESS_TYPE.RANDOM, address };
  }
}

function nothing(): void {}
