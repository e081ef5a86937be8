/**
 * Feeds a target inputs that begin as entries of a corpus, or as the target's own inventions, and are then damaged. An
 * input is a list of packets. The same seed gives the same inputs; a failure names the seed and the input's number.
 */

import { SeededRandom } from "../../simulator/random.ts";
import { fromHex, toHex } from "../support/bytes.ts";

/** What is fuzzed. */
export interface Target {
  /** Entries of the corpus: packets as hexadecimal digits. */
  readonly corpus: readonly (readonly string[])[];
  /** Starts what the inputs are fed to. */
  begin?(): Promise<void>;
  /** Ends it, whatever came. */
  end?(): Promise<void>;
  /** A packet that the target would make up. */
  invent(random: SeededRandom): Uint8Array;
  /** Feeds one input; throws when something that must hold does not. */
  run(packets: readonly Uint8Array[], random: SeededRandom): Promise<void> | void;
}

export interface Budget {
  readonly seed: number;
  /** Stop after so many inputs. */
  readonly inputs: number;
  /** Or after so many seconds. */
  readonly seconds: number;
}

export interface Figures {
  readonly seed: number;
  inputs: number;
  packets: number;
  heapGrowthKiB: number;
}

/** Bytes that packets have a meaning for. */
const EDGE_BYTES = [0x00, 0x01, 0x02, 0x03, 0x04, 0x10, 0x16, 0x17, 0x28, 0x7f, 0x80, 0xfe, 0xff];
const MAX_PACKETS = 12;
const MAX_LENGTH = 600;

/**
 * A few seconds' worth by default; OBSCURA_FUZZ_SECONDS runs for that long instead, OBSCURA_FUZZ_SEED begins elsewhere.
 */
export function budgetOf(defaultInputs: number): Budget {
  const seconds = Number(process.env.OBSCURA_FUZZ_SECONDS ?? 0);
  const seed = Number(process.env.OBSCURA_FUZZ_SEED ?? 1);
  if (!(seconds >= 0) || !Number.isInteger(seed)) {
    throw new Error("OBSCURA_FUZZ_SECONDS takes a number of seconds, OBSCURA_FUZZ_SEED an integer");
  }
  return seconds > 0
    ? { seed, seconds, inputs: Number.POSITIVE_INFINITY }
    : { seed, seconds: Number.POSITIVE_INFINITY, inputs: defaultInputs };
}

function damage(packet: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = [...packet];
  for (let times = random.below(4); times > 0; times--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.below(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = EDGE_BYTES[random.below(EDGE_BYTES.length)]!;
        break;
      case 2:
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << random.below(8));
        break;
      case 3:
        bytes.splice(at, random.below(4));
        break;
      case 4:
        bytes.splice(at, 0, ...random.bytes(random.below(5)));
        break;
      default:
        bytes.splice(at, 0, ...bytes.slice(0, random.below(bytes.length + 1)));
    }
  }
  return Uint8Array.from(bytes.slice(0, MAX_LENGTH));
}

function compose(
  target: Target,
  corpus: readonly (readonly Uint8Array[])[],
  random: SeededRandom,
): Uint8Array[] {
  const packets = random.below(3) === 0 ? [] : [...corpus[random.below(corpus.length)]!];
  for (let times = random.below(MAX_PACKETS); times > 0; times--) {
    packets.splice(random.below(packets.length + 1), 0, target.invent(random));
  }
  if (random.below(4) === 0) packets.splice(random.below(packets.length + 1), random.below(3));
  return packets.map((packet) => damage(packet, random));
}

async function feed(
  target: Target,
  packets: readonly Uint8Array[],
  seed: number,
  name: string,
): Promise<void> {
  try {
    await target.run(packets, new SeededRandom(seed));
  } catch (error) {
    const input = JSON.stringify(packets.map((packet) => toHex(packet).split(" ").join("")));
    throw new Error(`${name}: ${error}\ninput: ${input}`, { cause: error });
  }
}

/** The entries of the corpus as they are, then damaged inputs until the budget is spent. */
export async function fuzz(target: Target, budget: Budget): Promise<Figures> {
  try {
    await target.begin?.();
    return await feedAll(target, budget);
  } finally {
    await target.end?.();
  }
}

async function feedAll(target: Target, budget: Budget): Promise<Figures> {
  const corpus = target.corpus.map((packets) => packets.map(fromHex));
  const figures: Figures = { seed: budget.seed, inputs: 0, packets: 0, heapGrowthKiB: 0 };
  for (const [at, packets] of corpus.entries()) await feed(target, packets, at, `corpus entry ${at}`);
  const before = process.memoryUsage().heapUsed;
  const endMs = performance.now() + budget.seconds * 1000;
  for (; figures.inputs < budget.inputs && performance.now() < endMs; figures.inputs++) {
    const seed = Math.imul(budget.seed, 0x9e3779b1) ^ figures.inputs;
    const packets = compose(target, corpus, new SeededRandom(seed));
    await feed(target, packets, seed, `seed ${budget.seed}, input ${figures.inputs}`);
    figures.packets += packets.length;
  }
  figures.heapGrowthKiB = Math.round((process.memoryUsage().heapUsed - before) / 1024);
  return figures;
}
