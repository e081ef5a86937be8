/** What TypeScript sees of command.mjs. */
export function runDoctor(args: readonly string[]): Promise<number>;
