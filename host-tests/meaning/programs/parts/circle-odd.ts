import { fromEven, isEven } from "./circle-even.ts";

export const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);
let early = "";
try {
  early = fromEven;
} catch (error) {
  early = (error as Error).name;
}
(globalThis as unknown as { effects: string[] }).effects.push(`odd:${early}`);
