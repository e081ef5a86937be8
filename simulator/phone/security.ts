/** What a phone keeps of cameras that it has bonded with, and what it takes to pair. */
import type { Crypto } from "../../firmware/platform/platform.ts";
import { SmpFunctions } from "./smp-functions.ts";

/** A device by its address; six bytes in printed order. */
export interface Party {
  readonly addressType: number;
  readonly address: Uint8Array;
}

/** What a pairing left. All keys are most significant byte first. */
export interface PhoneBond {
  /** The camera's Identity Address. */
  readonly camera: Party;
  /** The camera's Identity Resolving Key, when it gave one. */
  readonly irk: Uint8Array | undefined;
  readonly longTermKey: Uint8Array;
  readonly encryptedDiversifier: number;
  /** As it was on the air. */
  readonly randomNumber: Uint8Array;
  /** A passkey or a comparison by LE Secure Connections. */
  readonly isAuthenticated: boolean;
  readonly isSecureConnections: boolean;
}

export class PhoneSecurity {
  readonly crypto: Crypto;
  readonly functions: SmpFunctions;
  /** This phone's Identity Resolving Key. */
  readonly irk: Uint8Array;
  readonly random: (length: number) => Uint8Array;
  /** Whether it gives its IRK and its Identity Address when it pairs; one that does not also takes none (Vol 3, Part H, 2.4.3). */
  givesIdentity = true;
  private bonds: PhoneBond[] = [];

  constructor(crypto: Crypto, random: (length: number) => Uint8Array) {
    this.crypto = crypto;
    this.functions = new SmpFunctions(crypto);
    this.random = random;
    this.irk = random(16);
  }

  /** The bond with the camera of this address, resolvable private addresses included. */
  find({ addressType, address }: Party): PhoneBond | undefined {
    return this.bonds.find(
      ({ camera, irk }) =>
        isSameParty(camera, { addressType, address }) ||
        (addressType === 1 && irk !== undefined && this.functions.resolves(irk, address)),
    );
  }

  keep(bond: PhoneBond): void {
    this.bonds = [...this.bonds.filter(({ camera }) => !isSameParty(camera, bond.camera)), bond];
  }

  /** Whether there was one. */
  forget(party: Party): boolean {
    const bond = this.find(party);
    this.bonds = this.bonds.filter((other) => other !== bond);
    return bond !== undefined;
  }
}

function isSameParty(one: Party, other: Party): boolean {
  return (
    (one.addressType & 1) === (other.addressType & 1) &&
    one.address.every((byte, at) => byte === other.address[at])
  );
}
