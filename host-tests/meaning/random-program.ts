/**
 * Programs of random functions, each of which writes down what it computes: parameters and variables of every kind, read and
 * written in loops, branches, closures, generators, `try` and `switch`. Each comes to its end, and prints a line for each
 * call. JavaScript without types, for what a program means must not depend on what a compiler allows.
 */
import { SeededRandom } from "../../simulator/random.ts";

const FUNCTIONS = 30;
/** Statements and operators of a function, about. */
const SIZE = 90;
/** Statements within statements, and operators within operators, at most. */
const DEPTH = 4;
const OPERATORS = ["-", "*", "%", "<", "===", "&&", "||", "&", "|", ">>>"];

/** What every program begins with. `step` ends what would take too long, in the same place on every engine. */
const PROLOGUE = `// @ts-nocheck
let fuel = 0;
let written = [];
function step() {
  if (--fuel < 0) throw new RangeError("fuel");
  return true;
}
function text(value) {
  if (typeof value === "function") return "function";
  if (Array.isArray(value)) return "[" + value.map(text).join() + "]";
  if (value !== null && typeof value === "object") return "{" + Object.keys(value).sort().map((key) => key + ":" + text(value[key])).join() + "}";
  return typeof value === "string" ? value.slice(0, 12) : String(value);
}
/** Texts that are added to each other in a loop fill no heap. */
function short(value) {
  return typeof value === "string" ? value.slice(0, 12) : value;
}
function trace(value) {
  if (written.length < 60) written.push(text(value));
  return value;
}
/** Calls what may be no function, or may throw; a value or the error's name. */
function attempt(task, ...values) {
  try {
    return task(...values);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return error instanceof Error ? error.name : error;
  }
}
async function report(name, task) {
  fuel = 400;
  written = [];
  let result;
  try {
    result = await task();
  } catch (error) {
    result = error instanceof Error ? error.name : error;
  }
  console.log(name + " " + text(result) + " after " + written.join(" "));
}
`;

/** What may be read and written at a place of the program. */
interface Scope {
  readonly readable: readonly string[];
  readonly writable: readonly string[];
}

interface Body {
  readonly isGenerator: boolean;
  readonly isAsync: boolean;
  readonly hasArguments: boolean;
  /** Whether `break` and `continue` may stand here. */
  readonly isInLoop: boolean;
}

class Writer {
  private readonly random: SeededRandom;
  private names = 0;
  /** How many statements and operators the function may still have. */
  private left = 0;
  /** Functions that may be called: those before, so that no call comes back. */
  private readonly callable: string[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  private pick<T>(values: readonly T[]): T {
    return values[this.random.below(values.length)]!;
  }

  private fresh(): string {
    return `v${this.names++}`;
  }

  private literal(): string {
    return this.pick([
      "0",
      "1",
      "2",
      "7",
      "-3",
      "0.5",
      '"a"',
      '"xyz"',
      "true",
      "null",
      "undefined",
      "void 0",
      "[]",
    ]);
  }

  private simple(scope: Scope, body: Body): string {
    const others = ["this", "typeof this"];
    if (body.hasArguments) others.push("arguments.length", "arguments[0]", "[...arguments]");
    if (scope.readable.length > 0 && this.random.chance(0.75)) return this.pick(scope.readable);
    return this.random.chance(0.15) ? `text(${this.pick(others)})` : this.literal();
  }

  /** An expression in parentheses, where it needs them. */
  private expression(scope: Scope, body: Body, depth = 0): string {
    const of = (): string => this.expression(scope, body, depth + 1);
    if (depth >= DEPTH || this.left-- <= 0 || this.random.chance(0.3)) return this.simple(scope, body);
    switch (this.random.below(18)) {
      case 0:
        return `(${of()} ? ${of()} : ${of()})`;
      case 1:
        return `(${of()} ?? ${of()})`;
      case 2:
        return `trace(${of()})`;
      case 3:
        return `[text(${of()}), ...[text(${of()})]]`;
      case 4:
        return `\`\${text(${of()})}-\${text(${of()})}\``;
      case 5:
        return `(${of()})?.length`;
      case 6:
        if (scope.writable.length > 0)
          return `(${this.pick(scope.writable)} ${this.pick(["=", "-=", "??=", "||="])} ${of()})`;
        return of();
      case 7:
        if (scope.writable.length > 0) return `${this.pick(scope.writable)}${this.pick(["++", "--"])}`;
        return of();
      case 8:
        if (this.callable.length > 0) return `attempt(${this.pick(this.callable)}, ${of()}, ${of()})`;
        return of();
      case 9:
        return `attempt(${this.closure(scope, body, depth)}, ${of()})`;
      case 10:
        return this.object(of, scope.writable);
      case 11:
        return this.instance(scope, depth);
      case 12:
        return this.assignment(of, scope.writable);
      case 13:
        if (body.isGenerator && !body.isAsync) return `(yield ${of()})`;
        if (body.isAsync) return `(await ${of()})`;
        return of();
      default:
        return this.random.chance(0.2)
          ? `short(${of()} + ${of()})`
          : `(${of()} ${this.pick(OPERATORS)} ${of()})`;
    }
  }

  /** An object literal, or what is in one: keys that are computed, spread, accessors, methods. */
  private object(of: () => string, writable: readonly string[]): string {
    const properties = [
      `a: ${of()}`,
      `[text(${of()})]: ${of()}`,
      `...{ b: ${of()} }`,
      `get c() { return ${this.literal()}; }`,
      `m() { return text(this.a); }`,
      ...(writable.length > 0 ? [`n: { a: ${this.pick(writable)} }`] : []),
    ].filter(() => this.random.chance(0.5));
    const literal = `({ ${properties.join(", ")} })`;
    return this.random.chance(0.4)
      ? `text(${literal})`
      : `${literal}${this.pick([".a", ".b", ".c", ".m?.()", ".n?.a", "?.[0]"])}`;
  }

  /** What a new object of a new class says: fields, private and static ones, a method, an accessor, a class above it. */
  private instance(scope: Scope, depth: number): string {
    // Fields and methods have their own `this` and `arguments`, and no `await` or `yield`.
    const own = { isGenerator: false, isAsync: false, isInLoop: false, hasArguments: false };
    const of = (): string => this.expression(scope, own, depth + 1);
    const base = this.random.chance(0.4)
      ? `extends (class { k = ${of()}; up() { return text(this.k); } })`
      : "";
    const up = base === "" ? "1" : this.pick(["super.up()", "this.k", "1"]);
    const { code, names } = this.parameters(scope, own);
    const inside = { readable: [...scope.readable, ...names], writable: [...scope.writable, ...names] };
    const members = [
      `#x = ${of()};`,
      this.random.chance(0.5) ? `y = ${of()};` : "",
      this.random.chance(0.3) ? `set z(value) { this.#x = trace(value); }` : "z = 0;",
      `m(${code}) { this.z = ${this.expression(inside, { ...own, hasArguments: true }, depth + 1)}; return [text(this.#x), text(this.y), text(${up})]; }`,
    ];
    return `new (class ${base} { ${members.join(" ")} })().m(${of()})`;
  }

  /** Several variables at once, taken out of a value. */
  private assignment(of: () => string, writable: readonly string[]): string {
    if (writable.length === 0) return of();
    const one = this.pick(writable);
    const other = this.pick(writable);
    switch (this.random.below(4)) {
      case 0:
        return `text([${one}, ${other}] = [${of()}, ${of()}])`;
      case 1:
        return `text({ a: ${one}, b: ${other} = ${of()} } = { a: ${of()} })`;
      case 2:
        return `text([${one} = ${of()}, ...{ length: ${other} }] = [${of()}])`;
      default:
        return `text({ a: { b: ${one} } = { b: 2 }, ...${other} } = { c: text(${of()}) })`;
    }
  }

  /** Parameters: plain, with a default, destructured, gathered. */
  private parameters(scope: Scope, body: Body): { code: string; names: string[] } {
    const names: string[] = [];
    const codes: string[] = [];
    const count = this.random.below(4);
    for (let index = 0; index < count; index++) {
      const name = this.fresh();
      const known = { readable: [...scope.readable, ...names], writable: scope.writable };
      const plain = { ...body, isGenerator: false, isAsync: false, hasArguments: false };
      const form = this.random.below(8);
      if (form === 0) codes.push(`${name} = ${this.expression(known, plain, DEPTH - 1)}`);
      else if (form === 1) codes.push(`[${name} = 3] = []`);
      else if (form === 2) codes.push(`{ length: ${name} = 1 } = {}`);
      else codes.push(name);
      names.push(name);
    }
    if (this.random.chance(0.15)) {
      const name = this.fresh();
      codes.push(`...${name}`);
      names.push(name);
    }
    return { code: codes.join(", "), names };
  }

  /** A function in a function: it reads and writes what is around it, perhaps before that has a value. */
  private closure(scope: Scope, body: Body, depth: number): string {
    const isArrow = this.random.chance(0.75);
    const own = {
      isGenerator: false,
      isAsync: false,
      isInLoop: false,
      hasArguments: !isArrow || body.hasArguments,
    };
    const { code, names } = this.parameters(scope, own);
    const inside = { readable: [...scope.readable, ...names], writable: [...scope.writable, ...names] };
    if (isArrow && this.random.chance(0.5))
      return `((${code}) => ${this.expression(inside, own, depth + 1)})`;
    const statements = this.block(inside, own, depth + 2);
    return isArrow ? `((${code}) => ${statements})` : `(function (${code}) ${statements})`;
  }

  /** Statements in braces. */
  private block(scope: Scope, body: Body, depth: number): string {
    return `{\n${this.statements(scope, body, depth)}}`;
  }

  private statements(scope: Scope, body: Body, depth: number): string {
    const readable = [...scope.readable];
    const writable = [...scope.writable];
    let code = "";
    // Sometimes one of the variables is read before its declaration, or the function in which it is.
    const count = 1 + this.random.below(depth === 0 ? 8 : 4);
    for (let index = 0; index < count; index++) {
      code += `${this.statement(readable, writable, body, depth)}\n`;
    }
    return code;
  }

  private declaration(readable: string[], writable: string[], body: Body): string {
    const name = this.fresh();
    const scope = { readable, writable };
    const value = this.expression(
      this.random.chance(0.05) ? { readable: [...readable, name], writable } : scope,
      body,
    );
    const form = this.random.below(7);
    const early = this.random.chance(0.1) ? `trace(attempt(() => ${name}));\n` : "";
    readable.push(name);
    if (form === 0) return `${early}const ${name} = ${value};`;
    writable.push(name);
    if (form === 1) return `${early}let ${name};`;
    if (form === 2) return `${early}let ${name};\nif (${value}) ${name} = 1;`;
    if (form === 3) return `${early}var ${name} = ${value};`;
    if (form === 4) {
      const pattern = this.pick([
        `[${name} = 5]`,
        `[, ${name} = 2]`,
        `{ 0: ${name} }`,
        `[{ length: ${name} } = []]`,
        `[...${name}]`,
      ]);
      return `${early}let ${pattern} = [${value}];`;
    }
    return `${early}let ${name} = ${value};`;
  }

  private statement(readable: string[], writable: string[], body: Body, depth: number): string {
    const scope = { readable: [...readable], writable: [...writable] };
    const value = (): string => this.expression(scope, body);
    const inner = (more: Partial<Body> = {}): string => this.block(scope, { ...body, ...more }, depth + 1);
    const loop = (): string => inner({ isInLoop: true });
    if (depth >= DEPTH || this.left-- <= 0 || this.random.chance(0.4)) {
      const form = this.random.below(8);
      if (form < 4) return this.declaration(readable, writable, body);
      if (form === 4 && body.isInLoop) return `if (${value()}) ${this.pick(["break", "continue"])};`;
      if (form === 5) return `if (${value()}) return ${value()};`;
      if (form === 6 && this.random.chance(0.3)) return `if (${value()}) throw ${value()};`;
      return `trace(${value()});`;
    }
    const name = this.fresh();
    switch (this.random.below(11)) {
      case 0:
        return `if (${value()}) ${inner()} else ${inner()}`;
      case 1:
        return `if (${value()}) ${inner()}`;
      case 2:
        scope.readable.push(name);
        return `for (let ${name} = 0; ${name} < ${1 + this.random.below(3)} && step(); ${name}++) ${loop()}`;
      case 3:
        scope.readable.push(name);
        return `for (const ${name} of [1, "b", ${value()}]) ${loop()}`;
      case 4:
        return `while (step() && ${value()}) ${loop()}`;
      case 5:
        return `do ${loop()} while (${value()} && step());`;
      case 6:
        return this.cases(scope, body, depth);
      case 7: {
        const caught = { readable: [...scope.readable, name], writable: [...scope.writable, name] };
        return `try ${inner()} catch (${name}) {\nif (${name} instanceof RangeError) throw ${name};\n${this.statements(caught, body, depth + 1)}}`;
      }
      case 8:
        return `try ${inner()} finally ${this.block(scope, { ...body, isInLoop: false }, depth + 1)}`;
      case 9:
        // Called, and never part of an expression: engines disagree about the text of a function.
        return `const ${name} = ${this.closure(scope, body, depth)};\ntrace(attempt(${name}, ${value()}));\n${this.statement(readable, writable, body, depth + 1)}\ntrace(attempt(${name}));`;
      default:
        return inner();
    }
  }

  /** A `switch` in which a case may read what another declares. */
  private cases(scope: Scope, body: Body, depth: number): string {
    const readable = [...scope.readable];
    const writable = [...scope.writable];
    let code = `switch (${this.expression(scope, body)}) {\n`;
    for (const label of ["case 1:", 'case "a":', "case undefined:", "default:"]) {
      if (this.random.chance(0.3)) continue;
      code += `${label}\n`;
      for (let count = this.random.below(3); count > 0; count--) {
        const before = readable.length;
        code += `${this.statement(readable, writable, { ...body, isInLoop: false }, depth + 1)}\n`;
        // What is declared here may have no value in the next case.
        if (readable.length > before) code += `trace(attempt(() => ${readable.at(-1)}));\n`;
      }
      if (this.random.chance(0.5)) code += "break;\n";
    }
    return `${code}}`;
  }

  private declared(): string {
    const name = `f${this.callable.length}`;
    this.left = SIZE;
    const body = {
      isGenerator: this.random.chance(0.15),
      isAsync: this.random.chance(0.15),
      hasArguments: true,
      isInLoop: false,
    };
    const { code, names } = this.parameters({ readable: [], writable: [] }, body);
    const statements = this.block({ readable: names, writable: names }, body, 0);
    const head = `${body.isAsync ? "async " : ""}function${body.isGenerator ? "*" : ""}`;
    const values = [this.literal(), this.literal(), this.literal()].slice(this.random.below(4));
    const call = `${name}.call(${this.pick(["undefined", "4", '"it"'])}${values.map((value) => `, ${value}`).join("")})`;
    let whole = call;
    if (body.isGenerator) {
      whole = body.isAsync
        ? `(async () => { const all = []; for await (const one of ${call}) { step(); all.push(one); } return all; })()`
        : `(() => { const all = []; for (const one of ${call}) { step(); all.push(one); } return all; })()`;
    }
    if (!body.isGenerator && !body.isAsync) this.callable.push(name);
    else this.callable.push("trace");
    return `${head} ${name}(${code}) ${statements}\nawait report("${name}", () => ${whole});\n`;
  }

  program(): string {
    let code = PROLOGUE;
    for (let index = 0; index < FUNCTIONS; index++) code += this.declared();
    return `${code}export {};\n`;
  }
}

/** The program of this seed: the same seed gives the same program. */
export function randomProgram(seed: number): string {
  return new Writer(seed).program();
}
