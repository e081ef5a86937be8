/** Devices, known by their addresses. */

import { formatAddress, sameBytes } from "../ble/codec.ts";
import { ADDRESS_LENGTH, ADDRESS_TYPE } from "../ble/gap/address.ts";
import type { Central, ConnectOptions } from "./central.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { BleError } from "./errors.ts";
import type { KeepConnectedOptions } from "./keep-connected.ts";

/** A public device address (Vol 6, Part B, 1.3.1). */
export const ADDR_PUBLIC = ADDRESS_TYPE.PUBLIC;
/** A random device address (Vol 6, Part B, 1.3.2). */
export const ADDR_RANDOM = ADDRESS_TYPE.RANDOM;

function parseAddress(text: string): Uint8Array {
  const digits = text.split(":").join("");
  if (digits.length !== 12 || ![...digits].every((digit) => "0123456789abcdefABCDEF".includes(digit))) {
    throw new TypeError(`invalid address "${text}": give 12 hexadecimal digits, colons where you like`);
  }
  return Uint8Array.from({ length: ADDRESS_LENGTH }, (_, at) =>
    Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16),
  );
}

/** A device, known by its address. */
export class Device {
  /** `ADDR_PUBLIC` or `ADDR_RANDOM`. */
  readonly addrType: number;
  /** Six bytes in printed order, most significant first. */
  readonly addr: Uint8Array;
  /**
   * The address that it had on the air when it was found: for a bonded device that has private addresses, another one than
   * `addr`, which is its identity. Else the same; and where the controller has resolved it, which does not report it.
   */
  readonly airAddr: Uint8Array;

  /**
   * @param addrType `ADDR_PUBLIC` or `ADDR_RANDOM`.
   * @param addr six bytes in printed order, or 12 hexadecimal digits with optional colons.
   * @param airAddr not for applications: of a device whose address was resolved.
   * @throws TypeError for any other address or type.
   */
  constructor(addrType: number, addr: Uint8Array | string, airAddr?: Uint8Array) {
    if (addrType !== ADDR_PUBLIC && addrType !== ADDR_RANDOM) {
      throw new TypeError(`invalid address type ${addrType}: ADDR_PUBLIC (0) or ADDR_RANDOM (1)`);
    }
    const bytes = typeof addr === "string" ? parseAddress(addr) : addr;
    if (!(bytes instanceof Uint8Array) || bytes.length !== ADDRESS_LENGTH) {
      throw new TypeError("invalid address: give six bytes or 12 hexadecimal digits");
    }
    this.addrType = addrType;
    this.addr = bytes.slice();
    this.airAddr = airAddr?.slice() ?? this.addr;
  }

  /** Whether it was found under a private address, and known by a bond. */
  get resolved(): boolean {
    return this.airAddr !== this.addr;
  }

  /** Not for applications: how it was found. */
  get onAir(): { readonly addressType: number; readonly address: Uint8Array } {
    const addressType = this.isOnAirAt(this.addr) ? this.addrType : ADDR_RANDOM;
    return { addressType, address: this.airAddr };
  }

  /** Not for applications: whether it was found under this address. */
  isOnAirAt(addr: Uint8Array): boolean {
    return sameBytes(this.airAddr, addr);
  }

  /** Not for applications: whether this is its type and address. */
  isAt(addrType: number, addr: Uint8Array): boolean {
    return this.addrType === addrType && sameBytes(this.addr, addr);
  }

  /**
   * Connects to the device as a central, or returns the connection that there is; one that is ending is waited for, and not
   * returned. Looks for it until it advertises so that
   * one can connect; callers at the same time share one search. The connection is returned once the device was heard of;
   * one that never was (reason 0x3E) is tried again. To a bonded device the link is being encrypted by then, unless `config`
   * says `autoPair: "never"`: what is asked of the device waits until it is, and rejects with the PairingError that says why it
   * cannot be (`bond-lost`, `pairing-failed`); `DeviceConnection.pair` waits for it.
   * @throws RangeError for a bad option. The promise rejects with TimeoutError, the signal's reason, BleError
   * `too-many-connections`, `radio-off` by `stop`, HciError when the controller fails or refuses. In all cases nothing is
   * left behind: the search ends with its last caller, and a link that comes late is ended.
   */
  connect(options: ConnectOptions = {}): Promise<DeviceConnection> {
    return this.centralFor("Device.connect").connect(this, options);
  }

  /**
   * Keeps a connection to the device: connects, yields the connection, and connects again when its link has ended or an
   * attempt has failed, after pauses that grow from `firstPauseMs` to `maxPauseMs` and begin anew behind a link of 10 s.
   * Leaving the loop ends that; the connection that was yielded last stays. `stop()` ends the loop.
   * @throws TypeError or RangeError at once for a bad option. A step rejects with the signal's reason, or with an error that
   * trying again does not mend.
   */
  keepConnected(
    options: KeepConnectedOptions = {},
  ): AsyncIterableIterator<DeviceConnection> & { [Symbol.asyncDispose](): Promise<void> } {
    return this.centralFor("Device.keepConnected").keepConnected(this, options);
  }

  /** Who does what `method` of the public API wants. Not part of the public API. */
  protected centralFor(_method: string): Central {
    throw new BleError("not-supported", "This Device belongs to no camera: import it from aioble.");
  }

  /** The address in lower case with colons: `c0:ff:ee:00:00:01`. */
  addrHex(): string {
    return formatAddress(this.addr);
  }

  /** Whether both are the same type and address. Anything but a Device is unequal. */
  equals(other: unknown): boolean {
    return other instanceof Device && other.addrType === this.addrType && other.addrHex() === this.addrHex();
  }

  toString(): string {
    return `Device(${this.addrType === ADDR_PUBLIC ? "ADDR_PUBLIC" : "ADDR_RANDOM"}, ${this.addrHex()})`;
  }
}
