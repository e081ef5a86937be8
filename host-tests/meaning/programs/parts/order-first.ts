import "./order-second.ts";

(globalThis as unknown as { effects: string[] }).effects.push("first");
export const first = "first";
