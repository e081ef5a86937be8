/** Branches, throws and returns that look as if they could not matter. */
export {};

const log: string[] = [];
function afterReturn(): string {
  return hoistedBelow();
  function hoistedBelow(): string {
    return "hoisted from behind the return";
  }
}
log.push(afterReturn());
function early(flag: boolean): string {
  if (flag) throw new Error("flag");
  return "went on";
}
try {
  early(true);
} catch (error) {
  log.push((error as Error).message);
}
function onlyThrows(): void {
  throw new TypeError("only");
}
try {
  onlyThrows();
  log.push("not here");
} catch (error) {
  log.push((error as Error).name);
}
function depth(n: number): number {
  return n === 0 ? 0 : 1 + depth(n - 1);
}
log.push(`depth ${depth(20)}`);
const finals = ((): string => {
  try {
    return "try";
  } finally {
    log.push("finally");
  }
})();
log.push(finals);
let assigned: number | undefined;
(() => {
  assigned = 5;
})();
log.push(`assigned ${assigned}`);
const object: { n?: number } = {};
(object.n ??= 3), object.n++;
log.push(`object ${object.n}`);
delete object.n;
log.push(`${"n" in object}`);
var redeclared = 1;
var redeclared = 2;
log.push(`${redeclared}`);
log.push(`${((...args: unknown[]) => args.length)(...[1, 2], 3)}`);
console.log(log.join("\n"));
