/** Classes: names, fields, accessors, private members, statics, inheritance. */
export {};

const log: string[] = [];
class Plain {}
class WithStatic {
  static one = 1;
  static two = WithStatic.one + 1;
  static self = () => WithStatic;
}
class Failure extends Error {
  static readonly code = Failure.name;
  override name = this.constructor.name;
}
const anonymous = class {};
const named = class Inner {};
const arrow = () => {};
const make = () => {
  class Local {
    static self = Local;
  }
  return Local;
};
console.log(`${make().name} ${make().self.name} ${Failure.code} ${new Failure().name}`);
console.log([Plain.name, WithStatic.name, anonymous.name, named.name, arrow.name].join(" "));
console.log(`${WithStatic.two} ${WithStatic.self() === WithStatic}`);

class Secret {
  #value = 1;
  static #made = 0;
  constructor() {
    Secret.#made++;
  }
  get value(): number {
    return this.#value;
  }
  set value(to: number) {
    this.#value = to;
  }
  #hidden(): string {
    return `hidden ${this.#value}`;
  }
  show(): string {
    return this.#hidden();
  }
  static made(): number {
    return Secret.#made;
  }
  static is(value: object): boolean {
    return #value in value;
  }
}
const secret = new Secret();
secret.value += 4;
console.log(
  `${secret.show()} ${Secret.made()} ${Secret.is(secret)} ${Secret.is({})} ${Object.keys(secret).length}`,
);
try {
  Secret.prototype.show.call({} as Secret);
} catch (error) {
  console.log((error as Error).name);
}

class Base {
  field = this.describe();
  describe(): string {
    return "base";
  }
}
class Child extends Base {
  extra = "set";
  override describe(): string {
    return `child ${this.extra}`;
  }
}
const child = new Child();
console.log(`${child.field}, then ${child.describe()}; own: ${Object.keys(child).join(" ")}`);

class Settings {
  declare shape: string;
  missing?: string;
  readonly list: number[] = [];
}
console.log(
  `"missing" is its own: ${Object.hasOwn(new Settings(), "missing")}, "shape": ${Object.hasOwn(new Settings(), "shape")}`,
);

class Setter {
  set value(_to: number) {
    log.push("setter called");
  }
}
class Field extends Setter {
  // @ts-expect-error: a field over an accessor is defined, not assigned.
  override value = 1;
}
new Field();
console.log(`setter calls: ${log.length}`);
try {
  (Plain as unknown as () => void)();
} catch (error) {
  console.log(`without new: ${(error as Error).name}`);
}
const failure = new Failure("what");
console.log(`${failure.name} ${failure.message} ${failure instanceof Failure} ${failure instanceof Error}`);
