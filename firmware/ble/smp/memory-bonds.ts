/** Bonds that last until the camera starts again. */
import { type Bond, type BondKeeper, type Identity, isSameIdentity } from "./keys.ts";

/** As many as are kept; the oldest goes. */
const MAX_BONDS = 8;

export class MemoryBonds implements BondKeeper {
  private bonds: Bond[] = [];
  private irk: Uint8Array | undefined = undefined;
  private readonly random: (length: number) => Uint8Array;

  constructor(random: (length: number) => Uint8Array) {
    this.random = random;
  }

  find(addressType: number, address: Uint8Array): Bond | undefined {
    return this.bonds.find(({ identity }) => isSameIdentity(identity, { addressType, address }));
  }

  hasRoom(): boolean {
    return true;
  }

  keep(bond: Bond): void {
    this.forget(bond.identity);
    this.bonds = [...this.bonds.slice(1 - MAX_BONDS), bond];
  }

  forget(identity: Identity): boolean {
    const { length } = this.bonds;
    this.bonds = this.bonds.filter((bond) => !isSameIdentity(bond.identity, identity));
    return this.bonds.length < length;
  }

  ownIrk(): Uint8Array {
    this.irk ??= this.random(16);
    return this.irk;
  }
}
