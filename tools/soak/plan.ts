/** What the centrals of one round want, drawn from the seed of the run. */
import { SeededRandom } from "../../simulator/random.ts";
import { STREAMS } from "./script.ts";

/** Centrals at a time. */
export const MEMBERS = 3;

/** ATT_MTU that a central may ask for; 23 is what a link has before anybody asks. */
const MTUS = [23, 64, 247, 517] as const;

/** Bounds of random times, in milliseconds. */
const VANISH_WITHIN_MS = 250;
const VANISH_EARLY_WITHIN_MS = 400;

/** One central's part in a round; centrals.py takes it as it is. */
export interface Wish {
  /** UUIDs of the streams that it subscribes to. */
  readonly subscribe: readonly string[];
  readonly writes: boolean;
  readonly mtu: number;
  /** Of what it writes, and when. */
  readonly seed: number;
  /** Vanishes wherever it is, and the others do not wait for it. */
  readonly early: boolean;
  /** After everybody is where they wanted to be; when early, after its own beginning. */
  readonly vanishAfterMs: number;
}

/** One that comes alone, does everything for a while, and vanishes. */
export const CALM: Wish = {
  subscribe: STREAMS,
  writes: true,
  mtu: 247,
  seed: 1,
  early: false,
  vanishAfterMs: 300,
};

/** Two subscribe, one writes; in every fourth round, on average, one of them vanishes early. */
export function planRound(seed: number, round: number): Wish[] {
  const random = new SeededRandom(Math.imul(seed, 0x10001) + round);
  const below = (limit: number): number => Math.floor(random.fraction() * limit);
  const writer = below(MEMBERS);
  const early = random.chance(1 / 4) ? below(MEMBERS) : undefined;
  return Array.from({ length: MEMBERS }, (_, member) => {
    const choice = 1 + below(2 ** STREAMS.length - 1);
    const writes = member === writer;
    const isEarly = member === early;
    return {
      subscribe: writes ? [] : STREAMS.filter((_uuid, bit) => (choice & (1 << bit)) !== 0),
      writes,
      mtu: MTUS[below(MTUS.length)]!,
      seed: random.u32(),
      early: isEarly,
      vanishAfterMs: below(isEarly ? VANISH_EARLY_WITHIN_MS : VANISH_WITHIN_MS),
    };
  });
}
