/** What TypeScript sees of storage.mjs. */
export function storageProblem(error: unknown): string | undefined;
