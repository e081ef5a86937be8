/** Device addresses (Vol 6, Part B, 1.3). Six bytes in printed order, most significant first. */

import { sameBytes } from "../codec.ts";

/** Kinds of address as HCI numbers them (Vol 4, Part E, 7.8.5). */
export const ADDRESS_TYPE = { PUBLIC: 0x00, RANDOM: 0x01 } as const;

export const ADDRESS_LENGTH = 6;

/** A device, as commands and lists of the controller name it. */
export interface ListedDevice {
  /** 0 public, 1 random. */
  readonly addressType: number;
  /** Six bytes in printed order. */
  readonly address: Uint8Array;
}

/** Whether both are the same device. */
export function sameDevice(one: ListedDevice, other: ListedDevice): boolean {
  return one.addressType === other.addressType && sameBytes(one.address, other.address);
}

/** Key under which an identifier is enciphered for an address: "obscura address". It is no secret. */
const ADDRESS_OF_DEVICE = Uint8Array.of(
  ...[0x6f, 0x62, 0x73, 0x63, 0x75, 0x72, 0x61, 0x20, 0x61, 0x64, 0x64, 0x72, 0x65, 0x73, 0x73, 0x00],
);

/** Whether these are the bytes of a static random address: the two top bits set, the rest neither all 0 nor all 1 (1.3.2.1). */
export function isStaticRandomAddress(address: Uint8Array): boolean {
  if (address.length !== ADDRESS_LENGTH || (address[0]! & 0xc0) !== 0xc0) return false;
  const rest = [address[0]! & 0x3f, address[1]!, address[2]!, address[3]!, address[4]!, address[5]!];
  const zeros = rest.every((byte) => byte === 0);
  const ones = rest.every((byte, index) => byte === (index === 0 ? 0x3f : 0xff));
  return !zeros && !ones;
}

/** Whether these are the bytes of a resolvable private address: of the two top bits the lower one set (1.3.2.2). */
export function isResolvableAddress(address: Uint8Array): boolean {
  return (address[0]! & 0xc0) === 0x40;
}

/** The security function e of the platform: encrypts a block of 16 bytes under a key of 16. */
export type Aes128 = (key: Uint8Array, block: Uint8Array) => Uint8Array;

/**
 * Draws a resolvable private address: three random bytes, the two top bits 01 and the rest neither all 0 nor all 1, then
 * their hash under this device's Identity Resolving Key (1.3.2.2).
 */
export function createResolvableAddress(
  irk: Uint8Array,
  aes128: Aes128,
  random: (length: number) => Uint8Array,
): Uint8Array {
  for (;;) {
    const prand = random(3);
    prand[0] = (prand[0]! & 0x3f) | 0x40;
    const rest = [prand[0] & 0x3f, prand[1]!, prand[2]!];
    if (rest.every((byte) => byte === 0) || rest.every((byte, at) => byte === (at === 0 ? 0x3f : 0xff)))
      continue;
    const hash = aes128(irk, blockOf(prand));
    return new Uint8Array([...prand, hash[13]!, hash[14]!, hash[15]!]);
  }
}

/** The first of these Identity Resolving Keys that a resolvable private address was made with; -1 for none (1.3.2.3). */
export function findResolvingKey(address: Uint8Array, irks: readonly Uint8Array[], aes128: Aes128): number {
  const block = blockOf(address);
  const last = address[5];
  for (let at = 0; at < irks.length; at++) {
    const hash = aes128(irks[at]!, block);
    if (hash[15] === last && hash[14] === address[4] && hash[13] === address[3]) return at;
  }
  return -1;
}

/** What the random address hash function encrypts: prand behind 13 bytes of 0 (Vol 3, Part H, 2.2.2). */
function blockOf(prand: Uint8Array): Uint8Array {
  const block = new Uint8Array(16);
  block[13] = prand[0]!;
  block[14] = prand[1]!;
  block[15] = prand[2]!;
  return block;
}

/** Draws a static random address. */
export function createStaticRandomAddress(random: (length: number) => Uint8Array): Uint8Array {
  for (;;) {
    const address = random(ADDRESS_LENGTH);
    address[0] = address[0]! | 0xc0;
    if (isStaticRandomAddress(address)) return address;
  }
}

/**
 * The static random address of a device by its unique identifier, at most 15 bytes of it: the same at every call, for two
 * devices with near certainty another.
 */
export function deriveStaticRandomAddress(uniqueId: Uint8Array, aes128: Aes128): Uint8Array {
  const block = new Uint8Array(16);
  block.set(uniqueId.subarray(0, block.length - 1), 1);
  return createStaticRandomAddress((length) => {
    const address = aes128(ADDRESS_OF_DEVICE, block).slice(0, length);
    block[0] = (block[0]! + 1) & 0xff;
    return address;
  });
}

/** Draws a non-resolvable private address: the two top bits clear, the rest neither all 0 nor all 1 (1.3.2.2). */
export function createNonResolvableAddress(random: (length: number) => Uint8Array): Uint8Array {
  const address = createStaticRandomAddress(random);
  address[0] = address[0]! & 0x3f;
  return address;
}
