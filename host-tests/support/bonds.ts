/** Bonds for tests. */
import { createResolvableAddress, findResolvingKey } from "../../firmware/ble/gap/address.ts";
import type { BondsPort } from "../../firmware/ble/smp/bond-store.ts";
import { Bonds } from "../../firmware/ble/smp/bonds.ts";
import type { Bond, Identity } from "../../firmware/ble/smp/keys.ts";
import type { Clock, Crypto, LogLevel, Records } from "../../firmware/platform/platform.ts";
import { crc32 } from "../../firmware/storage/crc32.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { fromHex } from "./bytes.ts";

export const OWN: Identity = { addressType: 1, address: Uint8Array.of(0xc0, 1, 2, 3, 4, 5) };

/** Sixteen bytes that tell one key from another. */
export function keyOf(seed: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, at) => (seed * 31 + at * 7) & 0xff);
}

export function identityOf(seed: number): Identity {
  return {
    addressType: 1,
    address: Uint8Array.of(0xc0 | (seed & 0x3f), 0x10, 0x20, 0x30, seed >> 8, seed & 0xff),
  };
}

/** An attended, unauthenticated bond of LE Secure Connections, unless told otherwise. */
export function bondOf(seed: number, options: Partial<Bond> = {}): Bond {
  const key = { key: keyOf(seed), ediv: 0, rand: new Uint8Array(8) };
  return {
    identity: identityOf(seed),
    ownIdentity: OWN,
    irk: keyOf(seed + 1000),
    keyAsPeripheral: key,
    keyAsCentral: key,
    keySize: 16,
    isAuthenticated: false,
    isSecureConnections: true,
    isAttended: true,
    isFromWindow: false,
    ...options,
  };
}

/** A bond that nobody here attended, and that is not authenticated. */
export function strangerOf(seed: number): Bond {
  return bondOf(seed, { isAttended: false });
}

/** What these were made from, the one that was used last first. */
export function seedsOf(bonds: Pick<Bonds, "list">): number[] {
  return bonds.list().map(({ identity }) => identity.address[5]!);
}

export function resolvableAddressOf(
  seed: number,
  prand: number,
  crypto: Crypto = simulatedCrypto,
): Uint8Array {
  const random = () => Uint8Array.of(prand >> 16, prand >> 8, prand);
  return createResolvableAddress(keyOf(seed + 1000), crypto.aes128, random);
}

export interface BondsOptions {
  readonly maxBonds?: number;
  readonly clock?: Clock;
  readonly own?: () => Identity;
}

export interface TestBonds {
  readonly bonds: Bonds;
  readonly log: [LogLevel, string][];
  readonly settings: { maxBonds: number };
}

/** What `loadSecrets` takes, as it is in the text. */
export interface Copy {
  readonly format: string;
  readonly version: number;
  readonly address: string;
  readonly irk: string;
  readonly bonds: readonly string[];
}

/** The same with the checksum of what it has. */
export function sealed({ address, bonds, irk, ...rest }: Copy): Copy & { readonly crc32: number } {
  return { ...rest, address, irk, bonds, crc32: crc32(fromHex([address, irk, ...bonds].join(""))) };
}

/** The bonds in these records, as a start of the camera finds them. */
export function openBonds(records: Records, options: BondsOptions = {}): TestBonds {
  const log: [LogLevel, string][] = [];
  const settings = { maxBonds: options.maxBonds ?? 8 };
  const still: Clock = { now: () => 0, setTimer: () => undefined, clearTimer: () => {} };
  const port: BondsPort = {
    records,
    clock: options.clock ?? still,
    settings,
    random: (length) => Uint8Array.from({ length }, (_, at) => 0x11 * (at + 1)),
    findResolvingKey: (address, irks) => findResolvingKey(address, irks, simulatedCrypto.aes128),
    ownIdentity: options.own ?? (() => OWN),
    onChanged() {},
    log: (level, message) => log.push([level, message]),
  };
  return { bonds: new Bonds(port), log, settings };
}
