/** `security.bonds`: the devices that this camera is bonded with. */
import type { Bonds as KeptBonds } from "../ble/smp/bonds.ts";
import type { BondInfo } from "../ble/smp/kept-bond.ts";
import type { Identity } from "../ble/smp/keys.ts";
import { utf8Decode } from "../ble/utf8.ts";
import type { Core } from "./core.ts";
import { Device } from "./device.ts";

/** A bond, without its keys. */
export interface BondedDevice {
  /** By its identity. */
  readonly device: Device;
  /** Whether nobody could have stood between when it paired. */
  readonly authenticated: boolean;
  /** Whether it paired by LE Secure Connections. */
  readonly secureConnections: boolean;
  /** Bytes of its key, 7 to 16. */
  readonly keySize: number;
  /** Whether a link to it is encrypted with the bond's key now. */
  readonly connected: boolean;
  /** Its name, where the camera has read it; at most 31 bytes of it. */
  readonly name: string | undefined;
}

export class BondList {
  private readonly core: Core;
  private readonly bonds: KeptBonds;

  /** Not for applications: `security` has one. */
  constructor(core: Core, bonds: KeptBonds) {
    this.core = core;
    this.bonds = bonds;
  }

  /** All of them, the one that was used last first. */
  list(): BondedDevice[] {
    return this.bonds.list().map((info) => this.bondOf(info));
  }

  /** As `list`. */
  [Symbol.iterator](): IterableIterator<BondedDevice> {
    return this.list()[Symbol.iterator]();
  }

  /** How many there are. */
  get size(): number {
    return this.bonds.size;
  }

  /** The bond with this device, by its identity or a private address of it. @throws TypeError for what is no Device. */
  get(device: Device): BondedDevice | undefined {
    const { address, addressType } = identityOf(device);
    const info = this.bonds.get(addressType, address);
    return info && this.bondOf(info);
  }

  /**
   * Deletes the bond with this device; a link that is up stays as it is. The device has to pair again, for which its user
   * makes it forget the camera too.
   * @returns whether there was one.
   * @throws TypeError for what is no Device, Error when the flash fails.
   */
  delete(device: Device): boolean {
    const { address, addressType } = identityOf(device);
    const info = this.bonds.get(addressType, address);
    return info !== undefined && this.bonds.forget(info.identity);
  }

  /** Deletes all. @throws Error when the flash fails; some are gone then. */
  clear(): void {
    this.bonds.forgetAll();
  }

  private bondOf(info: BondInfo): BondedDevice {
    const { identity, isAuthenticated, isConnected, isSecureConnections, keySize, name } = info;
    return {
      device: this.core.createDevice(identity.addressType, identity.address),
      authenticated: isAuthenticated,
      secureConnections: isSecureConnections,
      keySize,
      connected: isConnected,
      name: name.length > 0 ? utf8Decode(name) : undefined,
    };
  }
}

function identityOf(device: unknown): Identity {
  if (!(device instanceof Device)) throw new TypeError("security.bonds takes a Device");
  return { addressType: device.addrType, address: device.addr };
}
