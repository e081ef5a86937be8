(globalThis as unknown as { effects: string[] }).effects.push("counter");
export let counter = 0;
export function increase(): void {
  counter++;
}
