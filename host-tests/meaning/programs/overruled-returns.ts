/** A `return` whose value something that runs after it overrules. */
export {};

function thrown(overrules: boolean): unknown {
  try {
    try {
      return 1;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: what the program is about
      if (overrules) throw new Error("overruled");
    }
  } catch {}
}
console.log(`${thrown(false)} ${thrown(true)}`);

function left(): unknown {
  for (const value of [1, 2]) {
    try {
      return value;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: what the program is about
      if (value === 1) break;
    }
  }
}
console.log(`${left()}`);

function continued(): unknown {
  for (let count = 0; count < 3; count++) {
    try {
      if (count === 1) return count;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: what the program is about
      if (count === 1) continue;
    }
  }
}
console.log(`${continued()}`);

function closed(): unknown {
  const values = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: 1 }),
      return(): IteratorResult<number> {
        throw new Error("not closed");
      },
    }),
  };
  try {
    for (const value of values) return value;
  } catch {}
}
console.log(`${closed()}`);

const awaited = async (): Promise<unknown> => {
  try {
    try {
      return await Promise.resolve(1);
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: what the program is about
      throw new Error("overruled");
    }
  } catch {}
};
console.log(`${await awaited()}`);

function* generated(): Generator<number, unknown> {
  try {
    try {
      return 1;
    } finally {
      yield 2;
      // biome-ignore lint/correctness/noUnsafeFinally: what the program is about
      throw new Error("overruled");
    }
  } catch {}
}
const generator = generated();
console.log(`${JSON.stringify(generator.next())} ${JSON.stringify(generator.next())}`);

class Base {
  readonly name: string = "base";
}
class Derived extends Base {
  constructor() {
    super();
    try {
      try {
        // biome-ignore lint/correctness/noConstructorReturn: what the program is about
        return { name: "another" } as Derived;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what the program is about
        throw new Error("overruled");
      }
    } catch {}
  }
}
console.log(new Derived().name);

function disposed(): unknown {
  try {
    using closing = {
      [Symbol.dispose]() {
        throw new Error("not closed");
      },
    };
    return closing === undefined ? 0 : 1;
  } catch {}
}
console.log(`${disposed()}`);
