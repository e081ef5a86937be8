/** Arrow functions: with the `this`, `super`, `new.target` and arguments of the function around them, or without. */
export {};

class Base {
  name = "base";
  hello(): string {
    return `hello ${this.name}`;
  }
  static kind(): string {
    return `kind of ${Base.name}`;
  }
}

class Derived extends Base {
  override name = "derived";
  plain = () => "plain";
  own = () => this.name;
  nested = () => () => () => this.name;
  inherited = () => super.hello();
  target: () => unknown;
  constructor() {
    const before = () => this;
    const target = () => new.target?.name;
    super();
    this.target = target;
    console.log(`${before() === this} ${target()}`);
  }
  override hello(): string {
    const withSuper = () => [1].map(() => super.hello()).join();
    const without = (text: string) => text.length;
    return `${withSuper()} ${without("four")}`;
  }
  static override kind(): string {
    return (() => `${super.kind()}, ${this.name}`)();
  }
  mixed(values: number[]): string {
    let sum = 0;
    values.forEach((value) => {
      sum += value;
    });
    const doubled = values.map((value) => value * 2);
    const named = values.map((value) => `${this.name}${value}`);
    return `${sum} ${doubled} ${named}`;
  }
  later(): (add: string) => string {
    const outer = (add: string): string => {
      const inner = () => this.name + add;
      return inner();
    };
    return outer;
  }
  async waits(): Promise<string> {
    const first = await (async () => this.name)();
    const second = await (async (text: string) => `${text}!`)(first);
    const third = await Promise.all([1, 2].map(async (value) => value + (await Promise.resolve(value))));
    return `${first} ${second} ${third}`;
  }
}

const derived = new Derived();
console.log(`${derived.plain()} ${derived.own()} ${derived.nested()()()} ${derived.inherited()}`);
console.log(`${derived.target()} ${derived.hello()} ${Derived.kind()}`);
console.log(derived.mixed([1, 2, 3]));
console.log(derived.later().call({ name: "other" }, "+"));
console.log(await derived.waits());

function around(this: { name: string }, a: number): string {
  const own = () => `${this.name} ${arguments.length} ${a}`;
  const other = function (this: unknown): unknown {
    return (() => this)();
  };
  const borrowed = { name: "object", own, other };
  return `${own()} ${borrowed.own()} ${borrowed.other() === borrowed} ${other.call(undefined)}`;
}
console.log((around as (...all: unknown[]) => string).call({ name: "called" }, 1, 2));
console.log(`${(() => typeof this)()} ${(() => () => typeof this)()()}`);

function make(this: unknown): string {
  return `${(() => new.target === make)()}`;
}
console.log(`${make()} ${new (make as unknown as new () => object)() instanceof make}`);

const adders = [1, 2, 3].map((a) => (b: number) => (c: number) => a + b + c);
console.log(adders.map((add) => add(10)(100)).join());
const object = {
  name: "literal",
  read: () => typeof this,
  get getter() {
    return (() => this.name)();
  },
  method() {
    return [() => this.name, () => "no"].map((call) => call()).join();
  },
};
console.log(`${object.read()} ${object.getter} ${object.method()}`);
try {
  new (adders[0] as unknown as new () => object)();
} catch (error) {
  console.log((error as Error).name);
}
