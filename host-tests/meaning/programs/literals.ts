/** Object and array literals, and patterns: nested, with effects in their order, that throw, wait, or are left. */
import { attempt } from "./parts/attempt.ts";

const order: string[] = [];
function noted<T>(name: string, value: T): T {
  order.push(name);
  return value;
}

function nested(a: number, b: number | undefined): string {
  const key = `k${a}`;
  const made = {
    a: noted("a", a),
    [noted("key", key)]: noted("value", [a, [b, { b }], []]),
    choice: b === undefined ? { none: true } : { some: b, twice: b * 2 },
    chosen: b ?? { missing: a },
    chained: ({ deep: b } as { deep?: number } | undefined)?.deep,
    get read(): number {
      return this.a + 1;
    },
    method(c: number) {
      return { c, sum: c + this.a };
    },
    call: noted("call", (c: number) => [c, a])(7),
    ...(b ? { spread: b, a: a + 100 } : {}),
    last: [...[a, b], ...[], { end: [1, , 3] }],
  };
  return `${JSON.stringify(made)} ${made.read} ${JSON.stringify(made.method(2))}`;
}
console.log(nested(1, 2));
console.log(nested(1, undefined));
console.log(order.join());

const inherits = { __proto__: { base: "base" }, own: { __proto__: null, x: 1 } } as unknown as {
  base: string;
};
console.log(`${inherits.base} ${Object.keys(inherits).join()}`);
console.log(
  attempt(() => ({
    a: 1,
    b: (() => {
      throw new RangeError();
    })(),
  })),
);

interface Inner {
  c: number;
  d?: [number, number?];
}
function patterns(
  { a, b: { c, d: [e, f = a + 1] = [8] } = { c: 5 } }: { a: number; b?: Inner },
  { length }: string,
) {
  let x: number | undefined;
  let y: number | undefined;
  const target: { z?: number; rest?: object } = {};
  ({ x, y = a } = { x: length } as { x: number; y?: number });
  ({ z: target.z, ...target.rest } = { z: c, one: 1, two: e });
  const { [`${a}`]: dynamic, other = () => dynamic } = { "1": "one" } as Record<string, unknown>;
  const chained = ({ x } = { x: 9 });
  return `${a} ${c} ${e} ${f} ${length} ${x} ${y} ${JSON.stringify(target)} ${dynamic} ${typeof other} ${JSON.stringify(chained)}`;
}
console.log(patterns({ a: 1 }, "four"));
console.log(patterns({ a: 2, b: { c: 3, d: [4] } }, "fifth"));
console.log(patterns({ a: 3, b: { c: 3, d: [4, 6] } }, ""));

function ofNothing(value: { a: number } | undefined | null): unknown {
  const { a } = value!;
  return a;
}
console.log(`${attempt(() => ofNothing(undefined))} ${attempt(() => ofNothing(null))}`);
console.log(attempt(() => ofNothing(5 as unknown as { a: number })));
// biome-ignore lint/correctness/noEmptyPattern: what is tested
const empty = ({}: object) => "taken";
console.log(`${attempt(() => empty({}))} ${attempt(() => empty(undefined as unknown as object))}`);
const { toFixed, constructor } = 5.5;
console.log(`${toFixed.call(1.25, 1)} ${constructor === Number}`);

class Getter {
  reads = 0;
  get value() {
    return { first: ++this.reads, second: this.reads * 10 };
  }
}
const getter = new Getter();
const {
  value: { first, second },
  value: again,
  reads,
} = getter;
console.log(`${first} ${second} ${JSON.stringify(again)} ${reads}`);

/** A literal that is under way while the function waits, fails or returns. */
async function waits(fail: boolean): Promise<string> {
  const wait = async (value: number) => {
    await null;
    if (fail && value === 3) throw new RangeError();
    return value;
  };
  try {
    const made = { a: await wait(1), b: [await wait(2), { c: await wait(3) }], d: { ...(await { e: 4 }) } };
    const {
      a,
      b: [b = await wait(0)],
    } = { ...made, b: [await wait(5)] };
    return `${JSON.stringify(made)} ${a} ${b}`;
  } catch (error) {
    return `${(error as Error).name} ${JSON.stringify({ after: await wait(6) })}`;
  }
}
console.log(await waits(false));
console.log(await waits(true));

function* yields(): Generator<unknown, unknown, number> {
  for (const name of ["x", "y"]) {
    try {
      const made = { name, a: yield `${name}1`, b: [yield `${name}2`, 1] };
      yield JSON.stringify(made);
    } finally {
      yield { left: name };
    }
  }
  return { end: [yield "end"] };
}
const all: unknown[] = [];
const one = yields();
for (let next = one.next(0), i = 1; !next.done; next = one.next(i++)) all.push(next.value);
console.log(JSON.stringify(all));
const two = yields();
two.next(0);
two.next(1);
console.log(`${JSON.stringify(two.return(0))} ${JSON.stringify(two.next(0))}`);

function loops(): string {
  const found: unknown[] = [];
  for (const { a, b = { c: a } } of [{ a: 1 }, { a: 2, b: { c: 5 } }, { a: 3 }]) {
    if (a === 2) continue;
    const unused = { a };
    const { c } = b;
    found.push({ a, c });
    if (a === 3) break;
  }
  for (const [key, { length }] of Object.entries({ one: "1", three: "333" })) {
    const pair = [key, length];
    found.push(pair);
  }
  label: for (const x of [[1, 2], [3]]) {
    for (const y of x) {
      const made = { x, y };
      if (y === 2) continue label;
      found.push(made.y);
    }
  }
  try {
    const { value } = { value: found.length };
    if (value > 2) return JSON.stringify({ found, value });
  } finally {
    const { length } = found;
    found.push({ length });
  }
  return "not here";
}
console.log(loops());

function ignored(a: number): string {
  const unused = a + 1;
  let written = 0;
  written = noted("written", a);
  const { left, ...taken } = { left: noted("left", 1), b: { c: a } };
  const [, second] = [noted("first", 1), { second: a }];
  try {
    throw new Error();
  } catch {}
  try {
    throw new RangeError();
  } catch (error) {}
  for (const _ of [1, 2]) a++;
  return `${JSON.stringify([taken, second])} ${a}`;
}
order.length = 0;
console.log(`${ignored(3)} ${order.join()}`);

/** Templates: of nothing but values, nested, with what converts itself, and with what cannot be converted. */
function template(a: unknown, b: unknown): string[] {
  const nested = `${`${a}`}${a ? `${b}-` : ""}${`[${`${b}`}]`}`;
  const sum = `${a}` + `${b}` + "";
  const number = (`${a}` as unknown as number) * 2;
  return [`${a}`, `${a}${b}`, `${""}${a}${""}`, `<${a}`, `${b}>`, nested, sum, typeof `${1}`, `${number}`];
}
console.log(template(1, "two").join());
console.log(template(undefined, [3, { toString: () => "four" }]).join());
console.log(attempt(() => template(Symbol("none"), 1)));
const converts = { toString: () => noted("toString", "s"), valueOf: () => noted("valueOf", 5) };
order.length = 0;
console.log(`${`${converts}`} ${`${converts}${converts}`} ${attempt(() => "" + converts)} ${order.join()}`);
