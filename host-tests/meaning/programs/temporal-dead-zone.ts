/** Variables used before they are initialised: an error, not a value. */
export {};

function attempt(what: string, use: () => unknown): void {
  try {
    console.log(`${what}: ${String(use())}`);
  } catch (error) {
    console.log(`${what}: ${(error as Error).name}`);
  }
}

attempt("a constant", () => LIMIT);
attempt("a member of a constant", () => TABLE.LIMIT);
attempt("a variable", () => later);
attempt("a class", () => new Later());
attempt("a static member", () => Later.size);
attempt("typeof", () => typeof LIMIT);
attempt("a function is hoisted", () => hoisted());

function hoisted(): string {
  return "hoisted";
}
const LIMIT = 5;
const TABLE = Object.freeze({ LIMIT: 6 });
let later = 7;
class Later {
  static size = 8;
}
later++;
attempt("a constant, later", () => LIMIT);
attempt("a member of a constant, later", () => TABLE.LIMIT);
attempt("a variable, later", () => later);
attempt("a static member, later", () => Later.size);
{
  attempt("a block's constant", () => inner);
  const inner = 1;
}
attempt("a constant of itself", () => {
  const read = (): unknown => self;
  const self: unknown = read();
  return self;
});
attempt("an assignment to a constant", () => {
  // @ts-expect-error: a constant.
  LIMIT = 9;
  return LIMIT;
});
