/** Statements whose only effect is on their argument. */
export {};

const settings = { a: 1, nested: { b: 2 } } as { a: number; nested: { b: number }; c?: number };
Object.freeze(settings);
Object.seal(settings.nested);
Object.defineProperty(Array.prototype, "last", {
  configurable: true,
  get(this: unknown[]) {
    return this[this.length - 1];
  },
});
const attempt = (what: string, change: () => void): void => {
  try {
    change();
    console.log(`${what}: done`);
  } catch (error) {
    console.log(`${what}: ${(error as Error).name}`);
  }
};
attempt("write", () => {
  settings.a = 2;
});
attempt("add", () => {
  settings.c = 2;
});
attempt("delete", () => {
  delete (settings.nested as { b?: number }).b;
});
attempt("write inside", () => {
  settings.nested.b = 3;
});
console.log(`${settings.a} ${settings.nested.b} ${([1, 2] as unknown as { last: number }).last}`);
const parent = { inherited: "yes" };
const child = {} as { inherited?: string };
Object.setPrototypeOf(child, parent);
console.log(child.inherited);
const list = [3, 1, 2];
list.sort();
list.reverse();
list.splice(1, 1);
console.log(list.join());
