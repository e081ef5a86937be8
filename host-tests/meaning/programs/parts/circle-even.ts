import { isOdd } from "./circle-odd.ts";

export const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
export const fromEven = "even";
(globalThis as unknown as { effects: string[] }).effects.push("even");
