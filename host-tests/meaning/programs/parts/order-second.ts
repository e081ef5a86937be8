(globalThis as unknown as { effects: string[] }).effects.push("second");
export const neverUsed = (globalThis as unknown as { effects: string[] }).effects.push("never used");
