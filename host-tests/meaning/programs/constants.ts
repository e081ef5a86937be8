/** Tables of constants are objects: what is written, listed or missing is so at run time. */
export {};

enum Colour {
  Red = 1,
  Green,
}
enum Size {
  Small = 10,
}
const table: Record<string, number> = { A: 1, B: 2 };
const frozen = Object.freeze({ A: 1 }) as Record<string, number>;
console.log(`${Colour.Green} ${Colour[2]} ${Size.Small}`);
table.A = 5;
table.C = 3;
console.log(`${table.A} ${table.C} ${table.D} ${Object.keys(table).join("")}`);
try {
  frozen.A = 2;
} catch (error) {
  console.log(`frozen: ${(error as Error).name}`);
}
console.log(`${frozen.A} ${frozen.toString === Object.prototype.toString}`);
const NEGATIVE = -1;
const ONE = 1;
console.log(`${NEGATIVE ** 2} ${ONE.toFixed(1)} ${-NEGATIVE} ${ONE - NEGATIVE}`);
const short = { ONE, NEGATIVE };
console.log(JSON.stringify(short));
let variable = ONE;
variable += NEGATIVE;
console.log(`${variable} ${Object.is(-0, 0)} ${0.1 + 0.2} ${1e21} ${2 ** 53}`);
console.log([1 / 3, 1e-7, -1e300 * 10, Number.MIN_VALUE, 123456789012345680000].join(" "));
