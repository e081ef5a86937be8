const list: string[] = [];
(globalThis as unknown as { effects: string[] }).effects = list;
list.push("effect");
