/** What TypeScript sees of lock.mjs. */
export interface LockOptions {
  readonly afterMs?: number;
  readonly onWait?: (pid: number) => void;
  readonly signal?: AbortSignal;
}
export function tryLock(file: string): (() => void) | undefined;
export function lock(file: string, options?: LockOptions): Promise<() => void>;
