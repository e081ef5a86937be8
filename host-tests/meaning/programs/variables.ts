/** Variables: before they have a value, in blocks and loops, passed by jumps, constant, and void of a value. */
import { attempt } from "./parts/attempt.ts";

/** The second case passes the variable's declaration. */
function passed(which: number): unknown {
  switch (which) {
    case 0: {
      return "none";
    }
    case 1:
      // biome-ignore lint/correctness/noSwitchDeclarations: what is tested
      let value = "first";
      value += "!";
      return value;
    default:
      // @ts-expect-error: it has no value here
      return value;
  }
}
console.log(`${attempt(() => passed(0))} ${attempt(() => passed(1))} ${attempt(() => passed(2))}`);

function early(when: boolean): string {
  const read = () => later;
  if (when) return read();
  const later = "later";
  return read();
}
console.log(`${attempt(() => early(true))} ${attempt(() => early(false))}`);

function itself(): unknown {
  // @ts-expect-error: it has no value here
  const one = one;
  return one;
}
console.log(attempt(itself));

function inTypeof(): string {
  // @ts-expect-error: it has no value here
  const kind = typeof later;
  const later = 1;
  return kind + later;
}
console.log(attempt(inTypeof));

/** In every round it is a new variable, without a value at first. */
function rounds(): string {
  const found: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    if (i === 1) continue;
    let each: number | undefined;
    found.push(each);
    each = i;
    const twice = each * 2;
    if (twice > 2) {
      found.push(twice);
      break;
    }
    found.push(each);
  }
  for (const value of [1, 2, 3]) {
    if (value === 2) continue;
    const square = value * value;
    found.push(square);
  }
  for (const key in { a: 1, b: 2 }) found.push(key);
  let n = 0;
  while (n < 3) {
    const before = n++;
    if (before === 0) continue;
    let text = `#${before}`;
    if (before === 1) text += "!";
    found.push(text);
  }
  do {
    const last = n;
    n--;
    found.push(-last);
  } while (n > 1);
  return found.join();
}
console.log(rounds());

function labelled(): string {
  const found: number[] = [];
  outer: for (let a = 0; a < 4; a++) {
    const doubled = a * 2;
    for (let b = 0; b < 4; b++) {
      if (b === 2) continue outer;
      if (a === 2) break outer;
      const sum = doubled + b;
      found.push(sum);
    }
  }
  block: {
    const first = found.length;
    if (first > 3) break block;
    const second = first + 1;
    found.push(second);
  }
  return found.join();
}
console.log(labelled());

function handled(fails: boolean): string {
  const found: string[] = [];
  const outside = "outside";
  let changed = "before";
  try {
    const inside = "inside";
    changed = "during";
    if (fails) throw new Error(inside);
    const after = `${inside} and after`;
    found.push(after);
    changed = "after";
  } catch (error) {
    const { message } = error as Error;
    found.push(message);
  } finally {
    const last = "finally";
    found.push(last, changed);
  }
  const end = outside;
  found.push(end);
  return found.join();
}
console.log(handled(false));
console.log(handled(true));

function returnsFrom(where: number): string {
  let trace = "";
  for (const step of [1, 2, 3]) {
    try {
      const mine = step * 10;
      if (step === where) return `${trace}r${mine}`;
      trace += mine;
    } finally {
      const mine = step;
      trace += `f${mine}`;
      // biome-ignore lint/correctness/noUnsafeFinally: what is tested
      if (step === 3) return `${trace}!`;
    }
  }
  return trace;
}
console.log(`${returnsFrom(1)} ${returnsFrom(3)} ${returnsFrom(4)}`);

function assigned(): string {
  const fixed = { count: 1 };
  fixed.count++;
  // @ts-expect-error: a constant
  if (fixed.count === 2) fixed = { count: 5 };
  return `${fixed.count}`;
}
console.log(attempt(assigned));

function chained(): string {
  let a: number;
  let b: number;
  const c = (a = b = 3) + 1;
  a += b;
  const [d, [e = c, ...f]] = [1, [undefined, 2, 3]] as const;
  const { g, ...rest } = { g: 5, h: 6, i: 7 };
  [a, b] = [b, a];
  return [a, b, c, d, e, f, g, JSON.stringify(rest)].join();
}
console.log(chained());

const nothing = () => void 0;
const withNothing = { zero: 0, none: void 0, one: 1, voided: void { zero: 0 }, [`k${void 0}`]: void "x" };
console.log(`${nothing()} ${JSON.stringify(withNothing)} ${Object.keys(withNothing).join()}`);

// @ts-expect-error: it has no value yet
var hoisted = typeof undeclared;
console.log(hoisted);
var undeclared = 1;
function hoists(): string {
  // @ts-expect-error: it has no value yet
  const before = typeof inner;
  if (undeclared) {
    var inner = "set";
  }
  // @ts-expect-error: it may have none
  return `${before} ${inner} ${typeof declared} ${declared()}`;
  function declared(): number {
    return 4;
  }
}
console.log(hoists());

/** Functions keep variables of each round. */
const kept: (() => string)[] = [];
for (let i = 0; i < 3; i++) {
  const own = i * i;
  kept.push(() => `${i}:${own}`);
}
console.log(kept.map((read) => read()).join());

async function waits(): Promise<string> {
  const found: string[] = [];
  for (const value of [1, 2]) {
    const awaited = await Promise.resolve(value * 3);
    let more = awaited;
    await null;
    more++;
    found.push(`${awaited}/${more}`);
  }
  const [first] = await Promise.all(found);
  return `${first} ${found.length}`;
}
console.log(await waits());

function* resumes(): Generator<string, void, string> {
  const first = yield "ready";
  let second = yield `${first}?`;
  try {
    second += yield second;
    const never = "never";
    yield never;
  } finally {
    const end = `ended ${second}`;
    yield end;
  }
}
const resumed = resumes();
console.log([resumed.next("").value, resumed.next("a").value, resumed.next("b").value].join());
console.log(`${resumed.return().value} ${resumed.next("").done}`);
