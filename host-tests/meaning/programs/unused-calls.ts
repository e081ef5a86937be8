/** Calls whose results nobody uses, and whose effects somebody sees. */
export {};

const log: string[] = [];
function note(text: string): number {
  log.push(text);
  return log.length;
}
const unused = note("initialiser");
void note("void");
note("statement"), note("comma");
const [a = note("default")] = [] as number[];
const { b = note("property default") } = {} as { b?: number };
const c = false as boolean;
c || note("or");
!c && note("and");
c ? note("wrong") : note("else");
const list = [note("element")];
const record = { field: note("field"), [note("computed")]: 1 };
function withDefault(_value = note("parameter")): void {}
withDefault();
class Base {
  static field = note("static field");
  static {
    note("static block");
  }
  own = note("instance field");
  constructor() {
    note("constructor");
  }
}
new Base();
class Derived extends (note("extends"), Base) {}
new Derived();
const tagged = ((parts: TemplateStringsArray) => note(parts[0]!))`tag`;
function* generator(): Generator<number> {
  note("generator");
  yield 1;
  note("never");
}
generator().next();
for (const _ of [1, 2]) note("loop");
for (;;) {
  note("labelled");
  break;
}
switch (note("switch")) {
  case note("case"):
    break;
  default:
    note("default case");
}
[3, 1, 2].sort((x, y) => {
  note("compare");
  return x - y;
}).length;
[1].map(() => note("map"));
[1].forEach(() => note("forEach"));
"x".replace("x", () => String(note("replace")));
JSON.stringify({ toJSON: () => note("toJSON") });
Array.from([1], () => note("from"));
new Map([[1, 2]]).forEach(() => note("Map.forEach"));
Reflect.apply(note, undefined, ["apply"]);
note.call(undefined, "call");
const bound = note.bind(undefined, "bound");
bound();
void [unused, a, b, list, record, Derived, tagged];
console.log([...new Set(log)].join("\n"));
