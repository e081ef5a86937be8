/** Who this device and its peers are: Identity Addresses, and what bonds say of an address on the air (Vol 3, Part C, 10.8). */
import { formatAddress } from "./codec.ts";
import type { Settings } from "./config.ts";
import { BleError } from "./errors.ts";
import { ADDRESS_TYPE, isResolvableAddress, isStaticRandomAddress } from "./gap/address.ts";
import type { Connection } from "./gap/connection.ts";
import { ADDRESS_MODE, type OwnAddress, type OwnAddresses } from "./gap/own-address.ts";
import type { Air, ResolvableAddress } from "./gap/resolvable-address.ts";
import type { QuietAir, ResolvingList } from "./gap/resolving-list.ts";
import type { Bonds } from "./smp/bonds.ts";
import { type Identity, PEER_NAME_MAX } from "./smp/keys.ts";

interface IdentitiesPort {
  readonly settings: Pick<Settings, "addrMode">;
  readonly addresses: OwnAddresses;
  /** Undefined in an image without the feature `security`. */
  readonly bonds: Bonds | undefined;
  /** The driver of a controller that has no public address of its own; undefined for one that has. */
  readonly driver:
    | { readonly publicAddress?: Uint8Array | undefined; checkPublicAddress?(): void }
    | undefined;
  /** See `Host.isOff`. */
  readonly isOff: boolean;
}

/** In place of a public address that the controller has not reported. */
const NO_ADDRESS = new Uint8Array(6);

export class Identities {
  /** The public address, six bytes in printed order; undefined until the radio has been on, and where there is none. */
  publicAddress: Uint8Array | undefined = undefined;
  private readonly port: IdentitiesPort;

  constructor(port: IdentitiesPort) {
    this.port = port;
  }

  /** The controller runs, and has reported this public address. */
  began(reported: Uint8Array): void {
    const { driver } = this.port;
    this.publicAddress = driver ? driver.publicAddress : reported;
  }

  /** @throws BleError `public-address-missing` where this device cannot have a public address on the air. */
  checkPublic(): void {
    this.port.driver?.checkPublicAddress?.();
  }

  /** The Identity Address of this device: what it is known by, whatever it has on the air. */
  get own(): Identity {
    const { publicAddress } = this;
    const { addresses, settings } = this.port;
    return settings.addrMode === ADDRESS_MODE.PUBLIC && publicAddress !== undefined
      ? { addressType: ADDRESS_TYPE.PUBLIC, address: publicAddress }
      : { addressType: ADDRESS_TYPE.RANDOM, address: addresses.staticRandom };
  }

  /** An own address as peers see it. */
  onAir({ type, address }: OwnAddress): Identity {
    return { addressType: type, address: address ?? this.publicAddress ?? NO_ADDRESS };
  }

  /**
   * Takes over the identity of another camera, from a copy of what it is known by.
   * @throws BleError `radio-on`, RangeError where the address is no static random one, Error when the flash fails.
   */
  adopt(address: Uint8Array): void {
    this.checkAdoption(address);
    this.port.addresses.adopt(address);
  }

  /** Throws where `adopt` would, but for the flash. */
  checkAdoption(address: Uint8Array): void {
    if (!this.port.isOff)
      throw new BleError(
        "radio-on",
        "The radio is on: load secrets before it is switched on, or after await stop().",
      );
    if (!isStaticRandomAddress(address))
      throw new RangeError(`${formatAddress(address)} is no static random address`);
  }

  /** Can have resolvable private addresses from now on. Returns what `createResolvable` makes. */
  resolveBy(createResolvable: (air: Air) => ResolvableAddress): ResolvableAddress {
    const { addresses } = this.port;
    const resolvable = createResolvable(addresses);
    addresses.resolvable = resolvable;
    return resolvable;
  }

  /** Has the controller resolve peers' private addresses from now on, where it can. Returns what `createList` makes. */
  resolveWith(createList: (air: QuietAir) => ResolvingList): ResolvingList {
    const { addresses } = this.port;
    const resolving = createList(addresses);
    addresses.resolving = resolving;
    return resolving;
  }

  /** Whether this device can have resolvable private addresses. */
  get isPrivacyPossible(): boolean {
    return this.port.addresses.resolvable !== undefined;
  }

  /**
   * Who has this address on the air: a bonded device by its Identity Address. A hint, which only its key proves.
   * @param isResolved whether the controller has resolved it, and reported it beside the identity.
   */
  of(address: Identity, isResolved = false): Identity {
    const identity = this.identityOf(address);
    if (identity === address) return address;
    const { addresses } = this.port;
    const isPrivate = address.addressType === ADDRESS_TYPE.RANDOM && isResolvableAddress(address.address);
    if (isPrivate && !isResolved) addresses.resolving?.missed(identity);
    return identity;
  }

  /** The same of an address that may have been on the air before: it says nothing of the controller. */
  identityOf(address: Identity): Identity {
    return this.port.bonds?.get(address.addressType & 1, address.address)?.identity ?? address;
  }

  /**
   * Whether the device with this identity may be on the air under private addresses that its bond resolves, and not the
   * controller.
   */
  isResolvedHere(addressType: number, address: Uint8Array): boolean {
    const { addresses, bonds } = this.port;
    const isPrivate = bonds?.get(addressType, address)?.hasIrk === true;
    return isPrivate && addresses.resolving?.find({ addressType, address }) === undefined;
  }

  /** The GAP Device Name of a peer was read; it is kept with its bond, now or once there is one. */
  named(connection: Connection, name: Uint8Array): void {
    connection.peerName = name.slice(0, PEER_NAME_MAX);
    if (connection.bond) this.port.bonds?.named(connection.bond.identity, name);
  }
}
