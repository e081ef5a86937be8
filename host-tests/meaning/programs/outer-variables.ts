/** Functions that share outer variables, in many combinations, some of them changed. */
export {};

let a = 1;
let b = "b";
const c = { value: 3 };
let d = 4n;
const log: string[] = [];

const one = () => a;
const two = () => `${a} ${b}`;
const other = () => `${b} ${a}`;
function three(): string {
  a++;
  return `${c.value} ${b} ${a}`;
}
const four = () => [d++, c.value++, (b += "!"), --a].join();
const late = () => later;
const later = "later";
class Shares {
  static made = 0;
  readonly own = `${b}${a}`;
  get value(): string {
    return `${this.own} ${c.value} ${d} ${log.length}`;
  }
  set value(text: string) {
    b = text;
    log.push(`${text} ${d} ${a}`);
  }
  static next(): Shares {
    Shares.made++;
    return new Shares();
  }
}
function maker(first: number, second: string) {
  let count = first;
  const pieces = [second];
  const add = (more: number) => {
    count += more + a;
    pieces.push(`${count}`);
    return inner(more);
  };
  function inner(depth: number): string {
    const here = `${depth}`;
    const deepest = (text: string) => `${text}${here}${second}${count}${b}${pieces.length}`;
    return depth > 2 ? deepest("deep ") : [1, 2].map((each) => deepest(`${each}:`) + here + first).join(" ");
  }
  function* each() {
    for (const piece of pieces) yield `${piece}/${count}/${second}`;
  }
  async function wait() {
    await undefined;
    count *= 2;
    return `${second} ${count} ${a} ${b}`;
  }
  return { add, inner, each, wait, read: () => [count, second, first, pieces.join("+")].join(" ") };
}
for (let round = 0; round < 3; round++) {
  const shares = Shares.next();
  const made = maker(round, b);
  for (const line of [one(), two(), other(), three(), four(), late(), shares.value]) console.log(`${line}`);
  shares.value = `round ${round}`;
  console.log(`${made.add(round)} ${made.add(3)} ${made.inner(1)} ${[...made.each()].join()}`);
  console.log(`${await made.wait()} ${made.read()} ${Shares.made} ${log.join()}`);
}
const functions: (() => string)[] = [];
for (let i = 0, j = 10; i < 3; i++, j--) {
  const k = i * j;
  functions.push(
    () => `${i} ${j} ${k}`,
    () => `${k} ${i++} ${j}`,
    () => `${j} ${i} ${k} ${b}`,
  );
}
for (const each of functions) console.log(each());
