/** Where the bonds of a copy go, beside those that there are: all of them have a place, or none is taken over. */
import { isOf } from "./identities.ts";
import { isStranger, type KeptBond, strangersMax } from "./kept-bond.ts";
import type { Bond } from "./keys.ts";

/** What there is. */
export interface Occupied {
  readonly entries: readonly KeptBond[];
  readonly maxBonds: number;
  /** Slots that no bond has, and may. */
  readonly free: readonly number[];
}

export interface PlacedBond {
  readonly slot: number;
  readonly bond: Bond;
}

/**
 * A bond of the same two devices takes the place of the one that there is; no other gives way.
 * @throws RangeError when there is no room for all of them.
 */
export function placesFor(bonds: readonly Bond[], { entries, maxBonds, free }: Occupied): PlacedBond[] {
  const formerOf = ({ identity, ownIdentity }: Bond): KeptBond | undefined =>
    entries.find((entry) => isOf(entry.bond, identity, ownIdentity));
  const formers = bonds.map(formerOf);
  const all = [...bonds, ...entries.filter((entry) => !formers.includes(entry)).map(({ bond }) => bond)];
  const more = formers.filter((former) => former === undefined).length;
  if (all.length > maxBonds || more > free.length)
    throw new RangeError(
      `loadSecrets: there would be ${all.length} bonds, where maxBonds is ${maxBonds}: delete some, or raise it`,
    );
  const strangers = all.filter(isStranger).length;
  if (strangers > strangersMax(maxBonds))
    throw new RangeError(
      `loadSecrets: there would be ${strangers} bonds of strangers, which have ${strangersMax(maxBonds)} of ${maxBonds} places: delete some, or raise maxBonds`,
    );
  const left = [...free];
  return bonds.map((bond, at) => ({ bond, slot: formers[at]?.slot ?? left.shift()! }));
}
