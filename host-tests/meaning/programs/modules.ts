/** Modules are evaluated once, in order, for what they do as well as for what they export. */
import "./parts/effect.ts";
import { fromEven, isEven } from "./parts/circle-even.ts";
import * as counting from "./parts/counter.ts";
import { counter, increase } from "./parts/counter.ts";
import defaultName, { renamed as other } from "./parts/names.ts";
import { first } from "./parts/order-first.ts";

console.log(`live binding: ${counter}`);
increase();
console.log(`after a change: ${counter} ${counting.counter}`);
console.log(`circle: ${isEven(10)} ${fromEven}`);
console.log(`${defaultName} ${other} ${first}`);
console.log(`namespace: ${Object.keys(counting).sort().join(" ")}`);
try {
  (counting as { counter: number }).counter = 5;
  console.log("a namespace can be written");
} catch (error) {
  console.log(`a namespace is read-only: ${(error as Error).name}`);
}
const effects = (globalThis as unknown as { effects: string[] }).effects;
console.log(`order: ${effects.join(" ")}`);
