/** The addresses that this device has on the air (Vol 6, Part B, 1.3). */
import type { LogLevel } from "../../platform/platform.ts";
import {
  ADDRESS_TYPE,
  createNonResolvableAddress,
  createStaticRandomAddress,
  isStaticRandomAddress,
} from "./address.ts";
import type { OwnAddress } from "./advertiser.ts";

/** Kinds of own address, as the setting `addrMode` numbers them. */
export const ADDRESS_MODE = { PUBLIC: 0, STATIC_RANDOM: 1, RESOLVABLE: 2, NON_RESOLVABLE: 3 } as const;

/** Key of the static random address among the records. */
const ADDRESS_KEY = "address";

/** Small named values that survive a power cut. */
export interface Records {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
}

/** What the addresses are made of. */
export interface OwnAddressPort {
  readonly records: Records;
  random(length: number): Uint8Array;
  log(level: LogLevel, message: string): void;
}

export class OwnAddresses {
  private readonly port: OwnAddressPort;
  private address: Uint8Array | undefined = undefined;

  constructor(port: OwnAddressPort) {
    this.port = port;
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
        log("warning", `host: the address lasts only until the next start: ${error}`);
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
