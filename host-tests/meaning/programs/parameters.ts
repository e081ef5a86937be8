/** Parameters: read, written, missing, captured, with defaults, destructured, gathered, and across waits. */
import { attempt } from "./parts/attempt.ts";

const readOnly = (a: number, b: number, c?: number) => `${a} ${b} ${c} ${a + b}`;
console.log(readOnly(1, 2));
console.log(readOnly(1, 2, 3));
console.log((readOnly as (...all: number[]) => string)(1, 2, 3, 4));
console.log((readOnly as (...all: number[]) => string)());

function written(a: number, b: number, c: number): string {
  const before = `${a} ${b} ${c}`;
  b += a;
  for (c = 0; c < 3; c++) a++;
  return `${before} ${a} ${b} ${c}`;
}
console.log(written(1, 2, 3));

/** Of five, some are read, some written, some captured, one is unused: those left keep their values. */
function mixed(a: number, b: number, _c: number, d: number, e: number): string {
  b *= 2;
  const later = () => d + e;
  e++;
  let f = a + 1;
  const g = f + b;
  f++;
  return `${a} ${b} ${d} ${e} ${f} ${g} ${later()}`;
}
console.log(mixed(1, 2, 3, 4, 5));

/** The values that were given, whatever becomes of the parameters. */
function given(a: number, _b: number): string {
  const before = [...arguments].join();
  a = 9;
  return `${before} ${[...arguments].join()} ${a} ${arguments.length}`;
}
console.log(given(1, 2));

function defaults(a: number, b = a + 1, c = (() => a + b)()): string {
  return `${a} ${b} ${c}`;
}
console.log(defaults(1));
console.log(defaults(1, undefined, 5));
// @ts-expect-error: a parameter that has no value yet
const early = (a = b, b = 1) => a + b;
console.log(attempt(() => early()));
console.log(attempt(() => early(1)));
const ownDefault = (a = () => b, b = 2) => a() + b;
console.log(`${ownDefault()}`);

const gathered = (first: number, ...others: number[]) => `${first}: ${others.join("-")}`;
console.log(gathered(1));
console.log(gathered(1, 2, 3));
const destructured = ({ a, b = 7 }: { a: number; b?: number }, [c, d]: number[], e: number) =>
  `${a} ${b} ${c} ${d} ${e}`;
console.log(destructured({ a: 1 }, [2, 3], 4));

async function waits(a: number, b: Promise<number>, c: number): Promise<string> {
  const first = await b;
  const later = () => c;
  await Promise.resolve();
  return `${a} ${first} ${c} ${await b} ${later()}`;
}
console.log(await waits(1, Promise.resolve(2), 3));

function* counts(from: number, to: number, step = 1): Generator<number, string, number | undefined> {
  let sum = 0;
  for (let at = from; at < to; at += step) sum += (yield at) ?? 0;
  return `${from} ${to} ${step} ${sum}`;
}
const counter = counts(1, 4);
console.log([counter.next().value, counter.next(10).value, counter.next(20).value].join());
console.log(`${counter.next(30).value}`);

async function* waitsAndCounts(from: number, to: number): AsyncGenerator<number> {
  for (let at = from; at < to; at++) yield await Promise.resolve(at * to);
}
for await (const value of waitsAndCounts(2, 5)) console.log(`${value}`);

class Pair {
  readonly sum: number;
  readonly set: (value: number) => number;
  constructor(
    readonly a: number,
    b: number,
    private c: number,
  ) {
    this.sum = a + b;
    this.set = (value) => (this.c = value + b);
  }
  static of(a: number, b: number): Pair {
    return new this(a, b, 0);
  }
  get third(): number {
    return this.c;
  }
  set third(value: number) {
    this.c = value * 2;
  }
}
class Named extends Pair {
  constructor(
    readonly name: string,
    a: number,
    b: number,
  ) {
    super(a, b, a * b);
  }
}
const pair = Named.of.call(Pair, 3, 4);
const named = new Named("n", 5, 6);
named.third += 1;
console.log(`${pair.sum} ${pair.set(1)} ${pair.third} ${named.name} ${named.sum} ${named.third}`);

function recursive(depth: number, path: string): string {
  if (depth === 0) return path;
  return recursive(depth - 1, `${path}${depth}`) + depth;
}
console.log(recursive(4, ""));

function twice(this: unknown, _a: unknown, a: unknown, name: string): string {
  try {
    throw a;
  } catch (a) {
    const name = `${a}!`;
    return `${name} ${typeof this}`;
  } finally {
    console.log(`${a} ${name}`);
  }
}
console.log(twice.call(undefined, 0, "thrown", "kept"));
console.log(`${readOnly.length} ${written.length} ${defaults.length} ${gathered.length}`);
