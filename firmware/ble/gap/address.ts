/** Device addresses (Vol 6, Part B, 1.3). Six bytes in printed order, most significant first. */

/** Kinds of address as HCI numbers them (Vol 4, Part E, 7.8.5). */
export const ADDRESS_TYPE = { PUBLIC: 0x00, RANDOM: 0x01 } as const;

export const ADDRESS_LENGTH = 6;

/** Whether these are the bytes of a static random address: the two top bits set, the rest neither all 0 nor all 1 (1.3.2.1). */
export function isStaticRandomAddress(address: Uint8Array): boolean {
  if (address.length !== ADDRESS_LENGTH || (address[0]! & 0xc0) !== 0xc0) return false;
  const rest = [address[0]! & 0x3f, address[1]!, address[2]!, address[3]!, address[4]!, address[5]!];
  const zeros = rest.every((byte) => byte === 0);
  const ones = rest.every((byte, index) => byte === (index === 0 ? 0x3f : 0xff));
  return !zeros && !ones;
}

/** Draws a static random address. */
export function createStaticRandomAddress(random: (length: number) => Uint8Array): Uint8Array {
  for (;;) {
    const address = random(ADDRESS_LENGTH);
    address[0] = address[0]! | 0xc0;
    if (isStaticRandomAddress(address)) return address;
  }
}

/** Draws a non-resolvable private address: the two top bits clear, the rest neither all 0 nor all 1 (1.3.2.2). */
export function createNonResolvableAddress(random: (length: number) => Uint8Array): Uint8Array {
  const address = createStaticRandomAddress(random);
  address[0] = address[0]! & 0x3f;
  return address;
}
