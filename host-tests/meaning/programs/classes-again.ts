/** Classes that are evaluated more than once: each time another class, with private names and keys of its own. */
export {};

interface Made {
  text(): string;
}

const made: Made[] = [];
for (let i = 0; i < 3; i++) {
  class Local implements Made {
    static #count = i * 10;
    static readonly shown = i + 100;
    static again = () => Local;
    static label = "";
    static {
      Local.label = `label ${i}`;
    }
    #value = i;
    accessor auto = i + 1;
    static accessor all = i + 2;
    // @ts-expect-error: TypeScript wants keys that it knows
    [`key ${i}`] = true;
    // @ts-expect-error: as above
    static [`static ${i}`] = true;
    #hidden(): number {
      return this.#value * 2;
    }
    get #got(): number {
      return this.#value + Local.#count;
    }
    set #got(to: number) {
      this.#value = to;
    }
    static is(other: object): boolean {
      return #value in other;
    }
    text(): string {
      this.#got += 0;
      const keys = [...Object.keys(this), ...Object.keys(Local)].sort().join();
      return `${this.#value} ${this.#hidden()} ${this.auto} ${Local.all} ${Local.shown} ${Local.again() === Local} ${Local.label} ${keys} ${Local.name}`;
    }
  }
  const local = new Local();
  made.push(local);
  console.log(made.map((one) => Local.is(one)).join(" "));
}
for (const one of made) {
  try {
    console.log(one.text());
  } catch (error) {
    console.log((error as Error).name);
  }
}

/** The texts of two, the first one's after the second was made. */
function both(what: string, make: (n: number) => Made): void {
  const first = make(1);
  const second = make(2);
  const texts = [first, second].map((one) => {
    try {
      return one.text();
    } catch (error) {
      return (error as Error).name;
    }
  });
  console.log(`${what}: ${texts.join(" ")}`);
}

class Maker {
  readonly Kind = class {
    readonly #n: number;
    constructor(n: number) {
      this.#n = n;
    }
    text(): string {
      return `${this.#n}`;
    }
  };
}
both("a field's value", (n) => new new Maker().Kind(n));

function byDefault(
  n: number,
  Kind = class {
    #n = 0;
    set(to: number): this {
      this.#n = to;
      return this;
    }
    text(): string {
      return `${this.#n}`;
    }
  },
): Made {
  return new Kind().set(n);
}
both("a parameter's default", (n) => byDefault(n));

function* kinds(): Generator<new (n: number) => Made> {
  while (true) {
    yield class {
      readonly #n: number;
      constructor(n: number) {
        this.#n = n;
      }
      text(): string {
        return `${this.#n}`;
      }
    };
  }
}
const endless = kinds();
both("a generator's loop", (n) => new (endless.next().value as new (n: number) => Made)(n));

class Table {
  static readonly rows: Made[] = [];
  static {
    for (const n of [1, 2]) {
      Table.rows.push(
        new (class {
          #n = n;
          text(): string {
            return `${this.#n}`;
          }
        })(),
      );
    }
  }
}
both("a static block's loop", (n) => Table.rows[n - 1]!);

const named: (() => string)[] = [];
for (const n of [1, 2]) {
  const Outer = class Inner {
    static #n = n;
    static text = () => `${Inner.name} ${Inner.#n}`;
  };
  named.push(Outer.text);
}
both("a class with a name of its own", (n) => ({ text: named[n - 1]! }));

let turn = 0;
const bases: (new () => Made)[] = [];
do {
  class Base {
    #base = turn;
    base(): number {
      return this.#base;
    }
  }
  bases.push(
    class extends Base {
      #own = this.base() + 10;
      text(): string {
        const Inner = class {
          static #made = 0;
          static make = () => `${++Inner.#made}`;
        };
        return `${this.base()} ${this.#own} ${Inner.make()}${Inner.make()}`;
      }
    },
  );
} while (++turn < 2);
both("a class below a class", (n) => new bases[n - 1]!());
