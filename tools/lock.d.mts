/** What TypeScript sees of lock.mjs. */
export function tryLock(file: string): (() => void) | undefined;
export function lock(file: string): Promise<() => void>;
export function lockBlocking(file: string, onWait: () => void): () => void;
