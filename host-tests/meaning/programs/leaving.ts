/** Ways out of loops, `try` and functions, and iterators that are asked and told when. */
export {};

type Break = "nowhere" | "next" | "done" | "value" | "return";

/** Counts to 3, prints what it is asked, and throws where it breaks. */
function counter(breaks: Break, lacksReturn = false): Iterable<number> {
  let count = 0;
  const ask = (what: Break): void => {
    console.log(`  asked ${what}`);
    if (what === breaks) throw new RangeError(`broken at ${what}`);
  };
  const iterator: Iterator<number> = {
    next() {
      ask("next");
      count++;
      return {
        get done() {
          ask("done");
          return count > 3;
        },
        get value() {
          ask("value");
          return count;
        },
      } as IteratorResult<number>;
    },
  };
  if (!lacksReturn) {
    iterator.return = () => {
      ask("return");
      return { done: true, value: undefined };
    };
  }
  return { [Symbol.iterator]: () => iterator };
}

type Leave = "runs" | "breaks" | "continues" | "returns" | "throws";

function loop(values: Iterable<number>, leave: Leave): string {
  let seen = "";
  for (const value of values) {
    if (value === 2) {
      if (leave === "breaks") break;
      if (leave === "continues") continue;
      if (leave === "returns") return `${seen}returned`;
      if (leave === "throws") throw new TypeError("thrown");
    }
    seen += `${value} `;
  }
  return `${seen}behind`;
}

function attempt(what: string, action: () => unknown): void {
  try {
    console.log(`${what}: ${String(action())}`);
  } catch (error) {
    console.log(`${what}: ${String(error)}`);
  }
}

const leaves: readonly Leave[] = ["runs", "breaks", "continues", "returns", "throws"];
const places: readonly Break[] = ["nowhere", "next", "done", "value", "return"];
for (const leave of leaves) {
  for (const place of places) attempt(`${leave}, ${place}`, () => loop(counter(place), leave));
  attempt(`${leave}, no return`, () => loop(counter("nowhere", true), leave));
}

// Patterns. XS calls `return` of an iterator whose value throws in one, which it must not.
for (const place of places.filter((one) => one !== "value")) {
  attempt(`two of it, ${place}`, () => {
    const [first, second] = counter(place);
    return `${first} ${second}`;
  });
  attempt(`more than it, ${place}`, () => {
    const [, , , fourth = "none", ...rest] = counter(place);
    return `${fourth} ${rest.length}`;
  });
}
function parts({
  a,
  b: { c, ...others },
  d = "default",
}: {
  a: number;
  b: { c: number; e: number };
  d?: string;
}) {
  return `${a} ${c} ${JSON.stringify(others)} ${d}`;
}
console.log(parts({ a: 1, b: { c: 2, e: 3 } }));
function captured({ a, b }: { a: number; b: number }): () => number {
  const { length } = `${a}`;
  return () => a++ + b + length;
}
const count = captured({ a: 10, b: 20 });
console.log(`${count() + count()}`);
try {
  const { a } = null as unknown as { a: number };
  console.log(`${a}`);
} catch (error) {
  console.log(`a pattern of null: ${(error as Error).name}`);
}
const order: string[] = [];
const watched = {
  get first() {
    order.push("first");
    return 1;
  },
  get second() {
    order.push("second");
    return 2;
  },
};
let one = 0;
let two = 0;
const whole = ({ first: one, second: two } = watched);
console.log(`${one} ${two} ${order.join()} ${whole === watched}`);

// `finally`, entered in every way, leaving in every way.
function finished(enter: Leave, exit: Leave): string {
  let seen = "";
  outer: for (let round = 0; round < 3; round++) {
    for (const letter of "ab") {
      try {
        seen += `${round}${letter} `;
        if (round === 1 && enter === "breaks") break outer;
        if (round === 1 && enter === "continues") continue outer;
        if (round === 1 && enter === "returns") return `${seen}try`;
        if (round === 1 && enter === "throws") throw new TypeError(seen);
      } finally {
        seen += "f ";
        // biome-ignore lint/correctness/noUnsafeFinally: it is what is tested
        if (round === 1 && exit === "breaks") break;
        // biome-ignore lint/correctness/noUnsafeFinally: it is what is tested
        if (round === 1 && exit === "continues") continue;
        // biome-ignore lint/correctness/noUnsafeFinally: it is what is tested
        if (round === 1 && exit === "returns") return `${seen}finally`;
        // biome-ignore lint/correctness/noUnsafeFinally: it is what is tested
        if (round === 1 && exit === "throws") throw new RangeError(seen);
      }
      seen += "b ";
    }
    seen += "o ";
  }
  return `${seen}end`;
}
for (const enter of leaves)
  for (const exit of leaves) attempt(`${enter}, then ${exit}`, () => finished(enter, exit));

// Results that are taken back, and functions without one.
function takenBack(nothing: boolean): unknown {
  for (;;) {
    try {
      return 1;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: it is what is tested
      if (nothing) return undefined;
      // biome-ignore lint/correctness/noUnsafeFinally: it is what is tested
      break;
    }
  }
  return undefined;
}
console.log(`${takenBack(true)} ${takenBack(false)}`);
function empty(how: number): unknown {
  if (how === 0) return;
  if (how === 1) return undefined;
  if (!(how !== 2)) return "two";
  if (!!(how === 3)) {
    console.log("three");
    return void 0;
  } else throw new Error("more");
}
for (const how of [0, 1, 2, 3, 4]) attempt(`empty ${how}`, () => empty(how));
class Plain {
  readonly own: number = 1;
  constructor(early: boolean) {
    if (early) return;
    this.own = 2;
  }
}
class Derived extends Plain {
  constructor(early: boolean) {
    super(early);
    if (early) return;
    console.log(`derived ${this.own}`);
  }
}
console.log(`${new Plain(true).own} ${new Derived(true).own} ${new Derived(false).own}`);

// Functions in a loop whose own `finally` could be left as the loop is.
const later: (() => Promise<string>)[] = [];
for (const name of ["a", "b", "c"]) {
  if (name === "b") continue;
  later.push(async () => {
    try {
      await undefined;
      if (name === "a") return `${name} returned`;
    } finally {
      console.log(`finally ${name}`);
    }
    return `${name} went on`;
  });
  if (name === "c") break;
}
for (const task of later) console.log(await task());

async function waits(leave: Leave): Promise<string> {
  async function* numbers(): AsyncGenerator<number> {
    try {
      for (const number of [1, 2, 3]) yield number;
    } finally {
      console.log("  generator done");
    }
  }
  let seen = "";
  for await (const value of numbers()) {
    if (value === 2) {
      if (leave === "breaks") break;
      if (leave === "continues") continue;
      if (leave === "returns") return `${seen}returned`;
      if (leave === "throws") throw new TypeError("thrown");
    }
    seen += `${value} `;
  }
  return `${seen}behind`;
}
for (const leave of leaves) {
  try {
    console.log(`waits, ${leave}: ${await waits(leave)}`);
  } catch (error) {
    console.log(`waits, ${leave}: ${String(error)}`);
  }
}
function* steps(): Generator<number, undefined> {
  try {
    yield 1;
    yield 2;
    return undefined;
  } finally {
    console.log("steps done");
  }
}
const generator = steps();
console.log(JSON.stringify([generator.next(), generator.return(undefined), generator.next()]));
console.log(JSON.stringify([...steps()]));
